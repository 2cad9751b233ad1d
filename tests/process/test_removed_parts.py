"""Parts that have been removed stay for a while for those who hold them: a swap is two commands."""

import gc
import os
import signal
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any

import pytest

from share import Share


class Row:
    """A part."""

    def __init__(self, n: int = 1) -> None:
        self.n = n
        self.state = "new"


class Table:
    """Holds parts in many ways."""

    def __init__(self) -> None:
        self.rows: Any = [Row(), Row()]
        self.table: Any = {"k": Row()}
        self.order: Any = OrderedDict(k=Row())
        self.queue: Any = deque([Row()])
        self.pair: Any = (Row(), 1)
        self.pairs: Any = [(1, (Row(),))]
        self.kept: Any = None
        self.total = 0

    def finish(self) -> None:
        row = self.rows.pop(0)
        row.state = "done"

    def fill(self, count: int) -> None:
        self.rows.extend([Row(i) for i in range(count)])

    def drain(self) -> None:
        while self.rows:
            self.rows.pop(0)

    def empty(self) -> None:
        self.rows.clear()

    def empty_all(self) -> None:
        self.table.clear()
        self.order.clear()
        self.queue.clear()

    def forget_pairs(self) -> None:
        self.pair = None
        self.pairs[0] = None

    def keep(self, row: Row) -> None:
        self.kept = row

    def count_jobs(self) -> int:
        return living_jobs()


class Job:
    """Refers to itself."""

    def __init__(self) -> None:
        self.parts: list[Any] = []

    def link(self) -> None:
        self.parts.append(self)


def living_jobs() -> int:
    gc.collect()
    return sum(type(each) is Job for each in gc.get_objects())


class Opaque:
    """Published whole, so that all is loaded anew when a transaction on it fails."""

    def __init__(self) -> None:
        self.items = [1]

    def __reduce__(self) -> Any:
        return Opaque, ()


def fail_on_opaque(table: Any) -> None:
    table.kept.items.append(1)
    raise KeyError("on purpose")


def reassign(shared: Share) -> None:
    shared.job = Row()
    shared.job = Row()
    del shared.job


def busy(shared: Share) -> None:
    shared.table.fill(1500)
    shared.table.drain()


def clear_many(shared: Share) -> None:
    shared.table.fill(1500)
    shared.table.empty()


def undo(shared: Share) -> None:
    shared.table.kept = Opaque()
    with pytest.raises(KeyError):
        shared.transact(fail_on_opaque, shared.table)


def kill(shared: Share) -> None:
    os.kill(shared.health().coordinator, signal.SIGKILL)


@pytest.mark.parametrize("meanwhile", [reassign, busy, clear_many, undo, kill])
def test_a_swap_and_what_happens_meanwhile(meanwhile: Callable[[Share], None], shared: Share) -> None:
    """``rows[0], rows[1] = rows[1], rows[0]``, with something else between its two commands."""
    shared.rows, shared.table = [Row(0), Row(1), Row(2)], Table()
    rows = shared.rows
    first, second = rows[0], rows[1]
    rows[0] = second
    shared.flush()
    meanwhile(shared)
    shared.flush()
    rows[1] = first
    shared.flush()
    assert [row.n for row in shared.rows] == [1, 0, 2]


def test_a_part_is_removed_and_changed(shared: Share) -> None:
    shared.table = Table()
    row = shared.table.rows[0]
    shared.table.finish()
    shared.flush()
    assert row.state == "done"
    shared.table.keep(row)
    assert shared.table.kept.state == "done"


def test_a_part_is_removed_and_changed_in_two_commands(shared: Share) -> None:
    shared.table = Table()
    row = shared.table.rows[0]
    shared.table.rows.clear()
    row.n = 3
    shared.flush()
    shared.table.rows.append(row)
    assert shared.table.rows[0].n == 3


def test_a_part_is_removed_twice(shared: Share) -> None:
    shared.table = Table()
    row = shared.table.rows[0]
    for i in range(3):
        shared.table.rows.clear()
        shared.flush()
        shared.table.rows.append(row)
        shared.flush()
        row.n = i
    assert shared.table.rows[0].n == 2


def test_parts_that_dicts_deques_and_tuples_held(shared: Share) -> None:
    shared.table = Table()
    table = shared.table
    held = [table.table["k"], table.order["k"], table.queue[0], table.pair[0], table.pairs[0][1][0]]
    table.empty_all()
    table.forget_pairs()
    shared.flush()
    for i, row in enumerate(held):
        row.n = i
        table.rows.append(row)
    assert [row.n for row in table.rows] == [1, 1, *range(len(held))]


def test_objects_that_only_hold_themselves_go(shared: Share) -> None:
    shared.table = Table()
    most = 0
    for _ in range(6):
        for _ in range(60):
            shared.job = Job()
            shared.job.link()
            shared.table.table["job"] = shared.job
            del shared.job
            del shared.table.table["job"]
        most = max(most, shared.table.count_jobs.call())
    assert most < 60
