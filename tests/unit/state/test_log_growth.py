"""A change costs in bytes what the change is, however large the state."""

from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from typing import Any

import pytest


class Row:
    def __init__(self, n: int) -> None:
        self.n = n
        self.tags: list[int] = []


def increment(row: Any) -> None:
    row.n += 1


IDIOMS: dict[str, tuple[Callable[[int], Any], Callable[[Any, int], Any]]] = {
    "append": (lambda n: list(range(n)), lambda x, n: x.append(1)),
    "item of a list": (lambda n: list(range(n)), lambda x, n: x.__setitem__(n // 2, 0)),
    "insert": (lambda n: list(range(n)), lambda x, n: x.insert(n // 2, 0)),
    "pop": (lambda n: list(range(n)), lambda x, n: x.pop(0)),
    "delete a slice": (lambda n: list(range(n)), lambda x, n: x.__delitem__(slice(5, n - 5))),
    "row of a list": (lambda n: [Row(i) for i in range(n)], lambda x, n: increment(x[n // 2])),
    "list of a row": (lambda n: [Row(i) for i in range(n)], lambda x, n: x[n // 2].tags.append(1)),
    "swap": (lambda n: [[i] for i in range(n)], lambda x, n: x.__setitem__(slice(0, 2), x[1::-1])),
    "key": (lambda n: dict.fromkeys(range(n), 0), lambda x, n: x.__setitem__(n // 2, 1)),
    "key and its row": (lambda n: {i: Row(i) for i in range(n)}, lambda x, n: increment(x[n // 2])),
    "dict of dicts": (lambda n: {i: {"n": 0} for i in range(n)}, lambda x, n: x[n // 2].update(n=1)),
    "setdefault": (lambda n: {i: [0] for i in range(n)}, lambda x, n: x.setdefault(-1, []).append(1)),
    "popitem": (lambda n: dict.fromkeys(range(n)), lambda x, n: x.popitem()),
    "first key": (lambda n: dict.fromkeys(range(n)), lambda x, n: x.pop(next(iter(x)))),
    "defaultdict": (lambda n: defaultdict(list, {i: [] for i in range(n)}), lambda x, n: x[-1].append(1)),
    "Counter": (lambda n: Counter(range(n)), lambda x, n: x.update([1, 2, 3])),
    "OrderedDict": (lambda n: OrderedDict.fromkeys(range(n)), lambda x, n: x.move_to_end(n // 2)),
    "least recently used": (lambda n: OrderedDict.fromkeys(range(n)), lambda x, n: x.popitem(last=False)),
    "add": (lambda n: set(range(n)), lambda x, n: x.add(-1)),
    "discard": (lambda n: set(range(n)), lambda x, n: x.discard(n // 2)),
    "queue": (lambda n: deque(range(n)), lambda x, n: x.append(x.popleft())),
    "rotate": (lambda n: deque(range(n)), lambda x, n: x.rotate(3)),
    "byte": (lambda n: bytearray(n), lambda x, n: x.__setitem__(n // 2, 1)),
    "splice bytes": (lambda n: bytearray(n), lambda x, n: x.__setitem__(slice(3, 5), b"12345")),
    "clear": (lambda n: list(range(n)), lambda x, n: x.clear()),
    "reverse": (lambda n: list(range(n)), lambda x, n: x.reverse()),
}


@pytest.mark.parametrize("name", IDIOMS)
def test_bytes_of_a_change(shared: Any, name: str) -> None:
    make, change = IDIOMS[name]
    sizes = []
    for n in (100, 20_000):
        shared.names["x"] = make(n)
        shared.end()
        change(shared.names["x"], n)
        sizes.append(shared.end())
        assert repr(shared.copy["x"])[:0] == ""
        assert list(shared.copy["x"]) == list(shared.names["x"]) or name.startswith(("row", "list", "swap"))
    # Numbers take a byte or two more where there are more of them.
    assert 0 < sizes[0] <= sizes[1] <= sizes[0] + 8, sizes


def test_nothing_is_published_when_nothing_has_changed(shared: Any) -> None:
    shared.names["x"] = [Row(1)]
    shared.end()
    shared.names["x"].sort(key=lambda row: row.n)
    {1: 2} | dict.fromkeys(shared.names)
    assert shared.end() == 0
