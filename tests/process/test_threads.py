"""Many threads of one process, and many processes with threads."""

import operator
import random
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from classes import Counter, Log, Pair, increment_in_threads, leave_while_a_thread_drains

from share import Share

THREADS = 8


def in_threads(work: Any) -> list[Any]:
    """Runs work(number) in several threads at once; their results, or the first exception."""
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(work, range(THREADS)))


def test_threads_lose_nothing(shared: Share) -> None:
    """Queued calls, calls with answers, futures and attribute writes of many threads."""
    shared.counter, shared.asked = Counter(), Counter()

    def work(number: int) -> list[int]:
        for _ in range(500):
            shared.counter.increment()
        numbers = [shared.asked.next() for _ in range(100)]
        return numbers + [future.result() for future in [shared.asked.next.submit() for _ in range(50)]]

    results = in_threads(work)
    assert shared.counter.n == 500 * THREADS
    assert sorted(n for part in results for n in part) == list(range(1, 150 * THREADS + 1))


def test_each_threads_commands_stay_in_order(shared: Share) -> None:
    """One total order, in which every thread's commands are in its own."""
    shared.log = Log()

    def work(number: int) -> None:
        for i in range(300):
            shared.log.write(number, i)

    in_threads(work)
    entries = shared.log.all()
    for number in range(THREADS):
        assert [what for who, what in entries if who == number] == list(range(300))


def test_threads_read_consistently(shared: Share) -> None:
    """Snapshots are one per proxy and process; threads that share one never see half of a method."""
    shared.pair = Pair()
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            shared.pair.step()
            shared.flush()

    def read(number: int) -> int:
        last = 0
        for _ in range(1000):
            left, right = shared.pair.both()
            assert left == right >= last
            last = left
            assert shared.pair.left >= last
        return last

    writer = threading.Thread(target=write)
    writer.start()
    try:
        in_threads(read)
    finally:
        stop.set()
        writer.join()


def test_errors_and_waiting_are_each_threads_own(shared: Share) -> None:
    """waiting() in one thread does not make the others wait; each call's exception reaches its caller."""
    shared.counter = Counter()
    inside, done = threading.Event(), threading.Event()

    def wait() -> None:
        with shared.waiting():
            inside.set()
            done.wait()

    waiter = threading.Thread(target=wait)
    waiter.start()
    inside.wait()
    shared.counter.add("not a number")  # would raise here if the block were everybody's
    done.set()
    waiter.join()
    with pytest.raises(TypeError):
        shared.flush()

    def fail(number: int) -> str:
        with pytest.raises(TypeError) as caught:
            shared.counter.add.call(f"text {number}")
        return str(caught.value)

    in_threads(fail)
    shared.flush()


@pytest.mark.parametrize("method", ["fork"])
def test_processes_with_threads(context: Any, shared: Share) -> None:
    """Both at once; only the process is registered, its threads share the response ring."""
    shared.counter = Counter()
    processes = [context.Process(target=increment_in_threads, args=(shared, 4, 200)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert shared.counter.n == 2 * 4 * (200 + 50)


@pytest.mark.parametrize("method", ["fork"])
def test_leaving_while_a_thread_drains(context: Any, shared: Share) -> None:
    """Unmapping the response ring lets other threads in: they must not find it there any more."""
    shared.counter = Counter()
    process = context.Process(target=leave_while_a_thread_drains, args=(shared, 300))
    process.start()
    process.join()
    assert process.exitcode == 0
    assert shared.counter.n == 300


def test_names_from_many_threads(shared: Share) -> None:
    """Assigning, reading and deleting the same few names at random: each read gives a value that was assigned."""

    def work(number: int) -> None:
        dice = random.Random(number)
        for i in range(200):
            name = f"name_{dice.randrange(4)}"
            match dice.randrange(4):
                case 0:
                    shared[name] = (number, i)
                case 1:
                    value = getattr(shared, name, None)
                    assert value is None or len(value) == 2
                case 2:
                    try:
                        del shared[name]
                    except KeyError:
                        pass
                case _:
                    assert len(list(shared)) <= 4

    in_threads(work)
    try:
        shared.flush()
    except* AttributeError:
        pass  # two threads have deleted the same name


class Shelf:
    def __init__(self) -> None:
        self.rows = [[number] for number in range(100)]

    def some(self) -> list[list[int]]:
        return self.rows[:20]

    def walk(self) -> Any:
        yield from self.rows


def test_parts_stay_parts_while_other_threads_move_on(shared: Share) -> None:
    """What one thread looks at may be given up meanwhile, because another reads news or keeps a generator."""
    shared.shelf = Shelf()
    kept = list(shared.shelf.rows)
    stop = threading.Event()
    interval = sys.getswitchinterval()

    def move() -> None:
        while not stop.is_set():
            shared.shelf.rows.append([1])
            next(shared.shelf.walk())
            assert len(shared.shelf.rows.pop()) == 1

    threads = [threading.Thread(target=move) for _ in range(2)]
    sys.setswitchinterval(1e-5)
    for thread in threads:
        thread.start()
    try:
        for turn in range(100):
            assert all(map(operator.is_, shared.shelf.rows[:100], kept))
            assert all(map(operator.is_, shared.shelf.some(), kept))
            assert all(map(operator.is_, shared.shelf.rows, kept))
            assert kept[turn] in shared.shelf.rows
            assert kept[turn] == [turn]
            assert shared.shelf.rows.index(kept[turn]) == turn
    finally:
        sys.setswitchinterval(interval)
        stop.set()
        for thread in threads:
            thread.join()


def test_fork_while_threads_work(shared: Share) -> None:
    """A fork in the middle of other threads' calls gives a child that can use the share."""
    import multiprocessing

    shared.counter = Counter()
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            shared.counter.increment()
            shared.counter.next()
            shared.counter.next.submit().result()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    context = multiprocessing.get_context("fork")
    try:
        for _ in range(10):
            child = context.Process(target=increment_in_threads, args=(shared, 2, 5))
            child.start()
            child.join()
            assert child.exitcode == 0
    finally:
        stop.set()
        for thread in threads:
            thread.join()
