"""A shared object that notices lost, repeated and reordered commands, and the processes that load it."""

import mmap
import os
import random
import signal
import traceback
import zlib
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["Books", "Ledger", "Producer", "Scratch", "Words", "fork", "left_of"]

MOST_PRODUCERS = 1 << 16
# The trail is a list of which even the beginning is long enough to be published with a log of changes.
TRAIL = [(0, number) for number in range(100)]

# What the process that executes arm() will do. Not at once: else it would be about that very command.
_pending: list[str] = []


def arm_now() -> None:
    """Has this process die (or stop, or dawdle) at the test point that it was told of."""
    while _pending:
        os.environ["SHARE_TESTPOINT"] = _pending.pop()


class Ledger:
    """Counts the commands of each producer. A number that is not the next one is a command lost or run twice."""

    def __init__(self) -> None:
        self.counts: dict[int, int] = {}
        self.wrong: list[tuple[int, int, int]] = []
        self.left: tuple[int, int] = (0, 0)
        self.right: tuple[int, int] = (0, 0)
        self.blob = b""
        self.check = 0
        self.armed = ""

    def note(self, who: int, number: int, blob: bytes) -> None:
        """A queued command."""
        arm_now()
        expected = self.counts.get(who, 0) + 1
        if number != expected:
            self.wrong.append((who, expected, number))
        self.counts[who] = number
        self.left = self.right = (who, number)
        self.blob = blob
        self.check = zlib.crc32(blob)

    def ask(self, who: int, number: int, size: int) -> tuple[int, bytes]:
        """A command that is waited for; the answer is of that size."""
        arm_now()
        expected = self.counts.get(who, 0) + 1
        if number != expected:
            self.wrong.append((who, expected, number))
        self.counts[who] = number
        self.left = self.right = (who, number)
        return number, bytes(size)

    def count(self, who: int) -> int:
        """How many commands of that producer there were."""
        return self.counts.get(who, 0)

    def whole(self) -> bool:
        """Whether what one command wrote belongs together."""
        return self.left == self.right and self.check == zlib.crc32(self.blob)

    def apply(self) -> None:
        """A command that does nothing else."""
        self.armed = "applied"
        arm_now()

    def arm(self, point: str) -> int:
        """Has the coordinator die (or stop, or dawdle) at a test point from the next command on. Returns its pid."""
        self.armed = point  # a method that wrote nothing of its object would run in the caller
        _pending.append(point)
        return os.getpid()


class Scratch:
    """An object that is made and deleted again."""

    def __init__(self, size: int) -> None:
        self.data = bytes(size)


class Words:
    """64-bit words in memory that all forked children share and that survives each of them."""

    def __init__(self, count: int) -> None:
        self.memory = mmap.mmap(-1, 8 * count)
        # Stores a word at once; `struct.pack_into` clears it first, and a process may be killed in between.
        self.words = memoryview(self.memory).cast("q")

    def __getitem__(self, index: int) -> int:
        return self.words[index]

    def __setitem__(self, index: int, value: int) -> None:
        self.words[index] = value


class Books:
    """What each producer has begun and what had returned, and the comparison of that with the share.

    A producer writes into a ledger, an object whose attributes are published whole, adds to a trail, a list that is
    published as a base and a log, and to a part of its own, while only it holds that. Its numbers count from 1 in each.
    """

    def __init__(self, share: Any) -> None:
        self.share = share
        self.begun, self.done = Words(MOST_PRODUCERS), Words(MOST_PRODUCERS)
        self.trail_begun, self.trail_done = Words(MOST_PRODUCERS), Words(MOST_PRODUCERS)
        self.part_begun, self.part_done = Words(MOST_PRODUCERS), Words(MOST_PRODUCERS)
        self.trail_seen: dict[int, int] = {}
        share.ledger = Ledger()
        share.trail = TRAIL
        share.parts = {}
        share.flush()

    def take_trail(self) -> None:
        """Reads what producers have added to the trail and takes it away; nobody else takes anything.

        Raises AssertionError if an addition is missing, is there twice or is not in its place.
        """
        found = self.share.trail[len(TRAIL) :]
        for who, number in found:
            seen = self.trail_seen.get(who, 0)
            assert number == seen + 1, f"producer {who}: addition {number} to the trail follows number {seen}"
            self.trail_seen[who] = number
        if found:
            del self.share.trail[len(TRAIL) : len(TRAIL) + len(found)]

    def check_now(self) -> None:
        """What must hold at any time. Raises AssertionError."""
        wrong = list(self.share.ledger.wrong)
        assert not wrong, f"lost or repeated (producer, expected, found): {wrong}"
        assert self.share.ledger.whole(), "half of a command was seen"

    def check(self, producers: Iterator[int] | range) -> int:
        """What must hold of producers that have ended: nothing lost, nothing twice, what had returned is there.

        Returns how many commands they had executed. Raises AssertionError.
        """
        self.share.flush(timeout=60)
        self.check_now()
        self.take_trail()
        counts = dict(self.share.ledger.counts)
        executed = 0
        for who in producers:
            count, added = counts.get(who, 0), self.trail_seen.get(who, 0)
            assert self.done[who] <= count <= self.begun[who], (
                f"producer {who}: {self.done[who]} returned, {self.begun[who]} begun, {count} executed"
            )
            assert self.trail_done[who] <= added <= self.trail_begun[who], (
                f"producer {who}: {self.trail_done[who]} additions returned, "
                f"{self.trail_begun[who]} begun, {added} made"
            )
            executed += count + added
            # One that has died while it had its part has taken it along.
            part = self.share.parts.pop(who, None)
            if part is not None:
                assert part[0] == list(range(1, len(part[0]) + 1)), (
                    f"producer {who}: lost in a part: {part[0]}"
                )
                assert self.part_done[who] <= len(part[0]) <= self.part_begun[who], (
                    f"producer {who}: {self.part_done[who]} additions to a part returned, "
                    f"{self.part_begun[who]} begun, {len(part[0])} made"
                )
        return executed


