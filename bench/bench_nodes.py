"""What recording costs: each statement on a plain object and on a node, in one loop each; run it by itself.

The time of a node includes the end of the command. Medians of rounds that take turns.
"""

import statistics
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from typing import Any

from share.state import State

TIMES, ROUNDS = 20_000, 9
WORDS = [str(i % 500) for i in range(TIMES)]


class Plain:
    """Of the objects that are no nodes, so that they do not pay for those that are."""

    def __init__(self, n: int) -> None:
        self.n = n


class Row(Plain):
    """Of the nodes."""


def append(x: Any, row: type) -> None:
    for i in range(TIMES):
        x.append(i)


def set_item(x: Any, row: type) -> None:
    for i in range(TIMES):
        x[i & 63] = i


def count(x: Any, row: type) -> None:
    for i in range(TIMES):
        x[i & 255] = x.get(i & 255, 0) + 1


def increment(x: Any, row: type) -> None:
    for _ in range(TIMES):
        x.n += 1


def set_attribute(x: Any, row: type) -> None:
    for i in range(TIMES):
        x.n = i


def increment_rows(x: Any, row: type) -> None:
    for i in range(TIMES):
        x[i & 63].n += 1


def append_to_lists(x: Any, row: type) -> None:
    for i in range(TIMES):
        x[i & 63].append(i)


def add(x: Any, row: type) -> None:
    for i in range(TIMES):
        x.add(i)


def queue(x: Any, row: type) -> None:
    for i in range(TIMES):
        x.append(i)
        x.popleft()


def append_rows(x: Any, row: type) -> None:
    for i in range(TIMES):
        x.append(row(i))


def count_words(x: Any, row: type) -> None:
    x.update(WORDS)


def move_to_end(x: Any, row: type) -> None:
    for i in range(TIMES):
        x.move_to_end(i & 63)


CASES: dict[str, tuple[Callable[[type], Any], Callable[[Any, type], None]]] = {
    "l.append(i)": (lambda row: [], append),
    "l[i] = x": (lambda row: list(range(64)), set_item),
    "d[k] = i": (lambda row: {}, set_item),
    "d[k] = d.get(k, 0) + 1": (lambda row: {}, count),
    "row.n += 1": (lambda row: row(0), increment),
    "row.n = i": (lambda row: row(0), set_attribute),
    "rows[i].n += 1": (lambda row: [row(i) for i in range(64)], increment_rows),
    "d[k].append(x)": (lambda row: {i: [] for i in range(64)}, append_to_lists),
    "s.add(i)": (lambda row: set(), add),
    "q.append(i); q.popleft()": (lambda row: deque([1]), queue),
    "l.append(Row(i))": (lambda row: [], append_rows),
    "Counter.update(words)": (lambda row: Counter(), count_words),
    "od.move_to_end(k)": (lambda row: OrderedDict.fromkeys(range(64)), move_to_end),
}


def main() -> None:
    state = State()
    for name, (make, run) in CASES.items():
        plain, recorded = [], []
        for _ in range(ROUNDS):
            x = make(Plain)
            start = time.perf_counter()
            run(x, Plain)
            plain.append(time.perf_counter() - start)
            x = make(Row)
            state.names["x"] = [x]
            state.end()
            start = time.perf_counter()
            run(x, Row)
            state.end()
            recorded.append(time.perf_counter() - start)
        a, b = (statistics.median(times) / TIMES * 1e9 for times in (plain, recorded))
        print(f"{name:26} plain {a:7.1f} ns   node {b:7.1f} ns   {b / a:5.2f} x")
    state.close()


if __name__ == "__main__":
    main()
