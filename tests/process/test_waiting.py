"""``wait_for`` and its like: who waits wakes up when what it has read changes, and for nothing else."""

import asyncio
import mmap
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from classes import Counter, Log, Pair
from forked import all_well, in_child
from programs import wait_for

from share import DeletedObjectError, Share, ShareClosedError, ShareTimeoutError


def asleep(shared: Share) -> bool:
    """Whether somebody has announced that it sleeps until something changes."""
    return bool(shared.session_of().control.awaits())


def test_a_waiter_sees_what_it_waits_for(shared: Share) -> None:
    """Attributes, items, methods that read, names, and what a container holds."""
    shared.counter, shared.log, shared.table = Counter(), Log(), {"a": [1]}
    predicates: list[Any] = [
        lambda: shared.counter.n,
        lambda: shared.log.count() == 1,
        lambda: "b" in shared.table,
        lambda: len(shared.table["a"]) == 2,
        lambda: "late" in shared,
        lambda: getattr(shared, "late", None) == 3,
        lambda: shared.snapshot(shared.counter).n,
        lambda: [row for row in shared.log.entries],
    ]
    with ThreadPoolExecutor(len(predicates)) as pool:
        found = [pool.submit(shared.wait_for, predicate, 20) for predicate in predicates]
        wait_for(lambda: asleep(shared))
        shared.table["b"] = 0
        shared.table["a"].append(2)
        shared.late = 3
        shared.log.write("me", "this")
        shared.counter.add(7)
        results = [future.result() for future in found]
    assert results == [7, True, True, True, True, True, 7, [("me", "this")]]


def test_only_what_was_read_runs_the_predicate_again(shared: Share) -> None:
    shared.read, shared.other = Pair(), Counter()
    runs = []

    def predicate() -> bool:
        runs.append(shared.read.left)
        return bool(runs[-1])

    with ThreadPoolExecutor(1) as pool:
        waiter = pool.submit(shared.wait_for, predicate, 20)
        wait_for(lambda: asleep(shared))
        for i in range(200):
            shared.other.increment.call()
            shared.read.right = i
        shared.flush()
        assert not waiter.done()
        shared.read.left = 1
        assert waiter.result() is True
    assert runs[0] == 0 and runs[-1] == 1 and len(runs) <= 3


def test_one_write_wakes_all_in_several_processes(shared: Share) -> None:
    """64 waiters, in four processes; each wakes up once."""
    shared.counter, shared.woken = Counter(), Counter()
    shared.flush()  # a commit after the first look is another reason to look again
    children = []
    with mmap.mmap(-1, 64) as runs:  # how often each has asked
        for first in range(0, 64, 16):

            def work(first: int = first) -> None:
                def asks(which: int) -> Any:
                    def predicate() -> int:
                        found: int = shared.counter.n
                        runs[which] += 1
                        return found

                    return predicate

                with ThreadPoolExecutor(16) as pool:
                    waits = [pool.submit(shared.wait_for, asks(first + i), 60) for i in range(16)]
                    assert [wait.result() for wait in waits] == [1] * 16
                shared.woken.add.call(16)

            children.append(in_child(work))
        wait_for(lambda: asleep(shared) and all(bytes(runs)))
        shared.counter.increment()
        assert shared.wait_for(lambda: shared.woken.n == 64, timeout=60)
        assert all_well(children)
        assert list(bytes(runs)) == [2] * 64


def test_an_idle_wait_takes_no_processor_time(shared: Share) -> None:
    shared.counter = Counter()
    shared.flush()
    with ThreadPoolExecutor(64) as pool:
        waits = [pool.submit(shared.wait_for, lambda: shared.counter.n, 30) for _ in range(64)]
        wait_for(lambda: asleep(shared))
        time.sleep(0.2)
        before = time.process_time()
        time.sleep(1.5)
        used = time.process_time() - before
        shared.counter.increment()
        assert [wait.result() for wait in waits] == [1] * 64
    assert used < 0.15  # one that polls each millisecond takes more


def test_every_wait_ends(shared: Share) -> None:
    shared.counter = Counter()
    counter = shared.counter
    with pytest.raises(ShareTimeoutError):
        shared.wait_for(lambda: counter.n, timeout=0.02)
    with pytest.raises(ValueError, match="has read nothing"):
        shared.wait_for(lambda: False)
    with pytest.raises(RuntimeError, match="a predicate only reads"):
        shared.wait_for(lambda: counter.next() > 3)
    with pytest.raises(ZeroDivisionError):
        shared.wait_for(lambda: 1 / counter.n)
    with Share() as other, pytest.raises(ValueError, match="reads one share"):
        other.wait_for(lambda: counter.n)
    with ThreadPoolExecutor(1) as pool:
        waiter = pool.submit(shared.wait_for, lambda: counter.n, 20)
        wait_for(lambda: asleep(shared))
        del shared.counter
        with pytest.raises(DeletedObjectError):
            waiter.result()
    assert shared.errors == []


def test_closing_ends_a_wait(no_process_left: None) -> None:
    shared = Share()
    shared.counter = Counter()
    with ThreadPoolExecutor(2) as pool:
        waiter = pool.submit(shared.wait_for, lambda: shared.counter.n)
        looper = pool.submit(asyncio.run, shared.wait_for_async(lambda: shared.counter.n))
        wait_for(lambda: asleep(shared))
        shared.close()
        for future in (waiter, looper):
            with pytest.raises(ShareClosedError):
                future.result(20)


def test_a_wait_outlives_the_coordinator(shared: Share) -> None:
    shared.counter = Counter()
    shared.flush()
    with ThreadPoolExecutor(2) as pool:
        waiter = pool.submit(shared.wait_for, lambda: shared.counter.n, 20)
        looper = pool.submit(asyncio.run, shared.wait_for_async(lambda: shared.counter.n))
        wait_for(lambda: asleep(shared))
        os.kill(shared.health().coordinator, signal.SIGKILL)
        shared.counter.increment()
        assert waiter.result() == looper.result(20) == 1


def test_ctrl_c_ends_a_wait(shared: Share) -> None:
    shared.counter = Counter()

    def interrupt() -> None:
        wait_for(lambda: asleep(shared))
        os.kill(os.getpid(), signal.SIGINT)

    interrupter = threading.Thread(target=interrupt)
    with pytest.raises(KeyboardInterrupt):
        interrupter.start()
        shared.wait_for(lambda: shared.counter.n, timeout=60)
    interrupter.join()


def test_async_waits_have_no_thread_each(shared: Share) -> None:
    """A hundred of them, woken at different times, in one event loop with one thread of ours beside it."""
    shared.counter = Counter()

    async def main() -> tuple[list[bool], int]:
        tasks = [
            asyncio.create_task(shared.wait_for_async(lambda i=i: shared.counter.n >= i))
            for i in range(1, 101)
        ]
        await asyncio.sleep(0)
        threads = threading.active_count()
        for _ in range(100):
            shared.counter.increment()
            await asyncio.sleep(0)
        async with asyncio.timeout(100):
            return await asyncio.gather(*tasks), threads

    before = threading.active_count()
    results, threads = asyncio.run(main())
    assert results == [True] * 100
    assert threads <= before + 1


def test_a_cancelled_async_wait_is_forgotten(shared: Share) -> None:
    shared.counter = Counter()

    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await shared.wait_for_async(lambda: shared.counter.n)

    asyncio.run(main())
    assert not shared.session_of().bridge.watches
