"""Uses a share in each way that takes shared memory; for test_full.py, which has it run out of memory.

    python filler.py FIRST LAST     from the FIRST reservation on, to the LAST, there is no memory
    python filler.py SIZE           /dev/shm, in a mount namespace of this program alone, has SIZE bytes

Whatever fails says so with ShareMemoryError; then there is memory again, and the same succeeds. Prints what failed, and
what went on although memory was refused.
"""

import mmap
import os
import signal
import struct
import subprocess
import sys
from collections.abc import Callable
from multiprocessing import get_context
from typing import Any, Protocol

import numpy
from classes import Counter, Log
from objects import Odd

from share import Share, ShareMemoryError

LARGE = 3_000_000
HUGE = 17_000_000  # too large for an arena
ALWAYS = 1 << 62


class Shortage(Protocol):
    """What keeps memory from a share."""

    def begin(self) -> None: ...
    def end(self) -> None: ...
    def count(self) -> int | None:
        """How often memory was refused, if it is known."""


class Refusals:
    """Some reservations are refused; by refuse.c, with which this program and the coordinator run."""

    def __init__(self, first: int, last: int) -> None:
        self.first, self.last = first, last
        with open(os.environ["SHARE_REFUSE"], "r+b") as file:
            self.words = mmap.mmap(file.fileno(), 4096)

    def begin(self) -> None:
        struct.pack_into("2q", self.words, 8, self.first, self.last)

    def end(self) -> None:
        self.first = self.last = 0
        self.begin()

    def count(self) -> int:
        return int(struct.unpack_from("q", self.words, 24)[0])


class SmallFolder:
    """The folder of all shared memory is small."""

    def __init__(self, size: int) -> None:
        self.size = size

    def begin(self) -> None:
        subprocess.run(["mount", "-o", f"remount,size={self.size}", "/dev/shm"], check=True)

    def end(self) -> None:
        self.size = 1 << 30
        self.begin()

    def count(self) -> None:
        return None


class Filler:
    """A share, and what is done with it."""

    def __init__(self, shortage: Shortage) -> None:
        self.shortage = shortage
        self.share: Any = None

    def create(self) -> None:
        self.share = Share(ring=1024)

    def attempt(self, name: str, use: Callable[[Any], Any]) -> None:
        """Does that, and all that it queues; if there was no memory, a second time when there is."""
        before = self.shortage.count()
        failed = not self.done(use)
        after = self.shortage.count()
        if after is not None:
            assert after != before or not failed, f"{name} has failed, and nothing was refused"
            # A coordinator that is refused once runs its commands again, one by one, and may then find room.
            once = isinstance(self.shortage, Refusals) and self.shortage.first == self.shortage.last
            assert after == before or failed or once, f"{name} was refused memory, and says nothing"
        if failed or after != before:
            print(name, "failed" if failed else "went on", flush=True)
            self.shortage.end()
        if failed:
            self.done(lambda _: None)  # hears of what else has failed meanwhile
            assert self.done(use), f"{name} fails again, and there is memory"

    def done(self, use: Callable[[Any], Any]) -> bool:
        failed = False
        try:
            use(self.share)
            if self.share is not None:
                self.share.flush()
        except* ShareMemoryError as error:
            failed = True
            for one in flat(error):
                assert "/dev/shm" in str(one), one
        return not failed


def flat(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [inner for one in error.exceptions for inner in flat(one)]
    return [error]


def in_a_child(shared: Share) -> None:
    """A process of its own, with a response ring of its own."""
    child = get_context("fork").Process(target=ask, args=(shared,))
    child.start()
    child.join()
    if child.exitcode == 3:
        raise ShareMemoryError("a child: /dev/shm is full")
    assert child.exitcode == 0, child.exitcode


def ask(shared: Share) -> None:
    try:
        shared.counter.next()
    except ShareMemoryError:
        os._exit(3)
    os._exit(0)


def kill_coordinator(shared: Share) -> None:
    os.kill(shared.health().coordinator, signal.SIGKILL)
    shared.counter.next()


def named(shared: Share) -> None:
    Share(f"filler{os.getpid()}").close()


def assign(**values: Any) -> Callable[[Share], None]:
    return lambda shared: [setattr(shared, name, value) for name, value in values.items()]


STEPS: dict[str, Callable[[Any], Any]] = {
    "an object": lambda shared: setattr(shared, "counter", Counter()),
    "an answer": lambda shared: shared.counter.next(),
    "another process": in_a_child,
    "a large value": assign(large=b"x" * LARGE),
    "objects": lambda shared: assign(odd=Odd(), log=Log(), items=[], table={})(shared),
    "a large argument": lambda shared: shared.log.write("large", b"y" * LARGE),
    "a large snapshot": lambda shared: shared.log.all(),
    "a large result": lambda shared: shared.odd.apply.call(lambda items: "z" * LARGE),
    "a huge argument": lambda shared: shared.odd.apply.call(lambda items, huge=b"u" * HUGE: len(huge)),
    "a huge result": lambda shared: (
        shared.odd.apply.call(lambda items: b"v" * HUGE) and setattr(shared.odd, "seen", 0)
    ),
    "a list": lambda shared: [shared.items.append(f"{n:03}" * 250) for n in range(800)],
    "a dict": lambda shared: [shared.table.update({n: "v" * 750}) for n in range(800)],
    "an array": assign(array=numpy.zeros(LARGE // 4)),
    "names": assign(**{f"name_{n}": n for n in range(700)}),
    "a successor": kill_coordinator,
    "a large value in the successor": assign(later=b"z" * 3 * LARGE),
    "a dict in the successor": lambda shared: [shared.table.update({n: "w" * 2000}) for n in range(600)],
    "another share": lambda shared: Share().close(),
    "a named share": named,
}


def main(shortage: Shortage) -> None:
    filler = Filler(shortage)
    shortage.begin()
    filler.attempt("a share", lambda _: filler.create())
    with filler.share as shared:
        for name, use in STEPS.items():
            filler.attempt(name, use)
        # Everything is there, once where it was done once, and goes on.
        assert shared.counter.next() >= 4
        assert shared.large == b"x" * LARGE
        assert all(entry == ("large", b"y" * LARGE) for entry in shared.log.all())
        assert len(shared.items) >= 800 and shared.items[-1] == "799" * 250
        assert len(shared.table) == 800
        assert (shared.table[599], shared.table[600]) == ("w" * 2000, "v" * 750)
        assert len(shared.array) == LARGE // 4 and not shared.array.any()
        assert [shared[f"name_{n}"] for n in range(700)] == [*range(700)]
        # A successor needs no memory to begin.
        shortage = Refusals(1, ALWAYS) if isinstance(shortage, Refusals) else shortage
        shortage.begin()
        kill_coordinator(shared)
        shortage.end()
    if isinstance(shortage, SmallFolder):
        assert not os.listdir("/dev/shm")


if __name__ == "__main__":
    numbers = [int(number) for number in sys.argv[1:]]
    main(Refusals(*numbers) if len(numbers) == 2 else SmallFolder(*numbers))
