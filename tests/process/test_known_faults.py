"""Faults that other libraries of this kind have, each of which must not happen here."""

import collections
import os
import pathlib
import signal
import time
from typing import Any

import pytest
from classes import Box, Counter, Gate, Log, Registry, add_to_attribute, add_to_item, add_to_name
from programs import run_script, wait_for

from share import CoordinatorLostError, NotShareableError, Share

WORKERS, TIMES = 4, 1000


def run(context: Any, function: Any, shared: Share) -> None:
    """Several processes that do the same."""
    processes = [context.Process(target=function, args=(shared, TIMES)) for _ in range(WORKERS)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * WORKERS


@pytest.mark.parametrize("method", ["fork"])
def test_name_plus_equals_loses_nothing(context: Any, shared: Share) -> None:
    """``shared.n += 1`` from several processes."""
    shared.n = 0
    run(context, add_to_name, shared)
    assert shared.n == WORKERS * TIMES


@pytest.mark.parametrize("method", ["fork"])
def test_attribute_plus_equals_loses_nothing(context: Any, shared: Share) -> None:
    """``obj.attr += 1`` from several processes."""
    shared.counter = Counter()
    run(context, add_to_attribute, shared)
    assert shared.counter.n == WORKERS * TIMES


@pytest.mark.parametrize("method", ["fork"])
def test_item_plus_equals_loses_nothing(context: Any, shared: Share) -> None:
    """``d[k] += 1`` from several processes."""
    shared.counts = {"k": 0}
    run(context, add_to_item, shared)
    assert shared.counts["k"] == WORKERS * TIMES


def test_reassigned_name_does_not_resurrect(shared: Share) -> None:
    """Reassigning a name and then calling a method works on the new object."""
    shared.counter = Counter()
    for _ in range(1000):
        shared.counter.increment()
    shared.counter = Counter()
    shared.counter.increment()
    assert shared.counter.n == 1


def test_delete_behind_a_backlog(shared: Share, tmp_path: pathlib.Path) -> None:
    """Delete-then-recreate behind a backlog leaves the new object."""
    shared.gate, shared.log = Gate(), Log()
    shared.gate.enter(str(tmp_path / "open"))
    for number in range(500):
        shared.log.write(0, number)
    del shared.log
    shared.log = Log()
    (tmp_path / "open").touch()
    shared.flush()
    assert "log" in shared and shared.log.count() == 0


def test_nested_writes_are_kept(shared: Share) -> None:
    """Writes inside nested state, by a method and from outside."""
    shared.box = Box({"a": {"b": [1]}})
    shared.box.content["a"]["b"].append(2)
    shared.box.content["a"]["c"] = 3
    assert shared.box.content == {"a": {"b": [1, 2], "c": 3}}
    shared.other = Box(Counter())
    shared.other.content.increment()
    shared.other.content.n += 1
    assert shared.other.content.n == 2


def test_methods_that_write_and_return(shared: Share) -> None:
    """Their value comes back."""
    shared.counter = Counter()
    assert [shared.counter.next() for _ in range(5)] == [1, 2, 3, 4, 5]


def test_methods_defined_in_c(shared: Share) -> None:
    """Those of built-in types and their subclasses have results too."""
    shared.items, shared.table, shared.queue = [3, 1, 2], {"a": 1}, collections.deque([1, 2])
    shared.ordered, shared.tally = collections.OrderedDict(a=1, b=2), collections.Counter("abca")
    assert shared.items.pop() == 2 and shared.items.index(1) == 1 and shared.items.count(3) == 1
    assert shared.table.setdefault("b", 5) == 5 and shared.table.pop("a") == 1 and shared.table.get("b") == 5
    assert shared.queue.popleft() == 1 and len(shared.queue) == 1
    assert shared.ordered.popitem(last=False) == ("a", 1)
    assert shared.tally.most_common(1) == [("a", 2)] and shared.tally.total() == 4
    shared.items.sort()
    assert list(shared.items) == [1, 3]


@pytest.mark.parametrize(
    "value",
    [[1, 2], {"a": [1]}, {1, 2}, collections.deque([1, 2]), bytearray(b"ab")],
    ids=lambda v: type(v).__name__,
)
def test_containers_equal_plain_ones(value: Any, shared: Share) -> None:
    """``shared.l == [1, 2]``, from both sides, and not unequal at the same time."""
    shared.value = value
    assert shared.value == value and value == shared.value
    assert (shared.value != value, value != shared.value) == (False, False)
    assert shared.value != type(value)()
    shared.other = value
    assert shared.value == shared.other
    assert len(shared.value) == len(value) and list(shared.value) == list(value) and bool(shared.value)


def test_reads_after_clear(shared: Share) -> None:
    """clear() leaves nothing that a reader would wait for: the share works on at once."""
    shared.counter, shared.x = Counter(), 1
    shared.counter.increment()
    shared.clear()
    assert not hasattr(shared, "x") and not hasattr(shared, "counter")
    shared.x = 2
    assert shared.x == 2
    assert shared.health().backlog == 0


def test_closing_drains(tmp_path: pathlib.Path) -> None:
    """A program that ends behind a backlog of writes does not lose them."""
    source = f"""
from share import Share
from classes import Recorder
with Share() as shared:
    shared.recorder = Recorder({str(tmp_path / "record")!r})
    for number in range(2000):
        shared.recorder.record(number)
"""
    run_script(tmp_path, source)
    assert (tmp_path / "record").read_text().split() == [str(n) for n in range(2000)]


def test_generator_arguments_are_not_consumed(shared: Share) -> None:
    """A generator cannot travel: an error, and it still has all its items."""
    shared.box = Box()
    generator = (n for n in range(3))
    with pytest.raises(NotShareableError):
        shared.box.put(generator)
    with pytest.raises(NotShareableError):
        shared.generator = generator
    assert list(generator) == [0, 1, 2]


def test_class_of_main_keeps_its_identity(tmp_path: pathlib.Path) -> None:
    """A class of ``__main__`` comes back as that class, also inside state and results."""
    source = """
from share import Share

class Point:
    def __init__(self, x):
        self.x = x

class Holder:
    def __init__(self):
        self.points = [Point(1)]

    def first(self):
        return self.points[0]

    def grow(self):
        self.points.append(Point(2))
        return Point(3)

if __name__ == "__main__":
    with Share() as shared:
        shared.holder = Holder()
        results = [shared.holder.first(), shared.holder.grow(), *shared.holder.points]
        print(shared.holder.__class__ is Holder, [isinstance(p, Point) and p.x for p in results])
"""
    assert run_script(tmp_path, source) == "True [1, 3, 1, 2]\n"


def test_plain_processes_work(context: Any, shared: Share) -> None:
    """multiprocessing.Process with the share as an argument, no pool and no worker class of ours."""
    shared.counts, shared.n, shared.counter = {"k": 0}, 0, Counter()
    process = context.Process(target=add_to_item, args=(shared, 10))
    process.start()
    process.join()
    assert process.exitcode == 0 and shared.counts["k"] == 10


def test_killed_coordinator_never_gives_old_values() -> None:
    """Nobody waits for a dead coordinator for ever, or gets what was true before it died."""
    with Share() as shared:
        shared.counter = Counter()
        for _ in range(100):
            shared.counter.increment()
        assert shared.counter.n == 100
        os.kill(shared.health().coordinator, signal.SIGKILL)
        for number in range(5):
            try:
                shared.counter.increment()
                assert shared.counter.n == 101 + number
            except CoordinatorLostError:
                break


def test_killed_worker_blocks_nobody(shared: Share) -> None:
    """Many workers, each killed at some moment of its writing."""
    import multiprocessing

    from classes import increment_and_count

    shared.counter = Counter()
    context = multiprocessing.get_context("fork")
    for turn in range(10):
        done = context.RawValue("Q", 0)
        worker = context.Process(target=increment_and_count, args=(shared, done))
        worker.start()
        wait_for(lambda: done.value > 10 + 7 * turn)  # noqa: B023
        os.kill(worker.pid, signal.SIGKILL)
        worker.join()
        assert shared.counter.next() > done.value


@pytest.mark.parametrize("method", ["spawn"], ids=["other"])
def test_objects_made_elsewhere_are_seen(context: Any, shared: Share) -> None:
    """An object that a worker creates is there for everybody as soon as the assignment has returned."""
    from classes import make_object

    process = context.Process(target=make_object, args=((shared, "made"),))
    process.start()
    process.join()
    shared.made.increment()
    assert shared.made.n == 2


def test_idle_share_uses_no_time(shared: Share) -> None:
    """No periodic tick: an idle coordinator burns no processor time."""
    import psutil

    shared.registry = Registry()
    shared.flush()
    coordinator = psutil.Process(shared.health().coordinator)
    wait_for(lambda: coordinator.status() == psutil.STATUS_SLEEPING)

    def does_nothing_for_a_while() -> bool:  # at last: it may still be tidying up
        before = coordinator.cpu_times()
        time.sleep(0.5)
        after = coordinator.cpu_times()
        return after.user + after.system - before.user - before.system <= 0.02

    wait_for(does_nothing_for_a_while)
