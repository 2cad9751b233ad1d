"""Parts that have been removed stay for those who hold them: a swap is two commands."""

import gc
import os
import signal
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from share import Share


class Row:
    """A part."""

    def __init__(self, n: int = 1) -> None:
        self.n = n
        self.state = "new"


class Mark:
    """Says that it has gone."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __del__(self) -> None:
        Path(self.path).touch()


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

    def pop(self) -> None:
        self.rows.pop()

    def mark(self, path: str) -> None:
        self.kept = Mark(path)

    def take_unbound(self) -> Any:
        return list.pop(self.rows)

    def push_slotted(self, n: int) -> None:
        self.rows.append(Slotted(n))

    def take_slotted(self) -> Any:
        self.rows.append(Slotted(-1))
        return self.rows.pop()

    def count_slotted(self) -> int:
        return Slotted.living

    def count_rows(self) -> int:
        gc.collect()
        return sum(type(each) is Row for each in gc.get_objects())

    def count_jobs(self) -> int:
        return living_jobs()


class Slotted:
    """Published whole, and without weak references."""

    __slots__ = ("n",)
    living = 0

    def __init__(self, n: int) -> None:
        self.n = n
        Slotted.living += 1

    def __del__(self) -> None:
        Slotted.living -= 1

    def __reduce__(self) -> Any:
        return Slotted, (self.n,)


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


def clear_unbound(table: Any) -> None:
    list.clear(table.rows)


def clear_the_dict(table: Any) -> None:
    dict.clear(table.table)
    OrderedDict.clear(table.order)


def set_in_vars(table: Any) -> None:
    vars(table)["queue"] = None
    vars(table)["rows"].clear()


def set_past_the_class(table: Any) -> None:
    object.__setattr__(table, "rows", None)


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


@pytest.mark.parametrize("is_nested", [False, True])
@pytest.mark.parametrize("remove", [clear_unbound, clear_the_dict, set_in_vars, set_past_the_class])
def test_parts_removed_past_recording(remove: Callable[[Any], None], is_nested: bool, shared: Share) -> None:
    shared.other = Table()
    if is_nested:
        shared.tables = [Table()]
        table = shared.tables[0]
    else:
        table = shared.table = Table()
    held = [table.rows[0], table.table["k"], table.order["k"], table.queue[0]]
    shared.transact(remove, table)
    for i, row in enumerate(held):
        row.n = i
        shared.other.rows.append(row)
    assert [row.n for row in shared.other.rows] == [1, 1, *range(len(held))]


def test_the_last_holder_takes_a_part_away_past_recording(shared: Share) -> None:
    """What nothing holds any more when it is returned is a plain object, as ever."""
    shared.table = Table()
    row = shared.table.take_unbound()
    assert type(row) is Row
    row.n = 5
    assert row.n == 5 and len(shared.table.rows) == 1


def test_opaque_parts_without_weak_references_go(shared: Share) -> None:
    shared.table = Table()
    for i in range(8000):
        shared.table.push_slotted(i)
        shared.table.pop()
    # It is not looked after every command which are still held.
    assert shared.table.count_slotted.call() < 6000
    assert shared.table.take_slotted().n == -1


@pytest.mark.slow
@pytest.mark.parametrize("held", [False, True])
def test_an_idle_coordinator_gives_removed_parts_up(held: bool, shared: Share, tmp_path: Path) -> None:
    end = tmp_path / "end"
    shared.table = Table()
    shared.table.mark(str(end))
    mark = shared.table.kept
    shared.table.kept = None
    assert shared.table.kept is None  # no cache has the part, either
    shared.flush()
    deadline = time.monotonic() + 60
    if held:
        committed = shared.health().commit
        while shared.health().commit == committed and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not end.exists() and mark.path == str(end)
    del mark
    gc.collect()
    while not end.exists() and time.monotonic() < deadline:  # nobody sends a command
        time.sleep(0.1)
    assert end.exists()


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
