"""The consistency contract, line by line, as programs: ``python contract.py LINE METHOD``.

Each ``line_*`` function runs real processes and raises AssertionError when its line of the contract does not
hold. The suite runs them as they are; it also runs them with the mechanism behind each switched off, and then
they must fail (see test_contract.py).
"""

import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from classes import Counter, Failing, Gate, Log, Pages, Pair, write_log
from programs import wait_for

from share import CorruptDataError, Share, ShareTimeoutError

Context = Any


def run_all(context: Context, *tasks: tuple[Any, ...]) -> None:
    """Runs every (function, *arguments) in a process of its own; all must end well."""
    processes = [context.Process(target=function, args=arguments) for function, *arguments in tasks]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    codes = [process.exitcode for process in processes]
    assert codes == [0] * len(codes), f"exit codes {codes}"


def settle(shared: Any, *names: str) -> None:
    """Waits, without what waits inside the library, until everything is committed.

    So it is the read that a test is about that fails when a mechanism is off, and nothing before it.
    """
    for name in names:
        wait_for(lambda name=name: name in shared, name)
    wait_for(lambda: not shared.health().backlog, "the first commit")


# -- line 1: one total order, and each thread's commands in its own order ------------------------------


def watch_log(shared: Any, total: int) -> None:
    """Every look at the log is a beginning of the next look, and each writer's entries come in order."""
    seen: list[Any] = []
    while len(seen) < total:
        now = shared.log.all()
        assert now[: len(seen)] == seen, "history has been rewritten"
        seen = now
        check_order(seen)


def check_order(entries: list[Any]) -> None:
    """Each writer's numbers go 0, 1, 2, ..."""
    following: dict[Any, int] = {}
    for who, what in entries:
        assert what == following.get(who, 0), (
            f"writer {who}: {what} where {following.get(who, 0)} was to come"
        )
        following[who] = what + 1


def line_1(context: Context) -> None:
    """All commands apply in one total order; those of one thread in the order in which it issued them."""
    writers, times = 3, 400
    with Share() as shared:
        shared.log = Log()
        tasks = [(write_log, shared, who, times) for who in range(writers)]
        run_all(context, *tasks, (watch_log, shared, writers * times))
        entries = shared.log.all()
        check_order(entries)
        assert len(entries) == writers * times


# -- line 2: a read that begins after a write returned sees it -----------------------------------------


def write_and_tell(shared: Any, wire: Any, times: int) -> None:
    """Writes, then tells the other process by a pipe what it must be able to see."""
    for i in range(1, times + 1):
        shared.counter.increment()
        shared.note = i
        wire.send(i)
        wire.recv()


def line_2(context: Context) -> None:
    """A read that begins after a write has returned, in any process, sees that write: attribute, method, name."""
    times = 300
    with Share() as shared:
        shared.counter = Counter()
        shared.note = 0
        settle(shared, "counter", "note")
        here, there = context.Pipe()
        writer = context.Process(target=write_and_tell, args=(shared, there, times), daemon=True)
        writer.start()
        counter = shared.counter
        for i in range(1, times + 1):
            assert here.recv() == i
            assert counter.n >= i, "a stale attribute"
            assert counter.get() >= i, "a stale read-only method"
            assert shared.note >= i, "a stale name"
            # and in the same process: what it has just written itself
            counter.add(1000)
            assert counter.n >= 1000 * i + i, "a stale read of one's own write"
            here.send(None)
        writer.join()
        assert writer.exitcode == 0
        assert counter.n == 1001 * times


# -- line 3: methods are atomic ------------------------------------------------------------------------


def step_until(shared: Any, stop: Any) -> None:
    """Steps until told to stop, never far ahead."""
    while not stop.is_set():
        for _ in range(50):
            shared.pair.step()
        shared.flush()


def flip_until(shared: Any, stop: Any) -> None:
    """Flips until told to stop."""
    while not stop.is_set():
        for _ in range(20):
            shared.pages.flip()
        shared.flush()


def line_3(context: Context, looks: int = 4000) -> None:
    """A read-only method sees its own object's attributes at one commit position."""
    with Share() as shared:
        shared.pair = Pair()
        settle(shared, "pair")
        stop = context.Event()
        worker = context.Process(target=step_until, args=(shared, stop))
        worker.start()
        try:
            pair, last, changes = shared.pair, -1, 0
            while looks > 0 or changes < 100:
                looks -= 1
                left, right = pair.both()
                assert left == right, f"half of a method was seen: {left} and {right}"
                assert left >= last, "time went backwards"
                changes += left != last
                last = left
        finally:
            stop.set()
            worker.join()
        assert worker.exitcode == 0


def line_3_bytes(context: Context, looks: int = 300) -> None:
    """No reader ever sees a value of which half is another's."""
    with Share() as shared:
        shared.pages = Pages(200_000)
        stop = context.Event()
        worker = context.Process(target=flip_until, args=(shared, stop))
        worker.start()
        try:
            pages, seen = shared.pages, set()
            while looks > 0 or len(seen) < 10:
                looks -= 1
                try:
                    page = pages.page
                except CorruptDataError as error:  # the block has been reused meanwhile
                    raise AssertionError(f"a torn value: {error}") from error
                assert page.count(page[0]) == len(page), f"a torn value: {sorted(set(page))}"
                seen.add(page[0])
                assert pages.uniform(), "a torn value in a method: a page of another turn"
        finally:
            stop.set()
            worker.join()
        assert worker.exitcode == 0


def fill_until(shared: Any, stop: Any) -> None:
    """Gives two arrays one number after the other for all their elements, and each time another length."""
    number, grid = 0, shared.grid
    while not stop.is_set():
        for _ in range(5):
            number += 1
            shared.array = grid.filled(number)
            grid.fill(number)
        shared.flush()


