"""``ls`` and ``gc``: what is left by dead processes is found and removed, and nothing else is touched."""

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from programs import environment, wait_for

from share import Share
from share.maintenance import remove_dead, shares

pytestmark = pytest.mark.usefixtures("alone_with_gc")

FOLDER = Path("/dev/shm")
STATE, OWNER, MAGIC, CELLS = 16, 40, 0, 48  # offsets of words in the header of a control segment
FIRST_PROCESS = 69632

LEFT = """
import os, signal
from share import Share
shared = Share.open({name!r})
shared.n = 1
shared.flush()
print(shared.session_of().name, shared.health().coordinator, flush=True)
os.kill(shared.health().coordinator, signal.SIGKILL)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def name() -> str:
    """A name that no other run uses."""
    return f"test-{secrets.token_hex(6)}"


@pytest.fixture
def left(name: str) -> Path:
    """The control segment of a share whose processes have all been killed."""
    done = subprocess.run(
        [sys.executable, "-c", LEFT.format(name=name)], capture_output=True, text=True, env=environment()
    )
    segment, coordinator = done.stdout.split()
    wait_for(lambda: not Path(f"/proc/{coordinator}").exists() or threads(int(coordinator)) == 0, "its death")
    return FOLDER / segment


def threads(pid: int) -> int:
    """How many threads a process has that are not dead."""
    try:
        tasks = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/stat")]
    except OSError:
        return 0
    return sum(task.rpartition(")")[2].split()[0] not in "ZX" for task in tasks)


def set_word(path: Path, offset: int, value: int) -> None:
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(value.to_bytes(8, "little"))


def seen(segment: Path) -> list[str]:
    return [info.state for info in shares() if info.segment == segment.name]


DAMAGE: dict[str, tuple[Callable[[Path], None], str]] = {
    "never finished": (lambda path: set_word(path, STATE, 0), "unfinished"),
    "its magic number is gone": (lambda path: set_word(path, MAGIC, 7), "refused"),
    "its ring cannot be": (lambda path: set_word(path, CELLS, 12345), "refused"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_gc_removes_what_is_unfinished_or_damaged(damage: str, left: Path, name: str) -> None:
    """If its maker, and whoever used it, is proven dead; its name is free again."""
    break_it, state = DAMAGE[damage]
    break_it(left)
    assert seen(left) == [state]
    removed = remove_dead()
    assert left.name in [info.segment for info in removed]
    assert not list(FOLDER.glob(f"{left.name}*")) and not (FOLDER / f"share.{name}").exists()
    with Share(name) as shared:
        shared.n = 2
        assert shared.n == 2


@pytest.mark.parametrize("damage", DAMAGE)
def test_gc_leaves_what_somebody_may_use(damage: str, left: Path, name: str) -> None:
    """Its maker lives, or another process that is registered; or nothing is known of its maker."""
    break_it, state = DAMAGE[damage]
    break_it(left)
    owner = int.from_bytes(left.read_bytes()[OWNER : OWNER + 8], "little")
    with Share() as alive:
        me = alive.session_of().control.owner_word()
        set_word(left, OWNER, me)
        assert left.name not in [info.segment for info in remove_dead()]
        set_word(left, OWNER, owner)
        if state == "refused":
            set_word(left, FIRST_PROCESS + 64, me)
            assert left.name not in [info.segment for info in remove_dead()]
            set_word(left, FIRST_PROCESS + 64, 0)
        set_word(left, 32, 1)  # another container
        assert left.name not in [info.segment for info in remove_dead()]
    for path in (left, FOLDER / f"share.{name}", *FOLDER.glob(f"{left.name}_*")):
        path.unlink()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_segments_of_other_users_are_nobody_elses_business(left: Path, name: str) -> None:
    """They are neither listed nor removed, and nothing is said of them."""
    others = [left, FOLDER / f"share.{name}", *FOLDER.glob(f"{left.name}_*")]
    for path in others:
        os.chown(path, 12345, 12345)
    assert seen(left) == []
    assert left.name not in [info.segment for info in remove_dead()]
    assert all(path.exists() for path in others)
    for command in ("ls", "gc"):
        done = subprocess.run(
            [sys.executable, "-m", "share", command], capture_output=True, text=True, env=environment()
        )
        assert done.returncode == 0
        assert left.name not in done.stdout + done.stderr
    for path in others:
        path.unlink()


def test_the_last_to_leave_removes_what_cannot_be_saved(name: str) -> None:
    """A share whose coordinator could not be replaced does not stay behind, nor does its name."""
    shared = Share.open(name)
    shared.n = 1
    shared.flush()
    segment = shared.session_of().name
    os.kill(shared.health().coordinator, signal.SIGKILL)
    wait_for(lambda: shared.health().state == "lost")
    shared.close()
    assert not list(FOLDER.glob(f"{segment}*")) and not (FOLDER / f"share.{name}").exists()
