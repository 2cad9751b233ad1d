"""What is paid once: start and end, take-over, registration, and memory per process, attribute, object."""

import os
import signal
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass

import psutil
from bench.registration import classes, planned
from bench.sizes import Row

from share import Share, plain, shareable

__all__ = ["Cost", "costs"]

OBJECTS = 100_000
ATTRIBUTES = 1_000
PROCESSES = (1, 16, 64)


@dataclass(frozen=True)
class Cost:
    """One figure; its unit is seconds or bytes."""

    what: str
    value: float
    unit: str


@shareable
class Many:
    """An object with many attributes, each of which is a cell of its own."""

    def __init__(self, count: int) -> None:
        self.a0 = 0
        for number in range(count):
            setattr(self, f"a{number}", number)

    def add(self) -> int:
        self.a0 += 1
        return self.a0


def python(code: str) -> float:
    """The seconds that a new interpreter takes for it."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - start


def memory(pid: int) -> int:
    """Bytes that the process has for itself."""
    return int(psutil.Process(pid).memory_full_info().uss)


def starts(rounds: int) -> list[Cost]:
    imports, ready, closing, over = [], [], [], []
    for _ in range(rounds):
        imports.append(python("import share") - python("pass"))
        start = time.perf_counter()
        shared = Share()
        shared.n = 1
        shared.flush()
        ready.append(time.perf_counter() - start)
        os.kill(shared.health().coordinator, signal.SIGKILL)
        start = time.perf_counter()
        shared.n = 2
        shared.flush()
        over.append(time.perf_counter() - start)
        assert shared.n == 2
        start = time.perf_counter()
        shared.close()
        closing.append(time.perf_counter() - start)
    return [
        Cost("import share, beyond an empty program", statistics.median(imports), "s"),
        Cost("Share() until its first write is committed", statistics.median(ready), "s"),
        Cost("take-over: from kill -9 to the next write's commit", statistics.median(over), "s"),
        Cost("close", statistics.median(closing), "s"),
    ]


def of_memory() -> list[Cost]:
    bare = int(subprocess.run(
        [sys.executable, "-c", "import psutil; print(psutil.Process().memory_full_info().uss)"],
        check=True, capture_output=True, text=True,
    ).stdout)  # fmt: skip
    with Share() as shared:
        shared.n = 1
        shared.flush()
        coordinator = shared.health().coordinator
        empty = memory(coordinator)
        found = [Cost("coordinator of an empty share, beyond a bare interpreter", empty - bare, "B")]
        used = shared.health().memory
        shared.many = Many(ATTRIBUTES)
        shared.flush()
        found.append(
            Cost("shared memory per attribute (an int)", (shared.health().memory - used) / ATTRIBUTES, "B")
        )
        before, used = memory(coordinator), shared.health().memory
        rows = [Row(number) for number in range(OBJECTS)]
        shared.rows = rows
        shared.flush()
        found.append(Cost("coordinator per small object", (memory(coordinator) - before) / OBJECTS, "B"))
        found.append(Cost("shared memory per small object", (shared.health().memory - used) / OBJECTS, "B"))
        ours = memory(os.getpid())
        start = time.perf_counter()
        n = shared.rows[5].n
        found.append(Cost(f"first read of one of {OBJECTS:,} objects", time.perf_counter() - start, "s"))
        assert n == 5
        found.append(Cost("reader per small object", (memory(os.getpid()) - ours) / OBJECTS, "B"))
        assert len(plain(shared.rows)) == len(rows)
    return found


def of_processes() -> list[Cost]:
    """What each of so many processes costs that have made a call with a result."""
    from bench.peers import fork

    found = []
    with Share() as shared:
        shared.many = Many(1)
        shared.flush()
        coordinator = shared.health().coordinator
        for count in PROCESSES:
            before = (
                psutil.Process(coordinator).memory_info().rss
            )  # with the rings that it has in common with them
            gates = [fork.Pipe() for _ in range(count)]

            def stay(gate: object, shared: Share = shared) -> None:
                shared.many.add()
                gate.send(None)  # type: ignore[attr-defined]
                gate.recv()  # type: ignore[attr-defined]

            workers = [fork.Process(target=stay, args=(theirs,), daemon=True) for _, theirs in gates]
            for worker in workers:
                worker.start()
            for ours, _ in gates:
                ours.recv()
            grown = psutil.Process(coordinator).memory_info().rss - before
            found.append(Cost(f"coordinator for each of {count} processes", grown / count, "B"))
            for ours, _ in gates:
                ours.send(None)
            for worker in workers:
                worker.join()
    return found


def registration() -> list[Cost]:
    cold = sorted(planned(cls, cold=True) for cls in classes())
    warm = sorted(planned(cls, cold=False) for cls in classes())
    return [
        Cost(f"plan of a class, median of {len(cold)} foreign ones, cold", statistics.median(cold), "s"),
        Cost("the same, worst", cold[-1], "s"),
        Cost("plan of a class, median, source already read", statistics.median(warm), "s"),
        Cost("the same, worst, source already read", warm[-1], "s"),
    ]


def costs(rounds: int) -> list[Cost]:
    parts = [lambda: starts(rounds), registration, of_memory, of_processes]
    return [cost for part in parts for cost in part()]