def line_3_arrays(context: Context, looks: int = 300) -> None:
    """No reader ever sees a NumPy array of which a part is another's, by name, as an attribute or in a method."""
    import numpy as np
    from numpy_classes import ARRAY_SIZE, Grid

    with Share() as shared:
        shared.array, shared.grid = np.zeros(ARRAY_SIZE), Grid()
        settle(shared, "array", "grid")
        stop = context.Event()
        worker = context.Process(target=fill_until, args=(shared, stop))
        worker.start()
        try:
            seen = set()
            while looks > 0 or len(seen) < 10:
                looks -= 1
                try:
                    arrays = shared.array, shared.grid.values
                except CorruptDataError as error:  # the block has been reused meanwhile
                    raise AssertionError(f"a torn array: {error}") from error
                for array in arrays:
                    assert array.min() == array.max(), f"a torn array: {array.min()} to {array.max()}"
                    seen.add(array[0])
                assert shared.grid.uniform(), "a torn array in a method"
        finally:
            stop.set()
            worker.join()
        assert worker.exitcode == 0


def count_both_until(shared: Any, stop: Any) -> None:
    """Counts one object up, then the other."""
    while not stop.is_set():
        for _ in range(20):
            shared.first.increment()
            shared.second.increment()
        shared.flush()


def line_3_several(context: Context, looks: int = 1000) -> None:
    """``snapshot(a, b)`` gives several objects as they are at one commit position."""
    with Share() as shared:
        shared.first, shared.second = Counter(), Counter()
        settle(shared, "first", "second")
        stop = context.Event()
        worker = context.Process(target=count_both_until, args=(shared, stop))
        worker.start()
        try:
            seen = set()
            while looks > 0 or len(seen) < 10:
                looks -= 1
                first, second = shared.snapshot(shared.first, shared.second)
                assert first.n - second.n in (0, 1), f"two moments in one snapshot: {first.n} and {second.n}"
                assert type(first) is Counter
                seen.add(first.n)
        finally:
            stop.set()
            worker.join()
        assert worker.exitcode == 0


def line_3_raising(context: Context) -> None:
    """A method that raises keeps what it did before raising, and nobody sees a state in between."""
    with Share() as shared:
        shared.failing = Failing()
        run_all(context, (fail_often, shared, 50), (fail_often, shared, 50))
        assert len(shared.failing.done) == 100
        assert shared.failing.rest == "untouched"


def fail_often(shared: Any, times: int) -> None:
    """Calls a failing method and sees what it has done before it raised."""
    for i in range(times):
        try:
            shared.failing.fail.call(f"jump {i}")
        except ValueError as error:
            assert str(error) == f"cannot jump {i}"
        else:
            raise AssertionError("no exception")
        assert f"jump {i}" in shared.failing.done


# -- line 6: nothing fails silently --------------------------------------------------------------------


def fail_and_flush(shared: Any, word: str) -> None:
    """The process that sent the command gets its exception at the next flush, once."""
    shared.failing.fail(word)
    try:
        shared.flush()
    except ValueError as error:
        assert str(error) == f"cannot {word}", error
        assert "in fail" in str(error.__cause__), error.__cause__
    else:
        raise AssertionError("flush() was silent about a failed command")
    shared.flush()


def line_6(context: Context) -> None:
    """An exception in a queued method is kept in errors and raised at the next flush of its sender, nobody else's."""
    with Share() as shared:
        shared.failing = Failing()
        settle(shared, "failing")
        run_all(context, (fail_and_flush, shared, "fly"), (fail_and_flush, shared, "swim"))
        shared.flush()
        assert sorted(str(failed.error) for failed in shared.errors) == ["cannot fly", "cannot swim"]
        assert all(failed.command == "Failing.fail" for failed in shared.errors)
        assert all("ValueError" in failed.traceback for failed in shared.errors)


# -- line 7: waiting gives the fresh value or raises ---------------------------------------------------


def read_late(shared: Any, started: Any) -> None:
    """Begins to read while the method that writes is still running."""
    gate = shared.gate
    started.set()
    assert gate.passed in (1, 101), "waiting returned a stale value"
    assert gate.get() in (1, 101), "waiting returned a stale value"


def line_7(context: Context) -> None:
    """Waiting never returns a stale value: it returns the fresh one, or raises."""
    with tempfile.TemporaryDirectory() as folder, Share() as shared:
        opened = Path(folder) / "open"
        shared.gate = Gate()
        settle(shared, "gate")
        shared.gate.enter(str(opened))
        try:
            wait_at_the_gate(context, shared, opened)
        finally:
            opened.touch()
        # The time-outs have abandoned answers, never commands.
        assert shared.gate.passed == 101


def wait_at_the_gate(context: Context, shared: Any, opened: Path) -> None:
    """What can be seen while a method runs, and right after."""
    started = context.Event()
    readers = [context.Process(target=read_late, args=(shared, started)) for _ in range(2)]
    for reader in readers:
        reader.start()
    started.wait()
    time.sleep(0.05)  # not a condition: it only lets the readers get as far as they can
    for wait in (shared.flush, shared.gate.get.call, shared.gate.mark.call):
        try:
            wait(timeout=0.05)
        except ShareTimeoutError as error:
            assert isinstance(error, TimeoutError)
        else:
            raise AssertionError(f"{wait} returned before the method ended")
    opened.touch()
    for reader in readers:
        reader.join()
    assert [reader.exitcode for reader in readers] == [0, 0]


LINES: dict[str, Callable[[Context], None]] = {
    name.removeprefix("line_"): value for name, value in list(globals().items()) if name.startswith("line_")
}

if __name__ == "__main__":
    LINES[sys.argv[1]](multiprocessing.get_context(sys.argv[2]))
