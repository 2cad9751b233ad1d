"""Classes with objects in objects, and what worker processes do with them."""

import weakref
from collections import Counter, defaultdict, deque
from typing import Any


class Timer:
    """Counts; ``get`` only reads."""

    def __init__(self) -> None:
        self.starts = 0
        self.log: list[int] = []

    def start(self) -> None:
        self.starts += 1
        self.log.append(self.starts)

    def stop(self) -> int:
        self.starts -= 1
        return self.starts

    def get(self) -> int:
        return self.starts

    def entries(self) -> list[int]:
        return self.log

    @property
    def doubled(self) -> int:
        return 2 * self.starts

    @doubled.setter
    def doubled(self, value: int) -> None:
        self.starts = value // 2


class Slotted:
    """Attributes in slots."""

    __slots__ = ("a", "b")

    def __init__(self) -> None:
        self.a, self.b = 1, [2]


class Stats:
    """An object that holds one of everything."""

    def __init__(self) -> None:
        self.n = 0
        self.text = ""
        self.timer = Timer()
        self.slotted = Slotted()
        self.items: list[Any] = []
        self.table: dict[Any, Any] = {"a": {"b": 0}}
        self.seen: set[Any] = set()
        self.queue: deque[Any] = deque(maxlen=3)
        self.raw = bytearray(b"abc")
        self.groups: defaultdict[str, list[int]] = defaultdict(list)
        self.words: Counter[str] = Counter()
        self.pair = ([1], 2)


class Bag:
    """Anything may be set on it."""


class Names(list[str]):
    """A list with a method, an attribute and an item rule of its own."""

    def __init__(self, *names: str) -> None:
        super().__init__(names)
        self.title = "names"

    def __getitem__(self, key: Any) -> Any:
        return f"<{super().__getitem__(key)}>"

    def shout(self) -> str:
        return " ".join(self).upper()

    def add(self, name: str) -> None:
        self.append(name)


TIMES = 10_000


def add_everywhere(shared: Any) -> None:
    """Each kind of augmented assignment, many times."""
    stats = shared.stats
    for _ in range(TIMES):
        shared.n += 1
        stats.n += 1
        shared.d["k"] += 1
        shared.l[0] += 1
        shared.nested["a"]["b"] += 1


def mixed_operators(shared: Any) -> None:
    """Operators whose order does not matter, on other types."""
    for _ in range(TIMES // 10):
        shared.f -= 0.5
        shared.text += "x"
        shared.bits ^= 1
        shared.stats.text += "ab"
        shared.t += (1,)


def append_everywhere(shared: Any, who: int) -> None:
    """Writes through nested proxies of every depth."""
    for i in range(100):
        shared.stats.items.append((who, i))
        shared.stats.timer.start()
        shared.stats.table["a"].setdefault(who, []).append(i)
        shared.stats.groups["g"].append(who)
        shared.bag.inner.things[0].append(i)


def use_proxy(proxy: Any) -> Any:
    """What a worker sees of a nested proxy that it was sent, and a write of its own."""
    proxy.append("worker")
    return list(proxy), type(proxy).__name__


class Keeper:
    """An object that is given things."""

    def __init__(self) -> None:
        self.kept: list[Any] = []

    def keep(self, thing: Any) -> None:
        thing.append("kept")
        self.kept.append(thing)


class Two:
    """Two containers with a log each, and a method that reads both."""

    def __init__(self, count: int) -> None:
        self.items = list(range(count))
        self.table = {i: i for i in range(count)}

    def ends(self) -> tuple[int, int, bool]:
        count = len(self.items)
        right = self.items == list(range(count)) and self.table == {i: i for i in range(len(self.table))}
        return count, len(self.table), right


def grow_both(two: Any, start: int, count: int) -> None:
    """Appends to one and then to the other."""
    for i in range(start, start + count):
        two.items.append(i)
        two.table[i] = i


class Journal:
    """Says itself what its state is, so it is encoded whole when it is part of something."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def __getstate__(self) -> Any:
        return self.__dict__.copy()

    def record(self, kind: str, **data: Any) -> None:
        self.events.append((kind, data, [[kind]]))


class Tree:
    """Knows its parent by a weak reference."""

    def __init__(self, parent: "Tree | None" = None) -> None:
        self.parent = weakref.ref(parent) if parent is not None else None
        self.children: list[Tree] = []
        self.visits = 0

    def add(self) -> "Tree":
        self.children.append(Tree(self))
        return self.children[-1]

    def visit(self) -> None:
        self.visits += 1

    def parents(self) -> list[Any]:
        return [child.parent for child in self.children]
