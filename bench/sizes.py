"""What a change costs, seen by who made it, in containers of 100 to 100,000 items."""

import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

from share import shareable

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SIZES", "BySize", "by_size"]

SIZES = (100, 1_000, 10_000, 100_000)
WRITES = 20
LONG = 0.02  # seconds for a write of which one round is enough


@dataclass(frozen=True)
class BySize:
    """Seconds for a write and the read that sees it, by the number of items."""

    operation: str
    name: str
    seconds: dict[int, float]


class Row:
    def __init__(self, n: int) -> None:
        self.n = n


@shareable
class Rows:
    def __init__(self, size: int) -> None:
        self.rows = [Row(k) for k in range(size)]

    def add(self, i: int) -> None:
        self.rows[i].n += 1

    def get(self, i: int) -> int:
        return self.rows[i].n


def set_item(table: Any, i: int) -> None:
    table[i] = i
    table[i]


def append(items: Any, i: int) -> None:
    items.append(i)
    items[-1]


def add(rows: Any, i: int) -> None:
    rows.add(i)
    rows.get(i)


def by_size(names: dict[str, Any], rounds: int) -> list[BySize]:
    """Of share, of a Manager, and of plain objects, in turns."""
    kinds: dict[str, tuple[Callable[[int], Any], Callable[[Any, int], None], str]] = {
        "table[k] = v, then table[k]": (lambda size: dict.fromkeys(range(size), 1), set_item, "dict"),
        "items.append(x), then items[-1]": (lambda size: list(range(size)), append, "list"),
        "rows[i].n += 1 by a method, then rows[i].n": (Rows, add, ""),
    }
    shared, manager = names["shared"], names["manager"]
    found = []
    for operation, (make, change, managed) in kinds.items():
        subjects: dict[tuple[str, int], Any] = {}
        for size in SIZES:
            shared[f"size{size}"] = make(size)
            subjects["share", size] = shared[f"size{size}"]
            subjects["plain", size] = make(size)
            if managed:
                subjects["Manager", size] = getattr(manager, managed)(make(size))
        taken: dict[tuple[str, int], list[float]] = {key: [] for key in subjects}
        for _ in range(rounds + 1):
            for key, subject in subjects.items():
                if taken[key] and taken[key][0] > LONG:
                    continue
                start = time.perf_counter()
                for i in range(WRITES):
                    change(subject, i)
                taken[key].append((time.perf_counter() - start) / WRITES)
        for name in dict.fromkeys(name for name, _ in subjects):
            found.append(
                BySize(
                    operation,
                    name,
                    {size: median(taken[name, size][1:] or taken[name, size]) for size in SIZES},
                )
            )
    for size in SIZES:
        del shared[f"size{size}"]
    return found
