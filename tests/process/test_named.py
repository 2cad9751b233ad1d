"""Named shares: one coordinator for all who open a name, whoever comes, goes or is killed in whatever order."""

import errno
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from programs import HERE, SOURCE, wait_for, wait_for_none

from share import SegmentError, Share, ShareClosedError
from share.maintenance import remove_dead

PROGRAM = HERE / "named_program.py"


class Worker:
    """One running ``named_program.py``."""

    def __init__(self, name: str, worker: str) -> None:
        environment = {**os.environ, "PYTHONPATH": SOURCE}
        self.worker = worker
        self.process = subprocess.Popen(
            [sys.executable, str(PROGRAM), name, worker],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
        )  # fmt: skip

    def line(self) -> list[int]:
        """The next line that it has written, as numbers."""
        assert self.process.stdout is not None
        return [int(word) for word in self.process.stdout.readline().split()]

    def say(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def end(self) -> None:
        self.say("end")
        self.finish(0)

    def kill(self) -> None:
        self.process.kill()
        self.finish(-9)

    def finish(self, code: int) -> None:
        assert self.process.wait() == code
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            try:
                stream.close()
            except BrokenPipeError:
                pass


@pytest.fixture
def name() -> str:
    """A name that no other run uses."""
    return f"test-{os.getpid()}-{random.getrandbits(32):x}"


def named_segment(name: str) -> Path:
    return Path("/dev/shm") / f"share.{name}"


def ended(pid: int) -> bool:
    try:
        process = psutil.Process(pid)
        # A zombie with threads is on its way, and not yet proven dead.
        return process.status() == psutil.STATUS_ZOMBIE and process.num_threads() <= 1
    except psutil.NoSuchProcess:
        return True


def gone(name: str) -> bool:
    return not wait_for_none(lambda: [named_segment(name)] if named_segment(name).exists() else [])


def test_four_programs_that_start_at_once_have_one_coordinator(name: str) -> None:
    workers = [Worker(name, str(number)) for number in range(4)]
    assert len({worker.line()[0] for worker in workers}) == 1
    for worker in workers:
        worker.say("add 1000")
    own = [worker.line()[0] for worker in workers]
    assert own == [1000] * 4
    workers[0].say("add 1")
    assert workers[0].line() == [1001, 4001]
    for worker in workers:
        worker.end()
    assert gone(name)


def test_killed_and_restarted_in_any_order_nothing_is_stale_and_nothing_left(name: str) -> None:
    """What a worker has read back is never lost while one of them lives, and never survives the last."""
    chance = random.Random(4)
    known: dict[str, int] = {}  # what the present share must at least hold
    alive: dict[str, Worker] = {}
    for _ in range(50):
        number = str(chance.randrange(4))
        if number in alive and chance.random() < 0.7:
            worker = alive.pop(number)
            if chance.random() < 0.7:
                worker.kill()
            else:
                worker.end()
            if not alive:
                assert gone(name)
                known.clear()
            continue
        worker = alive.get(number) or Worker(name, number)
        if number not in alive:
            worker.line()
            alive[number] = worker
        worker.say("add 100")
        own, total = worker.line()
        assert own == known.get(number, 0) + 100
        known[number] = own
        assert total == sum(known.values())
    for worker in alive.values():
        worker.kill()
    assert gone(name)


def test_all_killed_at_once_and_started_again(alone_with_gc: None, name: str) -> None:
    """The remains of a crashed run, its coordinator killed too, are replaced, never joined."""
    for _ in range(3):
        workers = [Worker(name, str(number)) for number in range(2)]
        pids = {worker.line()[0] for worker in workers}
        workers[0].say("add 10")
        assert workers[0].line() == [10, 10]
        for worker in workers:
            worker.process.kill()
        for pid in pids:
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                pass  # it has seen the last of them die already
        for worker in workers:
            worker.finish(-9)
        for pid in pids:
            wait_for(lambda pid=pid: ended(pid), "the coordinator's death")
    worker = Worker(name, "0")
    worker.line()
    worker.say("add 1")
    assert worker.line() == [1, 1]
    worker.end()
    assert gone(name)
    remove_dead()  # a coordinator that was killed while it removed segments has left some without a name


def test_an_owned_name(name: str) -> None:
    with Share(name) as shared:
        shared.x = 1
        with pytest.raises(FileExistsError, match=r"Share\.attach"):
            Share(name)
        assert Share.attach(name) is shared
        assert Share.open(name).x == 1
        code = f"from share import Share; s = Share.attach({name!r}); s.x = 2; print(s.x)"
        result = subprocess.run(
            [sys.executable, "-W", "error", "-c", code],
            capture_output=True, text=True, env={**os.environ, "PYTHONPATH": SOURCE},
        )  # fmt: skip
        assert (result.stdout, result.stderr) == ("2\n", "")
        assert shared.x == 2
    assert gone(name)
    with pytest.raises(SegmentError) as caught:
        Share.attach(name)
    assert caught.value.errno == errno.ENOENT


def test_the_name_of_a_killed_owner_is_free_again(alone_with_gc: None, name: str) -> None:
    code = (
        "import os, signal; from share import Share\n"
        f"shared = Share({name!r}); shared.x = 1; shared.flush()\n"
        "print(shared.health().coordinator, flush=True)\n"
        "os.kill(shared.health().coordinator, signal.SIGKILL); os.kill(os.getpid(), signal.SIGKILL)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": SOURCE}
    )
    wait_for(lambda: ended(int(result.stdout)), "the coordinator's death")
    assert named_segment(name).exists()
    with Share(name) as shared:
        assert "x" not in shared
    assert gone(name)


