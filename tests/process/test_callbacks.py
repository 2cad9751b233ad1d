"""Callbacks as arguments of commands: refused where they would change a copy that nobody sees."""

import re
from functools import partial
from typing import Any

import pytest
from classes import Counter

from share import NotShareableError, Share, copied


class Service:
    """Calls what it is given, in the coordinator."""

    def __init__(self) -> None:
        self.items = [3, 1, 2]
        self.calls = 0

    def each(self, function: Any) -> list[Any]:
        self.calls += 1
        return [function(item) for item in self.items]

    def only_reads(self, function: Any) -> list[Any]:
        return [function(item) for item in self.items]


class Local:
    """An object of this process."""

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self.factor = 2

    def keep(self, item: Any) -> None:
        self.last = item

    def times(self, item: int) -> int:
        return item * self.factor


@pytest.fixture
def service(shared: Share) -> Any:
    shared.service = Service()
    return shared.service


def test_what_would_change_a_copy_is_refused(service: Any) -> None:
    seen: list[Any] = []
    table: dict[Any, Any] = {}
    local = Local()
    count = 0

    def keep(item: Any) -> None:
        seen.append(item)

    def fill(item: Any) -> None:
        table[item] = 1

    def step(item: Any) -> None:
        nonlocal count
        count += 1

    def deeper(item: Any) -> None:
        keep(item)

    def assign(item: Any) -> None:
        local.last = item

    for callback in (
        seen.append, table.setdefault, partial(seen.insert, 0), keep, fill, step, deeper, assign, local.keep,
        lambda item: seen.extend([item]),
    ):  # fmt: skip
        with pytest.raises(NotShareableError, match=r"share\.copied"):
            service.each.call(callback)
        with pytest.raises(NotShareableError):
            service.each.call(function=callback)
    assert service.calls == 0


def test_what_only_reads_is_not(service: Any, shared: Share) -> None:
    ranks = {1: "one", 2: "two", 3: "three"}
    local, base = Local(), 10
    shared.counter, shared.found = Counter(), []
    counter, found = shared.counter, shared.found

    def build(item: int) -> dict[int, int]:
        return {item: base}

    def shared_ones(item: int) -> None:
        counter.add(item)
        found.append(item)

    for callback, expected in [
        (str, ["3", "1", "2"]),
        (ranks.get, ["three", "one", "two"]),
        (lambda item: ranks[item], ["three", "one", "two"]),
        (local.times, [6, 2, 4]),
        (partial(max, 2), [3, 2, 2]),
        (build, [{3: 10}, {1: 10}, {2: 10}]),
        (re.compile("x").match, None),
        (found.append, [None] * 3),
        (shared_ones, [None] * 3),
    ]:
        if expected is not None:
            assert service.each.call(callback) == expected
    assert counter.n == 6
    assert list(found) == [3, 1, 2, 3, 1, 2]


def test_a_copy_that_is_meant(service: Any) -> None:
    seen: list[int] = []
    assert service.each.call(copied(seen.append)) == [None] * 3
    assert seen == []
    assert service.only_reads(seen.append) == [None] * 3  # which runs here
    assert seen == [3, 1, 2]


def test_a_transaction_that_would_change_a_copy(shared: Share, service: Any) -> None:
    log: list[int] = []

    def work(service: Service) -> None:
        log.append(service.calls)

    with pytest.raises(NotShareableError, match="'log'"):
        shared.transact(work, service)
    shared.transact(copied(work), service)
