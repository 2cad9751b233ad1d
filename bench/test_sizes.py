"""What a change to a container costs must not depend on its size: ratios of one run, at 10^2, 10^4 and 10^6 items.

The three sizes take turns, so that a busy machine slows all of them alike; a ratio that misses is measured again.
"""

import statistics
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from share import Share
from share.cerial import dumps

SIZES = (100, 10_000, 1_000_000)
ATTEMPTS, ROUNDS, TIMES = 4, 15, 200
MOST = 1.3


class Holder:
    """A container of each kind, and a method that changes it."""

    def __init__(self, size: int) -> None:
        self.items = list(range(size))
        self.table = dict(enumerate(range(size)))
        self.seen = set(range(size))
        self.queue = deque(range(size))

    def append(self, n: int) -> None:
        self.items.append(n)

    def set_item(self, n: int) -> None:
        self.table[n % 50] = n

    def add(self, n: int) -> None:
        self.seen.add(n % 50 - 50)

    def popleft(self, n: int) -> None:
        self.queue.append(n)
        self.queue.popleft()


def set_item(table: Any, n: int) -> None:
    table[n % 50] = n


def rotate(queue: Any, n: int) -> None:
    queue.append(n)
    queue.popleft()


def read_after_append(items: Any, n: int) -> None:
    items.append(n)
    assert items[-1] == n


# name -> the object that is shared, what of it is changed, and how
CHANGES: dict[str, tuple[str, Callable[[Any], Any], Callable[[Any, int], Any]]] = {
    "name: list.append": ("items", lambda items: items, lambda items, n: items.append(n)),
    "name: dict[k] = v": ("table", lambda table: table, set_item),
    "name: set.add": ("seen", lambda seen: seen, lambda seen, n: seen.add(n % 50 - 50)),
    "name: deque.popleft": ("queue", lambda queue: queue, rotate),
    "attribute: list.append": ("of", lambda holder: holder.items, lambda items, n: items.append(n)),
    "attribute: dict[k] = v": ("of", lambda holder: holder.table, set_item),
    "attribute: set.add": ("of", lambda holder: holder.seen, lambda seen, n: seen.add(n % 50 - 50)),
    "attribute: deque.popleft": ("of", lambda holder: holder.queue, rotate),
    "read after append": ("of", lambda holder: holder.items, read_after_append),
    "method: list.append": ("of", lambda holder: holder, lambda holder, n: holder.append(n)),
    "method: dict[k] = v": ("of", lambda holder: holder, lambda holder, n: holder.set_item(n)),
    "method: set.add": ("of", lambda holder: holder, lambda holder, n: holder.add(n)),
    "method: deque.popleft": ("of", lambda holder: holder, lambda holder, n: holder.popleft(n)),
}


@pytest.fixture(scope="module")
def shared() -> Iterator[Share]:
    with Share() as share:
        for size in SIZES:
            share[f"of{size}"] = Holder(size)
            for name, value in vars(Holder(size)).items():
                share[f"{name}{size}"] = value
        share.flush()
        yield share


def once(shared: Share, target: Any, change: Callable[[Any, int], Any]) -> float:
    """Seconds for some changes, each seen by a reader's barrier at the latest at the end."""
    start = time.perf_counter()
    for n in range(TIMES):
        change(target, n)
    shared.flush()
    return time.perf_counter() - start


def ratio(shared: Share, name: str) -> tuple[float, list[float]]:
    """Cost at the largest size to cost at the smallest; and the microseconds of a change at each."""
    which, get, change = CHANGES[name]
    targets = [get(shared[f"{which}{size}"]) for size in SIZES]
    for target in targets:
        once(shared, target, change)
    rounds = [[once(shared, target, change) for target in targets] for _ in range(ROUNDS)]
    found = statistics.median(row[-1] / row[0] for row in rounds)
    return found, [statistics.median(times) / TIMES * 1e6 for times in zip(*rounds, strict=True)]


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_costs_the_same_at_each_size(shared: Share, name: str) -> None:
    found = []
    for _ in range(ATTEMPTS):
        value, times = ratio(shared, name)
        print(f"\n{name}: {value:.2f} at 10^6 to 10^2;", *(f"{each:.2f}" for each in times), "us")
        found.append(value)
        if value <= MOST:
            return
    pytest.fail(f"{name} at 10^6 items takes {min(found):.2f} times as long as at 10^2, not {MOST}")


def test_len_of_an_unchanged_list_costs_the_same_at_each_size(shared: Share) -> None:
    """And at most as much as a few plain attribute reads; in microseconds it is printed."""
    lists = [shared[f"of{size}"].items for size in SIZES]
    for items in lists:
        len(items)
    for _ in range(ATTEMPTS):
        rounds = []
        for _ in range(ROUNDS):
            row = []
            for items in lists:
                start = time.perf_counter()
                for _ in range(5000):
                    len(items)
                row.append((time.perf_counter() - start) / 5000 * 1e6)
            rounds.append(row)
        value = statistics.median(row[-1] / row[0] for row in rounds)
        print(f"\nlen: {value:.2f} at 10^6 to 10^2; {statistics.median(row[-1] for row in rounds):.3f} us")
        if value <= MOST:
            return
    pytest.fail(f"len() at 10^6 items takes {value:.2f} times as long as at 10^2")


@pytest.mark.parametrize(
    "kind", [list, set, lambda values: dict.fromkeys(values, 1.5)], ids=["list", "set", "dict"]
)
def test_publication_takes_little_more_memory_than_the_encoded_state(kind: Any) -> None:
    value = kind(range(1_000_000))
    size = len(dumps(value))
    with Share() as shared:
        shared.flush()
        before = shared.health().memory
        shared.value = value
        shared.flush()
        for n in range(20_000):
            if isinstance(value, list):
                shared.value.append(n)
            elif isinstance(value, set):
                shared.value.add(-n)
            else:
                shared.value[n] = 2.5
        shared.flush()
        grown = shared.health().memory - before
        print(f"\n{type(value).__name__}: {grown / size:.2f} times its {size} encoded bytes")
        assert grown <= 2.5 * size