def test_the_last_to_leave_ends_it(name: str) -> None:
    with Share.open(name) as shared:
        shared.x = 1
        worker = Worker(name, "w")
        worker.line()
    with pytest.raises(ShareClosedError):
        shared.x
    assert named_segment(name).exists()
    worker.say("add 1")
    assert worker.line() == [1, 1]
    worker.end()
    assert gone(name)


def test_setdefault_is_decided_once(name: str) -> None:
    with Share.open(name) as shared:
        assert shared.setdefault("x", 1) == 1
        assert shared.setdefault("x", 2) == 1
        del shared.x
        assert shared.setdefault("x", 3) == 3


@pytest.mark.parametrize("bad", ["", "a/b", "..", "-x", "x" * 201, "ä"])
def test_bad_names(bad: str) -> None:
    for call in (Share, Share.attach, Share.open):
        with pytest.raises(ValueError, match="cannot be the name of a share"):
            call(bad)


def test_names_of_a_wrong_type() -> None:
    for call in (Share, Share.attach, Share.open):
        with pytest.raises(TypeError, match="is a str"):
            call(7)  # type: ignore[arg-type]


@pytest.mark.parametrize("content", [b"", b"\0" * 4096, b"x" * 300_000])
def test_a_foreign_or_damaged_segment_is_refused(name: str, content: bytes) -> None:
    path = named_segment(name)
    path.write_bytes(content)
    try:
        with pytest.raises(SegmentError):
            Share.attach(name)
        with pytest.raises((SegmentError, FileExistsError)):
            Share(name)
        assert path.read_bytes() == content
    finally:
        path.unlink()


def test_a_program_may_wait_for_a_share_that_is_ending(name: str) -> None:
    """Opening again at once after the last has left gives a new share, not the ending one."""
    for number in range(5):
        with Share.open(name) as shared:
            assert "seen" not in shared
            shared.seen = number
    assert wait_for(lambda: gone(name))


@pytest.mark.parametrize(
    ("offset", "value", "message"),
    [
        (0, 0x1234, "not a share's control segment"),
        (8, 99, "layout version 99"),
        (16, 0, "still being created"),
        (24, 1, "another boot"),
        (32, 1, "another pid namespace"),
        (48, 12345, "damaged"),
    ],
)
def test_a_control_segment_that_does_not_fit_is_refused_with_the_reason(
    name: str, offset: int, value: int, message: str
) -> None:
    """Words of the header: magic, layout version, ready, boot, pid namespace, cells of the ring."""
    with Share() as shared:
        control = Path("/dev/shm") / shared.session_of().name
        content = bytearray(control.read_bytes())
    content[offset : offset + 8] = value.to_bytes(8, "little")
    path = named_segment(name)
    path.write_bytes(content)
    try:
        with pytest.raises(SegmentError, match=message):
            Share.attach(name)
        assert path.read_bytes() == content
    finally:
        path.unlink()


def test_it_lingers(name: str) -> None:
    """What the last user has left is there for who comes in time, also in the same process."""
    shared = Share.open(name, linger=600)
    shared.kept = [1]
    shared.flush()
    pid = shared.health().coordinator
    assert pid
    try:
        shared.close()
        worker = Worker(name, "later")
        assert worker.line() == [pid]
        worker.say("add 2")
        assert worker.line() == [2, 2]
        worker.kill()
        shared = Share.open(name)
        shared.kept.append(2)
        assert shared.kept == [1, 2]
        assert shared.ledger.of("later") == 2
        shared.close()
    finally:
        os.kill(pid, signal.SIGTERM)
    assert gone(name)


def test_it_lingers_no_longer(name: str) -> None:
    with Share.open(name, linger=0.3) as shared:
        shared.n = 1
    assert gone(name)
    with Share.open(name, linger=0.3) as shared:
        assert "n" not in shared
    assert gone(name)
    with pytest.raises(ValueError, match="linger"):
        Share.open(name, linger=-1)


def test_a_coordinator_that_ends_later_stays_no_zombie(name: str) -> None:
    """It is a child of who has opened the share first, also when that one has left before."""
    with Share.open(name, linger=0.1) as shared:
        shared.n = 1
        shared.flush()
        pid = shared.health().coordinator
    assert pid
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert gone(name)
    with Share.open(name):
        assert pid not in [child.pid for child in psutil.Process().children()]


class App(Share):
    """Names the types of what is in a share."""

    n: int


def test_opened_through_a_subclass_it_is_one(name: str) -> None:
    with App.open(name) as first:
        first.n = 1
        assert type(first) is App and App.attach(name) is first and Share.open(name) is first
        assert first.n == 1
