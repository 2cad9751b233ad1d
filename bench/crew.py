"""What several processes do at once: writes by 1, 2 and 4 producers, reads by 1, 2 and 4 readers."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench.peers import fork

__all__ = ["Throughput", "throughputs"]

COUNTS = (1, 2, 4)


@dataclass(frozen=True)
class Throughput:
    """How many operations a second so many processes do together, until the last has taken effect."""

    operation: str
    name: str
    processes: int
    rate: float


class Crew:
    """Processes that call a function n times when they are told to."""

    def __init__(self, count: int, functions: dict[str, Callable[[], Any]]) -> None:
        self.pipes, self.processes = [], []
        for _ in range(count):
            ours, theirs = fork.Pipe()
            self.pipes.append(ours)
            self.processes.append(fork.Process(target=self._work, args=(theirs, functions), daemon=True))
            self.processes[-1].start()

    @staticmethod
    def _work(pipe: Any, functions: dict[str, Callable[[], Any]]) -> None:
        while (order := pipe.recv()) is not None:
            name, times = order
            function = functions[name]
            for _ in range(times):
                function()
            pipe.send(None)

    def run(self, name: str, times: int) -> None:
        """That many calls by all together."""
        for pipe in self.pipes:
            pipe.send((name, times // len(self.pipes)))
        for pipe in self.pipes:
            pipe.recv()

    def stop(self) -> None:
        for pipe, process in zip(self.pipes, self.processes, strict=True):
            pipe.send(None)
            process.join()


def throughputs(names: dict[str, Any], rounds: int) -> list[Throughput]:
    """All of them, in turns."""
    shared, managed = names["shared_counter"], names["managed_counter"]
    item = (1, "increment", ())
    # name -> the call, how often, and what waits until all of it has taken effect
    writes: dict[str, tuple[Callable[[], Any], int, Callable[[], Any]]] = {
        "share": (shared.increment, 20_000, names["shared"].flush),
        "BaseManager": (managed.increment, 200, managed.get),
        "mp.Queue": (lambda: names["queue"].put(item), 2_000, names["drain_queue"]),
    } | {
        title: (lambda put=names[key].put: put(item), 2_000, names[key].drain)
        for key, title in QUEUES.items()
        if key in names
    }
    namespace, raw = names["namespace"], names["raw"]
    reads: dict[str, tuple[Callable[[], Any], int, Callable[[], Any]]] = {
        "share": (lambda: shared.n, 100_000, int),
        "RawValue": (lambda: raw.value, 100_000, int),
        "Manager Namespace": (lambda: namespace.n, 200, int),
    }
    if "redis" in names:
        writes["Redis INCR"] = (lambda: names["redis"].incr("n"), 400, int)
        reads["Redis GET"] = (lambda: names["redis"].get("n"), 400, int)
    found = []
    for operation, subjects in (("queued calls", writes), ("reads of an int", reads)):
        for count in COUNTS:
            crew = Crew(count, {name: call for name, (call, _, _) in subjects.items()})
            taken: dict[str, list[float]] = {name: [] for name in subjects}
            try:
                for _ in range(rounds + 1):
                    for name, (_, times, finish) in subjects.items():
                        start = time.perf_counter()
                        crew.run(name, times)
                        finish()
                        taken[name].append(times / (time.perf_counter() - start))
            finally:
                crew.stop()
            found += [Throughput(operation, name, count, median(rates[1:])) for name, rates in taken.items()]
    return found


QUEUES = {
    "simple_queue": "SimpleQueue",
    "pipe": "Pipe",
    "faster_fifo": "faster-fifo",
    "cloudtoid": "cloudtoid-interprocess",
}
