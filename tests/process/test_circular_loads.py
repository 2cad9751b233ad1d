"""Objects that are read while a part of them is loaded: a sorted list whose key function looks into what holds it."""

from collections.abc import Callable, Iterable
from typing import Any

from share import Share


class Sorted:
    """As SortedKeyList of sortedcontainers: made anew from its items, it sorts them by its key."""

    def __init__(self, items: Iterable[Any], key: Callable[[Any], Any]) -> None:
        self.key = key
        self.items = sorted(items, key=key)

    def __reduce__(self) -> Any:
        return Sorted, (list(self.items), self.key)


class ByValue(dict[str, int]):
    def __init__(self, **items: int) -> None:
        super().__init__(items)
        self.sorted = Sorted(items, lambda name: self[name])

    def __setitem__(self, name: str, value: int) -> None:
        super().__setitem__(name, value)
        self.sorted = Sorted(self.keys(), lambda name: self[name])

    def names(self) -> list[str]:
        return list(self.sorted.items)


def test_loading_a_part_reads_the_object(shared: Share) -> None:
    shared.table = ByValue(a=2, b=1, c=3)
    assert len(shared.table) == 3
    assert shared.table.names() == ["b", "a", "c"]
    shared.table["b"] = 9
    assert shared.table.names() == ["a", "c", "b"]
    assert shared.table["b"] == 9
