"""Programs that the ring tests start as processes of their own, so that each chooses how to wait at import.

After ``python ring_programs.py``:

- ``produce KIND FILE NUMBER COUNT``: put COUNT records, as producer NUMBER;
- ``consume KIND FILE PRODUCERS COUNT``: take them all and check each;
- ``kill KIND ROUNDS SEED``: kill a producer at a random moment, ROUNDS times.
"""

import contextlib
import mmap
import os
import random
import select
import signal
import struct
import sys
import time

from share.primitives import MPSCRing, SPSCRing

KINDS = {"mpsc": MPSCRing, "spsc": SPSCRing}
SIZES = {"mpsc": 512, "spsc": 512 * 64}  # small, so that there are thousands of wrap-arounds
HEAD = struct.Struct("<HIH")  # producer, number, length
FILLING = bytes(range(256)) * 20


def record(producer: int, number: int) -> bytes:
    """Of a size and with a content that follow from its name alone: 8 to 207 bytes, now and then up to 4 KB."""
    length = (number * 7919 + producer * 104_729) % 200
    if number % 97 == 0:
        length = (number * 31) % 4000
    return HEAD.pack(producer, number, length) + FILLING[number % 256 : number % 256 + length]


def check(data: bytes, next_number: list[int]) -> int:
    """Whether this is exactly the next record of its producer; returns the producer."""
    producer, number, _ = HEAD.unpack_from(data)
    if number != next_number[producer]:
        raise SystemExit(f"producer {producer}: got record {number}, expected {next_number[producer]}")
    if data != record(producer, number):
        raise SystemExit(f"producer {producer}: record {number} is torn")
    next_number[producer] += 1
    return producer


def attach(path: str) -> mmap.mmap:
    with open(path, "r+b") as file:
        return mmap.mmap(file.fileno(), 0)


def produce(kind: str, path: str, producer: int, count: int) -> None:
    ring = KINDS[kind](attach(path))
    number = 0
    while number < count:  # all the ways to put, in turn
        match number // 64 % 3:
            case 0:
                ring.put(record(producer, number))
                number += 1
            case 1:
                data = record(producer, number)
                with ring.claim(len(data)) as claim:
                    claim.write(data)
                number += 1
            case 2:
                batch = [record(producer, i) for i in range(number, min(number + 16, count))]
                number += ring.put_many(batch)


def consume(kind: str, path: str, producers: int, count: int) -> None:
    ring = KINDS[kind](attach(path))
    next_number = [0] * producers
    left = producers * count
    while left:
        if left % 3 == 0:
            check(ring.get(), next_number)
            left -= 1
        else:
            records = ring.get_many(100)
            for data in records:
                check(data, next_number)
            left -= len(records)
    if (extra := ring.try_get()) is not None:
        raise SystemExit(f"one record too many: {extra[:16]!r}")
    print("received", sum(next_number))


def work_until_killed(ring: MPSCRing | SPSCRing) -> None:
    """As much of the time as possible between claim and commit."""
    records = [record(0, number) for number in range(2000)]
    for number, data in enumerate(records * 1000):
        data = data if number < len(records) else record(0, number)
        if number % 4 == 0:
            ring.put(data)
        else:
            with ring.claim(len(data)) as claim:
                claim.write(data[: len(data) // 2])
                claim.write(data[len(data) // 2 :], len(data) // 2)


def kill(kind: str, rounds: int, seed: int) -> None:
    """Each round: a producer is killed at a random moment, then another one must get a record through."""
    random_ = random.Random(seed)
    ring_type = KINDS[kind]
    memory = mmap.mmap(-1, ring_type.size_for(SIZES[kind]))
    ring = ring_type(memory, SIZES[kind], create=True)
    got = 0
    for _ in range(rounds):
        # Half of the dead are reaped at once, the others stay zombies while the ring is looked at.
        signal.signal(signal.SIGCHLD, signal.SIG_IGN if random_.random() < 0.5 else signal.SIG_DFL)
        victim = os.fork()
        if victim == 0:
            work_until_killed(ring)
        next_number = [0, 0]
        check(ring.get(timeout=60), next_number)  # it is at work
        delay = random_.randrange(1_000_000)
        survivor = os.fork()
        if survivor == 0:
            death = os.pidfd_open(victim)
            until = time.perf_counter_ns() + delay
            while time.perf_counter_ns() < until:
                pass
            os.kill(victim, signal.SIGKILL)
            if kind == "spsc":  # a second writer is welcome once the first is dead
                select.select([death], [], [])
            ring.put(record(1, 0))
            ring.detach()
            os._exit(0)
        while next_number[1] == 0:
            check(ring.get(timeout=60), next_number)
        got += next_number[0]
        # For the MPSC ring the last record of the dead may come after that of the living: it died late.
        while (data := ring.try_get()) is not None:
            check(data, next_number)
        for child in (victim, survivor):
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child, 0)
    print("rounds", rounds, "records", got)


if __name__ == "__main__":
    what, kind, *rest = sys.argv[1:]
    if what == "kill":
        kill(kind, int(rest[0]), int(rest[1]))
    else:
        {"produce": produce, "consume": consume}[what](kind, rest[0], int(rest[1]), int(rest[2]))