def fork(body: Callable[[], object]) -> int:
    """Runs a function in a forked child, which ends with status 0, or with 1 if it raises. Returns the child's pid."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        # The parent may ignore Ctrl-C, or have a handler of its own.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        body()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def left_of(name: str) -> list[str]:
    """The segments of a share that exist."""
    return [entry for entry in os.listdir("/dev/shm") if entry.startswith(name)]


class Producer:
    """One process's load.

    No two living producers may have the same ``lane``: the names that they make and delete are told apart by it.

    Raises AssertionError for a stale or torn read, or an answer that belongs to another call.
    """

    def __init__(
        self,
        books: Books,
        who: int,
        seed: int,
        largest: int = 3000,
        lane: int | None = None,
        load: str = "mixed",
    ) -> None:
        self.scratch = f"scratch{who % 16 if lane is None else lane}"
        self.share = books.share
        self.books = books
        self.ledger = books.share.ledger
        self.trail = books.share.trail
        self.who = who
        self.random = random.Random(seed)
        self.largest = largest
        self.load = load
        self.number = self.added = self.carried = 0
        self.part: Any = None
        self.held: Any = []

    def step(self) -> None:
        """One command, and sometimes a read that must see it.

        Its kind is random; with the load "answers" it is a call with an answer that just fits into the response
        ring, with "spills" a queued command that has a segment of its own (in a build with test points), with "large"
        now and then arguments and an answer for which an arena has to grow (there); with "parts" it has proxies of
        more parts than its table of them has room for at first (there).
        """
        kind = self.random.random()
        if self.load == "answers":
            self._ask(200)
        elif self.load == "spills":
            self._note(max(self.largest, 30000))
        elif self.load == "large":
            (self._note if self.number % 2 else self._ask)(600 if self.number % 32 > 1 else 14000)
        elif self.load == "parts":
            self._note(10)
            self._carry(100)
        elif kind < 0.12:
            self._scratch()
        elif kind < 0.25:
            self._add()
        elif kind < 0.35:
            self._carry(3)
        else:
            # Mostly small ones, some in heap blocks, arenas and spill segments.
            size = self.random.choice((0, 10, 30, 60, 200, 400, self.largest))
            if kind < 0.8:
                self._note(size)
            else:
                self._ask(size)
            if self.random.random() < 0.4:
                seen = self.ledger.count(self.who)
                assert seen == self.number, f"stale: {seen} commands seen where {self.number} had returned"
                assert self.ledger.whole(), "torn: half of a command was seen"

    def _note(self, size: int) -> None:
        self.number += 1
        self.books.begun[self.who] = self.number
        self.ledger.note(self.who, self.number, self.random.randbytes(size))
        self.books.done[self.who] = self.number

    def _ask(self, size: int) -> None:
        self.number += 1
        self.books.begun[self.who] = self.number
        number, answer = self.ledger.ask(self.who, self.number, size)
        assert number == self.number and len(answer) == size, "an answer to another call"
        self.books.done[self.who] = self.number

    def _add(self) -> None:
        self.added += 1
        self.books.trail_begun[self.who] = self.added
        self.trail.append((self.who, self.added))
        self.books.trail_done[self.who] = self.added
        if self.random.random() < 0.4:
            # Whoever checks may have taken the first ones away, or all.
            seen = [number for who, number in self.trail[:] if who == self.who]  # of one moment
            assert seen == list(range(self.added + 1 - len(seen), self.added + 1)), f"stale or torn: {seen}"

    def _carry(self, size: int) -> None:
        """Takes a part out of the share, writes to it where nothing stores it, and puts it back."""
        parts = self.share.parts
        if self.part is None:
            parts[self.who] = [[], *([i] for i in range(size))]
            self.part = parts[self.who]
            self.held = self.part[:]
        taken = parts.pop(self.who)
        assert taken is self.part, "a part that is held was taken for one that is not"
        self.carried += 1
        self.books.part_begun[self.who] = self.carried
        self.held[0].append(self.carried)
        self.books.part_done[self.who] = self.carried
        if self.random.random() < 0.4:
            assert self.held[0][-1] == self.carried and self.held[-1] == [size - 1], (
                "stale, in a part that is held"
            )
        parts[self.who] = taken
        assert parts[self.who] is taken and taken[0] is self.held[0], "another part than it was"

    def _scratch(self) -> None:
        self.share[self.scratch] = Scratch(self.random.choice((0, 100, self.largest)))
        if self.random.random() < 0.5:
            del self.share[self.scratch]
