"""A class of so much code that it is not followed all at once, and parts whose methods go past recording."""

import bisect  # noqa: F401  (of the code below)
import collections  # noqa: F401
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
