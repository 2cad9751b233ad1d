"""A class of so much code that it is not followed all at once, and parts whose methods go past recording."""

import bisect  # noqa: F401  (of the code below)
import collections  # noqa: F401
import functools
from dataclasses import dataclass
from typing import Any

encoded = 0


class Stamp(str):
    """Counts how often what holds it is encoded, in each process."""

    __slots__ = ()

    def __reduce__(self) -> Any:
        global encoded
        encoded += 1
        return Stamp, (str(self),)


@dataclass
class Row:
    n: int = 0


_IDIOMS = [
    ("[Row(k) for k in range(9)]", "self.{0}[i].n += 1"),
    ("dict.fromkeys(range(9), 0)", "self.{0}[i] = self.{0}.get(i, 0) + 1"),
    ("{{k: [k] for k in range(9)}}", "self.{0}.setdefault(i, []).append(i)"),
    ("{{k: collections.Counter(a=1) for k in range(9)}}", "self.{0}[i].update('ab'); self.{0}[i]['c'] += 1"),
    ("collections.OrderedDict((k, k) for k in range(9))", "key, value = self.{0}.popitem(); self.{0}[key] = value"),
    ("list(range(9))", "del self.{0}[0]; bisect.insort(self.{0}, i)"),
    ("collections.deque(Row(k) for k in range(9))", "row = self.{0}.popleft(); row.n += 1; self.{0}.append(row)"),
    ("[{{'n': k}} for k in range(9)]", "self.{0}[i], self.{0}[8] = self.{0}[8], self.{0}[i]"),
    ("{{k: {{k}} for k in range(9)}}", "self.{0}[i].add(-i) if i in self.{0} else self.{0}.update({{i: set()}})"),
    ("[(k, [k]) for k in range(9)]", "self.{0}[i][1].append(self.{0}[8])"),
]  # fmt: skip
MANY = 150
_INIT = "\n".join(f"        self.a{k} = {_IDIOMS[k % 10][0].format()}" for k in range(MANY))
_WRITES = "\n".join(
    f"    def write{k}(self, i):\n        {_IDIOMS[k % 10][1].format(f'a{k}')}\n" for k in range(MANY)
)


class Base:
    """What the large class has besides: a part that says when it is looked at."""

    stamps: list[Stamp]

    def encoded(self) -> int:
        return encoded

    def hide(self, i: int) -> None:
        list.append(self.stamps, i)  # type: ignore[arg-type]


exec(
    compile(
        "class Large(Base):\n    def __init__(self):\n        self.stamps = [Stamp('s')]\n"
        f"{_INIT}\n\n{_WRITES}",
        __file__ + ":Large",
        "exec",
    )
)


class Part:
    def __init__(self) -> None:
        self.n = 0
        self.items: list[int] = []

    def update(self, **changed: int) -> None:
        self.__dict__.update(changed)

    def put(self, n: int) -> None:
        vars(self)["n"] = n

    def hide(self, n: int) -> None:
        list.append(self.items, n)

    @property
    def last(self) -> int:
        return self.items[-1]

    @last.setter
    def last(self, n: int) -> None:
        list.append(self.items, n)


class Quiet:
    """A part of which nothing goes past recording."""

    def __init__(self) -> None:
        self.n = 0
        self.items: list[int] = []


class Board:
    """Knows nothing of what it is given."""

    def __init__(self, parts: Any) -> None:
        self.parts = parts

    def update(self, n: int) -> None:
        self.parts[0].update(n=n)

    def put(self, n: int) -> None:
        self.parts[0].put(n)

    def hide(self, n: int) -> None:
        self.parts[0].hide(n)

    def last(self, n: int) -> None:
        self.parts[0].last = n

    def add(self, make: Any, n: int) -> None:
        self.parts.insert(0, make())
        self.parts[0].hide(n)

    @property
    def first(self) -> int:
        return len(self.parts[0].items)

    @first.setter
    def first(self, n: int) -> None:
        self.parts[0].hide(n)


class Group:
    """A part that has parts."""

    def __init__(self, parts: Any) -> None:
        self.parts = parts

    def hide(self, n: int) -> None:
        self.parts[0].hide(n)


def put_into(items: Any, n: int) -> None:
    list.append(items, n)


class Taker:
    """Its methods are given parts, and change them past recording; each in a way of its own."""

    def __init__(self, parts: Any = (), stamps: Any = ()) -> None:
        self.parts = list(parts)
        self.stamps = stamps
        self.kept: Any = None
        self.many: list[Any] = []

    def encoded(self) -> int:
        return encoded

    def unbound(self, part: Any, n: int) -> None:
        list.append(part.items, n)

    def hinted(self, part: Part, n: int) -> None:
        list.append(part.items, n)

    def its_method(self, part: Any, n: int) -> None:
        part.hide(n)

    def its_setter(self, part: Any, n: int) -> None:
        part.last = n

    def by_vars(self, part: Any, n: int) -> None:
        vars(part)["items"] = [*part.items, n]

    def by_name(self, part: Any, n: int) -> None:
        list.append(getattr(part, "items"), n)  # noqa: B009

    def by_function(self, part: Any, n: int) -> None:
        put_into(part.items, n)

    def by_unknown_code(self, part: Any, n: int) -> None:
        functools.partial(list.append, part.items)(n)

    def by_map(self, part: Any, n: int) -> None:
        list(map(list.append, [part.items], [n]))

    def by_closure(self, part: Any, n: int) -> None:
        def inner() -> None:
            list.append(part.items, n)

        inner()

    def in_a_list(self, part: Any, n: int) -> None:
        held = [part]
        list.append(held[0].items, n)

    def of_many(self, *given: Any) -> None:
        list.append(given[0].items, given[1])

    def once_kept(self, part: Any, n: int) -> None:
        self.kept = part
        list.append(self.kept.items, n)

    def once_stored(self, part: Any, n: int) -> None:
        self.many.append(part)
        list.append(self.many[-1].items, n)

    def later(self, part: Any, n: int) -> Any:
        yield 1
        list.append(part.items, n)


class Keeper:
    """What it does to parts is recorded."""

    def __init__(self) -> None:
        self.kept: Any = None

    def recorded(self, part: Any, n: int) -> None:
        self.kept = part
        part.items.append(n)
        part.n += 1
