"""A shared object that notices lost, repeated and reordered commands, and the processes that load it."""

import os
import random
import zlib
from typing import Any

__all__ = ["Ledger", "Producer", "Scratch"]

# What the process that executes arm() will do. Not at once: else it would be about that very command.
_pending: list[str] = []


def _arm() -> None:
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
        _arm()
        expected = self.counts.get(who, 0) + 1
        if number != expected:
            self.wrong.append((who, expected, number))
        self.counts[who] = number
        self.left = self.right = (who, number)
        self.blob = blob
        self.check = zlib.crc32(blob)

    def ask(self, who: int, number: int, size: int) -> tuple[int, bytes]:
        """A command that is waited for; the answer is of that size."""
        _arm()
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
        _arm()

    def arm(self, point: str) -> int:
        """Has the coordinator die (or stop, or dawdle) at a test point from the next command on. Returns its pid."""
        self.armed = point  # a method that wrote nothing of its object would run in the caller
        _pending.append(point)
        return os.getpid()


class Scratch:
    """An object that is made and deleted again."""

    def __init__(self, size: int) -> None:
        self.data = bytes(size)


class Producer:
    """One process's load. ``begun`` and ``done`` are arrays in memory that outlives the process.

    No two living producers may have the same ``lane``: the names that they make and delete are told apart by it.

    Raises AssertionError for a stale or torn read, or an answer that belongs to another call.
    """

    def __init__(
        self,
        share: Any,
        who: int,
        begun: Any,
        done: Any,
        seed: int,
        largest: int = 3000,
        lane: int | None = None,
    ) -> None:
        self.scratch = f"scratch{who % 16 if lane is None else lane}"
        self.share = share
        self.ledger = share.ledger
        self.who = who
        self.begun = begun
        self.done = done
        self.random = random.Random(seed)
        self.largest = largest
        self.number = 0

    def step(self) -> None:
        """One command of a random kind, and a read that must see it."""
        kind = self.random.random()
        if kind < 0.12:
            self._scratch()
            return
        self.number += 1
        self.begun[self.who] = self.number
        # Mostly small ones, some in heap blocks and in spill segments.
        size = self.random.choice((0, 10, 30, 60, 200, 400, self.largest))
        if kind < 0.75:
            self.ledger.note(self.who, self.number, self.random.randbytes(size))
        else:
            number, answer = self.ledger.ask(self.who, self.number, size)
            assert number == self.number and len(answer) == size, "an answer to another call"
        self.done[self.who] = self.number
        if self.random.random() < 0.4:
            seen = self.ledger.count(self.who)
            assert seen == self.number, f"stale: {seen} commands seen where {self.number} had returned"
            assert self.ledger.whole(), "torn: half of a command was seen"

    def _scratch(self) -> None:
        self.share[self.scratch] = Scratch(self.random.choice((0, 100, self.largest)))
        if self.random.random() < 0.5:
            del self.share[self.scratch]
