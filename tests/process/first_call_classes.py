"""A class for test_first_calls."""

from typing import Any


class Book:
    made = 0

    def __init__(self) -> None:
        self.entries: dict[str, int] = {}

    def add(self, name: str, n: int) -> None:
        self.entries[name] = self.entries.get(name, 0) + n

    def pop(self, name: str) -> int:
        return self.entries.pop(name)

    def total(self) -> int:
        return sum(self.entries.values())

    def names(self) -> list[str]:
        return sorted(self.entries)

    @property
    def size(self) -> int:
        return len(self.entries)

    @size.setter
    def size(self, n: int) -> None:
        for name in sorted(self.entries)[n:]:
            del self.entries[name]

    def count_all(self) -> None:
        type(self).made += 1


def use_book(share: Any, results: Any) -> None:
    found = []
    for n in range(20):
        share.book.add("x", n)
        found.append((n, share.book.total()))
    results.put(found)
