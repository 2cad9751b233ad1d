"""What a change costs must not depend on how much there is: the idioms of bench/idioms.py at 10^2, 10^4 and 10^5 items.

A round is some writes, each read back by the process that made it, and a read by another process that sees the last of
them. What is judged is the processor time of these two and the coordinator, which other programs do not change: sizes
take turns, the time of the same statements on a plain object of that size is taken off, and the median of the rounds'
ratios counts. What misses is measured again.
"""

import gc
import importlib
import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from bench.idioms import IDIOMS, Idiom, class_of, module

from share import Share

SIZES = (100, 10_000, 100_000)
TOGETHER = (100, 10_000)  # of the class that has all of the idioms
MOST = 4.0
ATTEMPTS, ROUNDS, WRITES = 4, 7, 20

ARRAY = "what is not recorded is published whole"
#: What still grows: at how many items that is seen, and why. One that has stopped to grow fails until it is taken out.
GROWS = {
    "an element of a numpy array": (100_000, ARRAY),
    "an element of an array.array": (100_000, ARRAY),
}

fork = multiprocessing.get_context("fork")


def other_process(pipe: Any) -> None:
    """Reads what it is told to, and sends back what it got."""
    gc.disable()  # as in the process that measures: a collection's time is the number of objects, not of changes
    while (order := pipe.recv()) is not None:
        target, read, i = order
        pipe.send(getattr(target, read)(i))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The module of all the classes."""
    folder = tmp_path_factory.mktemp("growth")
    (folder / "growth_idioms.py").write_text(module())
    sys.path.append(str(folder))  # of the coordinator, too
    yield importlib.import_module("growth_idioms")
    sys.path.remove(str(folder))
    del sys.modules["growth_idioms"]


def processor_time(*pids: int) -> float:
    """The seconds that these processes have run, as Linux numbers their clocks."""
    return sum(time.clock_gettime((~pid << 3) | 2) for pid in pids)


class Reader(NamedTuple):
    """Another process, and the pipe to it."""

    pid: int
    pipe: Any


@pytest.fixture(scope="module")
def reader(made: Any) -> Iterator[Reader]:
    ours, theirs = fork.Pipe()
    process = fork.Process(target=other_process, args=(theirs,), daemon=True)
    process.start()
    assert process.pid is not None
    yield Reader(process.pid, ours)
    ours.send(None)
    process.join()


class Subject:
    """A shared object, and a plain one to which the same is done."""

    def __init__(
        self, shared: Any, plain: Any, write: str, read: str, reader: "Reader", coordinator: int
    ) -> None:
        self.shared, self.plain, self.read, self.pipe = shared, plain, read, reader.pipe
        self.processes = (os.getpid(), reader.pid, coordinator)
        self.of_shared = getattr(shared, write), getattr(shared, read)
        self.of_plain = getattr(plain, write), getattr(plain, read)
        self.last = -1

    def round(self, writes: int) -> float:
        """The processor seconds of a write and the reads that see it, without those of the plain object."""
        self.last = (self.last + writes) % 50
        items = [(self.last + k) % 50 for k in range(writes)]
        write, read = self.of_shared
        start = processor_time(*self.processes)
        for i in items:
            write(i)
            read(i)
        self.pipe.send((self.shared, self.read, items[-1]))
        value = self.pipe.recv()
        taken = processor_time(*self.processes) - start
        write, read = self.of_plain
        start = time.process_time()
        for i in items:
            write(i)
            read(i)
            read(i)
        taken -= time.process_time() - start
        assert value == read(items[-1])
        return max(taken, 1e-9) / writes


def growth(subjects: list[Subject], rounds: int, writes: int) -> tuple[float, list[float]]:
    """Cost at the largest size to cost at the smallest; and the microseconds of a change at each."""
    for subject in subjects:
        subject.round(writes)
    gc.collect()
    gc.disable()
    try:
        taken = [[subject.round(writes) for subject in subjects] for _ in range(rounds)]
    finally:
        gc.enable()
    found = statistics.median(row[-1] / row[0] for row in taken)
    return found, [statistics.median(times) * 1e6 for times in zip(*taken, strict=True)]


def judge(name: str, subjects: list[Subject]) -> str:
    """What is wrong, or nothing; prints the idiom's line of the table."""
    for _ in range(ATTEMPTS):
        found, times = growth(subjects, *((3, 2) if name in GROWS else (ROUNDS, WRITES)))
        print(f"\n| {name} | {' | '.join(f'{each:.1f} µs' for each in times)} | {found:.1f} × |", end="")
        if (found > MOST) == (name in GROWS):
            return ""
    if name in GROWS:
        return f"{name}: does not grow any more ({found:.1f} times); take it out of GROWS"
    return f"{name}: takes {found:.1f} times as long, not {MOST:.0f}"


@pytest.mark.parametrize("idiom", IDIOMS, ids=str)
def test_an_idiom_costs_the_same_at_each_size(made: Any, reader: Reader, idiom: Idiom) -> None:
    kind: Callable[[int], Any] = getattr(made, class_of(idiom))
    sizes = (SIZES[0], GROWS[idiom.name][0]) if idiom.name in GROWS else SIZES
    with Share() as shared:
        subjects = []
        for size in sizes:
            shared[f"of{size}"] = kind(size)
            shared.flush()
            coordinator = shared.health().coordinator
            subjects.append(Subject(shared[f"of{size}"], kind(size), "write", "read", reader, coordinator))
        wrong = judge(idiom.name, subjects)
        assert not wrong, wrong


def test_idioms_of_one_large_class(made: Any, reader: Reader) -> None:
    """In a class with a method for each of them, one's cost is not that of all."""
    with Share() as shared:
        kept = []
        for size in TOGETHER:
            shared[f"of{size}"] = made.Everything(size)
            shared.flush()
            kept.append((shared[f"of{size}"], made.Everything(size)))
        wrong = []
        for number, idiom in enumerate(IDIOMS):
            if idiom.name in GROWS:
                continue
            coordinator = shared.health().coordinator
            names = (f"write{number}", f"read{number}")
            subjects = [Subject(*both, *names, reader, coordinator) for both in kept]
            wrong.append(judge(idiom.name, subjects))
        assert not any(wrong), "\n".join(filter(None, wrong))


def test_what_grows_is_an_idiom_and_has_a_reason() -> None:
    assert set(GROWS) <= {idiom.name for idiom in IDIOMS}
    assert all(size in SIZES and why for size, why in GROWS.values())
