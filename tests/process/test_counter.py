"""Four processes, ten thousand increments each: exactly forty thousand, read at once."""

import multiprocessing
import os
import signal
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pytest
from classes import (
    Counter,
    ask_for_ever,
    heat,
    increment,
    increment_and_count,
    increment_proxy,
    increment_task,
    take_numbers,
)
from objects import Temperature
from programs import wait_for

from share import Share

WORKERS, TIMES = 4, 10_000


def work_with_processes(context: Any, shared: Share) -> None:
    processes = [context.Process(target=increment, args=(shared, TIMES)) for _ in range(WORKERS)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * WORKERS


def work_with_pool(context: Any, shared: Share) -> None:
    with context.Pool(WORKERS) as pool:
        assert pool.map(increment_task, [(shared, TIMES)] * WORKERS, chunksize=1) == [TIMES] * WORKERS


def work_with_executor(context: Any, shared: Share) -> None:
    with ProcessPoolExecutor(WORKERS, mp_context=context) as pool:
        jobs = [pool.submit(increment_proxy, shared.counter, TIMES) for _ in range(WORKERS)]
        assert [job.result() for job in jobs] == [TIMES] * WORKERS


@pytest.mark.parametrize("work", [work_with_processes, work_with_pool, work_with_executor])
def test_no_increment_is_lost(work: Any, context: Any, shared: Share) -> None:
    """The total is right in the first read after the last call returned, with no wait of ours in between."""
    shared.counter = Counter()
    work(context, shared)
    assert shared.counter.n == WORKERS * TIMES


@pytest.mark.parametrize(("run", "method"), [(0, "fork"), (1, "spawn"), (2, "forkserver")])
def test_killed_worker_wedges_nobody(run: int, context: Any, shared: Share) -> None:
    """A worker is killed in the middle: the others go on, and every call that returned is counted."""
    shared.counter = Counter()
    done = context.RawValue("Q", 0)
    victim = context.Process(target=increment_and_count, args=(shared, done))
    others = [context.Process(target=increment, args=(shared, TIMES)) for _ in range(2)]
    victim.start()
    for process in others:
        process.start()
    wait_for(lambda: done.value > 200 + 777 * run)
    os.kill(victim.pid, signal.SIGKILL)
    victim.join()
    for process in others:
        process.join()
    total = shared.counter.n
    assert [process.exitcode for process in others] == [0, 0]
    # The call in which it died may or may not have been queued, and may not have been counted by itself.
    assert done.value <= total - 2 * TIMES <= done.value + 1
    shared.counter.increment()
    assert shared.counter.n == total + 1


def test_workers_killed_again_and_again(shared: Share) -> None:
    """Twenty workers, each killed after some calls: what returned is counted, nothing is wedged or leaks."""
    shared.counter = Counter()
    context = multiprocessing.get_context("fork")
    least = most = 0
    for turn in range(20):
        done = context.RawValue("Q", 0)
        victim = context.Process(target=increment_and_count, args=(shared, done))
        victim.start()
        wait_for(lambda: done.value > 50 * turn)  # noqa: B023
        os.kill(victim.pid, signal.SIGKILL)
        victim.join()
        least += done.value
        most += done.value + 1
        assert least <= shared.counter.n <= most


def test_worker_killed_while_it_waits_for_answers(shared: Share) -> None:
    """The dead caller's answers go nowhere; the others' do not suffer."""
    shared.counter = Counter()
    context = multiprocessing.get_context("fork")
    victim = context.Process(target=ask_for_ever, args=(shared,))
    victim.start()
    wait_for(lambda: shared.counter.n > 100)
    os.kill(victim.pid, signal.SIGKILL)
    victim.join()
    before = shared.counter.next()
    assert [shared.counter.next() for _ in range(1000)] == list(range(before + 1, before + 1001))


@pytest.mark.parametrize("method", ["fork"])
def test_setter_is_atomic_too(context: Any, shared: Share) -> None:
    """A property's setter runs in the coordinator like any method: what it counts loses nothing."""
    shared.temperature = Temperature(0.0)
    work = [context.Process(target=heat, args=(shared, 1000)) for _ in range(WORKERS)]
    for process in work:
        process.start()
    for process in work:
        process.join()
    assert shared.temperature.changes == WORKERS * 1000


@pytest.mark.parametrize("method", ["fork"])
def test_calls_with_answers_give_every_number_once(context: Any, shared: Share) -> None:
    """A method that writes and returns a value: four processes never get the same number."""
    shared.counter = Counter()
    with context.Pool(WORKERS) as pool:
        parts = pool.map(take_numbers, [(shared, 500)] * WORKERS, chunksize=1)
    assert all(part == sorted(part) for part in parts)
    assert sorted(n for part in parts for n in part) == list(range(1, 500 * WORKERS + 1))


def test_a_stopped_worker_is_not_taken_for_dead(shared: Share) -> None:
    """SIGSTOP is no death: its entry is not reaped, and it goes on afterwards."""
    shared.counter = Counter()
    context = multiprocessing.get_context("fork")
    done = context.RawValue("Q", 0)
    sleeper = context.Process(target=increment_and_count, args=(shared, done))
    sleeper.start()
    wait_for(lambda: done.value > 10)
    os.kill(sleeper.pid, signal.SIGSTOP)
    for _ in range(20):  # each registration makes the coordinator look for the dead
        other = context.Process(target=increment, args=(shared, 1))
        other.start()
        # If it was stopped between claim and commit, the ring is still: that is the documented exception.
    os.kill(sleeper.pid, signal.SIGCONT)
    seen = done.value
    wait_for(lambda: done.value > seen + 100)
    os.kill(sleeper.pid, signal.SIGKILL)
    sleeper.join()
    for other in multiprocessing.active_children():
        other.join()
    assert done.value + 20 <= shared.counter.n <= done.value + 21
