"""No shared memory left, at any one of all reservations, in a client and in the coordinator.

filler.py takes memory in every way there is. Whoever asks for what is not there gets ShareMemoryError, nobody a SIGBUS;
the share goes on, and once there is memory again so does what has failed; nothing stays in /dev/shm.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from filler import ALWAYS
from programs import HERE, LIMIT, environment

pytestmark = pytest.mark.slow

PARTS = 4  # all reservations are dealt out to so many tests
STEP = 1 if "SHARE_LONG" in os.environ else 3
ALONE = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o size=1g tmpfs /dev/shm && exec "$@"', "sh"]


class Reservation(NamedTuple):
    path: str
    process: int
    used: int  # bytes of all shared memory, after it
    refused: bool


def fill(*arguments: int, alone: bool = False, **more: str) -> str:
    """Runs filler.py, on request with a /dev/shm of its own."""
    command = [sys.executable, str(HERE / "filler.py"), *map(str, arguments)]
    done = subprocess.run(
        [*ALONE, *command] if alone else command,
        env=environment(**more), capture_output=True, text=True, timeout=LIMIT,
    )  # fmt: skip
    assert done.returncode == 0, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


class Refuser:
    """Runs filler.py with refuse.c."""

    def __init__(self, folder: Path) -> None:
        self.library, self.words, self.log = folder / "refuse.so", folder / "words", folder / "words.log"
        self.log.touch()
        subprocess.run(["gcc", "-O1", "-shared", "-fPIC", HERE / "refuse.c", "-o", self.library], check=True)

    def fill(self, first: int, last: int, *, alone: bool = False) -> list[Reservation]:
        self.words.write_bytes(bytes(4096))
        self.log.write_text("")
        fill(first, last, alone=alone, SHARE_REFUSE=str(self.words), LD_PRELOAD=str(self.library))
        lines = [line.split() for line in self.log.read_text().splitlines()]
        found = [Reservation(path, int(pid), int(used), what == "refused") for path, pid, used, what in lines]
        left = {path for path, *_ in found if os.path.exists(path)}
        assert not left, f"{first} to {last}: {left} are left"
        return found


@pytest.fixture(scope="session")
def refuser(tmp_path_factory: pytest.TempPathFactory) -> Refuser:
    if shutil.which("gcc") is None:
        pytest.skip("needs gcc")
    return Refuser(tmp_path_factory.mktemp("refuse"))


@pytest.fixture(scope="session")
def all_of_them(refuser: Refuser) -> list[Reservation]:
    """Every reservation of a run that is refused nothing."""
    return refuser.fill(0, 0)


def test_each_kind_of_memory_is_met(all_of_them: list[Reservation]) -> None:
    """Control segment, answers' rings, arenas, spills, answers, heap: by a client, its child and two coordinators."""
    kinds = [re.sub(r".*share_[0-9a-f]+(_([a-z]))?.*", r"\2", made.path) for made in all_of_them]
    assert set(kinds) == {"", "r", "c", "l", "s", "a", "m"}
    assert len({made.process for made, kind in zip(all_of_them, kinds, strict=True) if kind == "r"}) == 2
    assert len({made.process for made, kind in zip(all_of_them, kinds, strict=True) if kind == "m"}) == 2


@pytest.mark.parametrize("part", range(PARTS))
def test_one_reservation_is_refused(refuser: Refuser, all_of_them: list[Reservation], part: int) -> None:
    for number in range(1 + part, len(all_of_them) + 1, PARTS):
        check(refuser.fill(number, number), number)


@pytest.mark.parametrize("part", range(PARTS))
def test_all_are_refused_from_one_on(refuser: Refuser, all_of_them: list[Reservation], part: int) -> None:
    """Until something has failed; whatever is refused memory fails then, and nothing is silent."""
    for number in range(1 + part * STEP, len(all_of_them) + 1, PARTS * STEP):
        check(refuser.fill(number, ALWAYS), number)


def check(found: list[Reservation], number: int) -> None:
    """That one was the first to be refused. (The coordinator may do with one less: it depends on how it groups.)"""
    first = next((n for n, made in enumerate(found, 1) if made.refused), None)
    assert first == number or len(found) < number


@pytest.fixture(scope="session")
def sizes(refuser: Refuser) -> list[int]:
    """For each reservation the size of a tmpfs that has a page too little for it."""
    if subprocess.run([*ALONE, "true"], capture_output=True).returncode:
        pytest.skip("needs the right to mount a file system")
    return sorted({made.used - 4096 for made in refuser.fill(0, 0, alone=True)})


@pytest.mark.parametrize("part", range(PARTS))
def test_the_folder_is_full(sizes: list[int], part: int) -> None:
    """Nothing is pretended here. (Not every run need fail: a spill may be removed a little earlier.)"""
    failed = ["failed" in fill(size, alone=True) for size in sizes[part::PARTS]]
    assert failed.count(True) > len(failed) // 2


