"""How long single calls take, not their mean: percentiles, one after the other and at a constant rate.

At a constant rate a call's time is counted from when it was due. So one that takes long makes the next ones late, as it
would for whoever waits for them; timing each call alone would leave that out (coordinated omission).
"""

import asyncio
import math
import mmap
import os
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from statistics import quantiles
from typing import Any

from share.primitives import WaitWord

__all__ = ["Latency", "latencies"]

BLOCK = 50  # calls of one before it is the other's turn
RATE = 1000  # calls a second
PERCENTILES = (50, 90, 99)
OUTSTANDING = 10_000
CALL = "call with a result"
WAKE = "waking up by what another process writes"
PAUSE = 0.001  # before each write: all have fallen asleep
LOOP = f"turn of an event loop with {OUTSTANDING:,} calls outstanding"


@dataclass(frozen=True)
class Latency:
    """The distribution of one call's time."""

    operation: str
    name: str
    calls: int
    seconds: dict[str, float]  # by percentile, and "max"
    histogram: dict[str, int]  # how many took from that many seconds on, in tenths of a power of ten


def subjects_of(names: dict[str, Any]) -> dict[str, Callable[[], Any]]:
    """What waits for another process: a call with a result, or there and back through a pipe."""
    add, managed, echo = names["shared_counter"].add, names["managed_counter"].add, names["echo"]
    found: dict[str, Callable[[], Any]] = {
        "share": lambda: add(1),
        "BaseManager": lambda: managed(1),
        "Pipe": lambda: (echo.send(1), echo.recv()),
    }
    if "redis" in names:
        found["Redis"] = lambda: names["redis"].incrby("n", 1)
    return found


def latencies(names: dict[str, Any], calls: int) -> list[Latency]:
    """The same call by several means, in turns: one after the other (ping-pong), and at a constant rate."""
    subjects = subjects_of(names)
    found = []
    for operation, timed in (("one after the other", one_by_one), (f"{RATE:,} a second", at_a_rate)):
        taken: dict[str, list[float]] = {name: [] for name in subjects}
        names["shared"].flush()
        for subject in subjects.values():
            timed(subject, BLOCK)
        while len(taken["share"]) < calls:
            for name, subject in subjects.items():
                taken[name] += timed(subject, BLOCK)
        found += [
            Latency(f"{CALL}, {operation}", name, len(times), percentiles(times), histogram(times))
            for name, times in taken.items()
        ]
    counters = {"share": names["shared_counter"], "BaseManager": names["managed_counter"]}
    return (
        found
        + [
            Latency(LOOP, name, len(turns), percentiles(turns), histogram(turns))
            for name, turns in loop_turns(counters)
        ]
        + [
            Latency(WAKE, name, len(times), percentiles(times), histogram(times))
            for name, times in wake_ups(names["shared"], names["shared_counter"], calls)
        ]
    )


def wake_ups(shared: Any, counter: Any, calls: int) -> list[tuple[str, list[float]]]:
    """The seconds from a write of one process to when another one, which waits for it, goes on.

    `wait_for` takes two wake-ups, of the coordinator and of the waiter: as many as a futex ping, there and back.
    """
    with mmap.mmap(-1, 4096) as memory:
        numbers = memoryview(memory).cast(
            "Q"
        )  # what the waiter wants, the ping, its answer, and what has been measured
        moments = memoryview(memory).cast("d")
        ping, pong = WaitWord(memory, 2048), WaitWord(memory, 3072)
        wanted, there, back, measured, written = 0, 64, 128, 192, 320
        writer = os.fork()
        if writer == 0:
            try:
                for number in range(1, 2 * calls + 1):
                    while numbers[wanted] < number:
                        time.sleep(PAUSE)
                    time.sleep(PAUSE)
                    moments[written] = time.perf_counter()
                    if number <= calls:
                        counter.increment()
                    else:
                        numbers[there] = number
                        ping.wake()
                        pong.wait_for(lambda number=number: numbers[back] == number)
                        moments[written] = time.perf_counter() - moments[written]
                        numbers[measured] = number
            finally:
                os._exit(0)
        found: dict[str, list[float]] = {"share, wait_for": [], "futex, there and back": []}
        first = counter.n
        for number in range(1, calls + 1):
            numbers[wanted] = number
            shared.wait_for(lambda number=number: counter.n >= first + number)
            found["share, wait_for"].append(time.perf_counter() - moments[written])
        for number in range(calls + 1, 2 * calls + 1):
            numbers[wanted] = number
            ping.wait_for(lambda number=number: numbers[there] == number)
            numbers[back] = number
            pong.wake()
            while numbers[measured] < number:
                time.sleep(PAUSE)
            found["futex, there and back"].append(moments[written])
        os.waitpid(writer, 0)
        ping.detach()
        pong.detach()
        numbers.release()
        moments.release()
    return list(found.items())


def loop_turns(subjects: dict[str, Any]) -> list[tuple[str, list[float]]]:
    """The seconds that each turn of an event loop takes while 10,000 of its calls are outstanding.

    The first turn begins all of them, as `gather` does; asyncio lets nothing else run in between.
    """

    async def turns(call: Callable[[], Awaitable[Any]]) -> list[float]:
        found: list[float] = []
        everything = asyncio.gather(*(asyncio.ensure_future(call()) for _ in range(OUTSTANDING)))
        last = time.perf_counter()
        while not everything.done():
            await asyncio.sleep(0)
            now = time.perf_counter()
            found.append(now - last)
            last = now
        await everything
        return found

    add, managed = subjects["share"].add, subjects["BaseManager"].add
    return [
        ("share, aio", asyncio.run(turns(lambda: add.aio(1)))),
        ("BaseManager, to_thread", asyncio.run(turns(lambda: asyncio.to_thread(managed, 1)))),
    ]


def one_by_one(call: Callable[[], Any], calls: int) -> list[float]:
    """The seconds that each call took."""
    times = []
    for _ in range(calls):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return times


def at_a_rate(call: Callable[[], Any], calls: int) -> list[float]:
    """The seconds from when each call was due to its answer."""
    times: list[float] = []
    due = time.perf_counter()
    for _ in range(calls):
        due += 1 / RATE
        if (early := due - time.perf_counter()) > 0:
            time.sleep(early)
        # Waking up late is the scheduler's doing, not the call's: who is late without a call before it starts anew.
        started = time.perf_counter()
        if not times or times[-1] < 1 / RATE:
            due = max(due, started)
        call()
        times.append(time.perf_counter() - due)
    return times


def percentiles(times: list[float]) -> dict[str, float]:
    """The percentiles of some times.

    >>> percentiles([1.0] * 99 + [3.0])["p50"]
    1.0
    """
    cuts = quantiles(times, n=100, method="inclusive")
    return {f"p{percent}": cuts[percent - 1] for percent in PERCENTILES} | {"max": max(times)}


def histogram(times: list[float]) -> dict[str, int]:
    """How often times fell into which tenth of a power of ten.

    >>> histogram([1e-6, 1.1e-6, 2e-6])
    {'1.00e-06': 2, '2.00e-06': 1}
    """
    found = Counter(math.floor(round(10 * math.log10(seconds), 6)) for seconds in times if seconds > 0)
    return {f"{10 ** (tenth / 10):.2e}": found[tenth] for tenth in sorted(found)}