ERRORS = """
from multiprocessing import get_context
from filler import ALWAYS, Refusals
from share import Share, ShareMemoryError

MANY = 20           # more than there is room for without new memory

class Thrower:
    def __init__(self):
        self.count = 0
    def throw(self, text):
        self.count += 1
        raise ValueError(text * 90_000)

def flush(shared):
    try:
        shared.flush()
    except ShareMemoryError as error:
        return "no room for their errors" in str(error)

def child(shared, pipe):
    for _ in range(MANY):
        shared.thrower.throw.send("c")
    pipe.send([flush(shared), flush(shared)])
    pipe.recv()
    pipe.send(flush(shared))

if __name__ == "__main__":
    with Share() as shared:
        shared.thrower = Thrower()
        shared.flush()
        full = Refusals(1, ALWAYS)
        full.begin()
        ours, theirs = get_context("fork").Pipe()
        process = get_context("fork").Process(target=child, args=(shared, theirs))
        process.start()
        assert ours.recv() == [True, None]              # once
        assert flush(shared) is None                    # not for us
        (failed,) = shared.errors
        assert failed.command == "?" and isinstance(failed.error, ShareMemoryError)
        for _ in range(MANY):
            shared.thrower.throw.send("p")
        assert flush(shared) is True and flush(shared) is None
        ours.send(None)
        assert ours.recv() is True                      # they are of several processes: one cannot tell whose
        process.join()
        assert shared.thrower.count == 2 * MANY
        full.end()
        shared.other = 1
        shared.flush()                                  # they have been heard of
        assert [str(failed.error)[0] for failed in shared.errors] == ["c"] * MANY + ["p"] * MANY
"""


def run_refused(script: str, refuser: Refuser, tmp_path: Path) -> None:
    """Runs a program whose memory can be refused."""
    (tmp_path / "script.py").write_text(script)
    refuser.words.write_bytes(bytes(4096))
    done = subprocess.run(
        [sys.executable, str(tmp_path / "script.py")],
        env=environment(SHARE_REFUSE=str(refuser.words), LD_PRELOAD=str(refuser.library)),
        capture_output=True, text=True, timeout=LIMIT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]


def test_no_memory_for_errors(refuser: Refuser, tmp_path: Path) -> None:
    """flush() says that commands have failed, to who sent them; what they raised is there as soon as it has room."""
    run_refused(ERRORS, refuser, tmp_path)


GROWING = """
import time
from filler import ALWAYS, Refusals
from share import Share, ShareMemoryError

MANY = 60

class Grower:
    def __init__(self):
        self.items = []
        self.count = 0
    def grow(self):
        self.count += 1
        self.items.append("x" * 1_000_000)

if __name__ == "__main__":
    with Share() as shared:
        shared.grower = Grower()
        shared.grower.grow()
        shared.flush()
        full = Refusals(1, ALWAYS)
        full.begin()
        for _ in range(MANY):
            shared.grower.grow()
        deadline = time.monotonic() + 60
        while shared.health().backlog and time.monotonic() < deadline:
            time.sleep(0.01)
        full.end()
        shared.other = 1            # with this is told what there was no room for
        try:
            shared.flush()
        except BaseException as error:
            raised = error
        done = shared.grower.count - 1
        assert len(shared.grower.items) == done + 1
        assert len(shared.errors) == MANY - done > MANY // 2
        assert str(raised).startswith(f"{MANY - done} queued commands failed"), raised
        for failed in shared.errors:
            assert isinstance(failed.error, ShareMemoryError) and failed.command == "Grower.grow"
"""


def test_each_command_that_finds_no_memory_is_told(refuser: Refuser, tmp_path: Path) -> None:
    """Also if there was none for what was told of those before it, while all was loaded anew."""
    run_refused(GROWING, refuser, tmp_path)


SMALL = """
import os
from share import Share, ShareMemoryError

with Share() as shared:
    try:
        for count in range(1000):
            setattr(shared, f"x{count}", "x" * 50_000)
            shared.flush()
    except ShareMemoryError:
        folder = os.statvfs("/dev/shm")
        free = folder.f_bfree / folder.f_blocks
    assert free < 0.1, free
    shared.x0 = "y" * 30
    shared.flush()
    assert len(shared) == count and shared.x0 == "y" * 30 and shared.x1 == "x" * 50_000
assert not os.listdir("/dev/shm")
"""


def test_a_small_folder_is_used_whole(tmp_path: Path) -> None:
    """Also where the next step of a share's memory is larger than what is free."""
    if subprocess.run([*ALONE, "true"], capture_output=True).returncode:
        pytest.skip("needs the right to mount a file system")
    (tmp_path / "script.py").write_text(SMALL)
    alone = [part.replace("size=1g", "size=12m") for part in ALONE]
    done = subprocess.run(
        [*alone, sys.executable, str(tmp_path / "script.py")],
        env=environment(), capture_output=True, text=True, timeout=LIMIT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]


PRIMITIVES = """
import os
from multiprocessing.shared_memory import SharedMemory
from share import ShareMemoryError
from share.primitives import FlagArray, MPSCRing, Slots, SPSCRing

memory = SharedMemory(create=True, size=4 << 20)        # reserves nothing: there are 64 KB
for make in (
    lambda: FlagArray(memory.buf, 1 << 18, create=True),
    lambda: Slots(memory.buf, 1 << 14, create=True),
    lambda: MPSCRing(memory.buf, 1 << 15, create=True),
    lambda: SPSCRing(memory.buf, 1 << 21, create=True),
):
    try:
        make()
    except ShareMemoryError as error:
        assert "/dev/shm" in str(error)
    else:
        raise AssertionError("nothing was raised")
os.posix_fallocate(os.open("/dev/shm/" + memory.name, os.O_RDWR), 0, 4096)
FlagArray(memory.buf, 8, create=True).raise_to(3, 41)  # what fits is made
print("all is well")
memory.close()
memory.unlink()
"""


def test_the_memory_of_a_primitive_is_full() -> None:
    """It comes from the caller, and there need not be any: that shows where the primitive is made, not by a SIGBUS."""
    if subprocess.run([*ALONE, "true"], capture_output=True).returncode:
        pytest.skip("needs the right to mount a file system")
    alone = [part.replace("size=1g", "size=64k") for part in ALONE]
    done = subprocess.run(
        [*alone, sys.executable, "-c", PRIMITIVES], env=environment(), capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "all is well\n"), done.stderr
