"""How a share ends: close, with, garbage collection, interpreter exit, Ctrl-C, SIGKILL. Nothing stays behind."""

import gc
import os
import pty
import re
import signal
import subprocess
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import psutil
import pytest
from classes import Counter, Recorder, use_until_closed
from programs import finish, run_script, start, wait_for

from share import CoordinatorLostError, Share, ShareClosedError


def segments_of(name: str) -> list[str]:
    """What there is of a share in /dev/shm."""
    return [entry for entry in os.listdir("/dev/shm") if entry.startswith(name)]


def name_of(shared: Share) -> str:
    """The name of a share, from its repr."""
    return repr(shared).split()[1].rstrip(":")


def test_close_leaves_nothing() -> None:
    """close() returns when the coordinator has ended and every segment has gone."""
    shared = Share()
    shared.counter = Counter()
    assert shared.counter.next() == 1
    pid, name = shared.health().coordinator, name_of(shared)
    assert psutil.pid_exists(pid) and segments_of(name)
    shared.close()
    assert not psutil.pid_exists(pid) and not segments_of(name)


def test_closing_drains_first(tmp_path: Path) -> None:
    """Everything queued is executed before the share ends."""
    with Share() as shared:
        shared.recorder = Recorder(str(tmp_path / "record"))
        for i in range(5000):
            shared.recorder.record(i)
    assert (tmp_path / "record").read_text().split() == [str(i) for i in range(5000)]


def test_leaving_the_context_raises_pending_errors() -> None:
    """An error of a queued command is not lost when the block ends; the share is closed all the same."""
    with pytest.raises(ExceptionGroup) as caught, Share() as shared:
        shared.counter = Counter()
        shared.counter.add(None)
        shared.counter.add("a")
    assert [type(error) for error in caught.value.exceptions] == [TypeError, TypeError]
    assert shared.health().state == "closed"


def test_error_in_the_block_wins() -> None:
    """An exception of the block itself is not replaced by those of queued commands."""
    with pytest.raises(KeyError, match="mine"), Share() as shared:
        shared.counter = Counter()
        shared.counter.add(None)
        raise KeyError("mine")
    assert shared.health().state == "closed"


def test_garbage_collection_closes(recwarn: pytest.WarningsRecorder) -> None:
    """When the last reference has gone, so has the share; a ResourceWarning says that close() was forgotten."""
    shared = Share()
    shared.counter = Counter()
    pid, name = shared.health().coordinator, name_of(shared)
    with pytest.warns(ResourceWarning, match="unclosed share"):
        del shared
        gc.collect()
    assert not segments_of(name) and (pid == 0 or not psutil.pid_exists(pid))


def test_a_proxy_keeps_the_share_alive() -> None:
    """The last owner reference may be a proxy; the share lives until it has gone too."""
    shared = Share()
    shared.counter = Counter()
    counter, name = shared.counter, name_of(shared)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        del shared
        gc.collect()
        counter.increment()
        assert counter.n == 1 and segments_of(name)
        del counter
        gc.collect()
    assert not segments_of(name)


def test_closed_share_does_not_warn(recwarn: pytest.WarningsRecorder) -> None:
    """Neither close() nor `with` leads to a warning."""
    shared = Share()
    shared.close()
    with Share():
        pass
    del shared
    gc.collect()
    assert not recwarn.list


def test_interpreter_exit(tmp_path: Path) -> None:
    """A program that closes nothing ends cleanly, drained, and silently by default."""
    run_script(
        tmp_path,
        f"""
from share import Share
from classes import Recorder
shared = Share()
shared.recorder = Recorder({str(tmp_path / "record")!r})
for i in range(1000):
    shared.recorder.record(i)
""",
    )
    assert len((tmp_path / "record").read_text().split()) == 1000


def test_interpreter_exit_warns_if_asked(tmp_path: Path) -> None:
    """With -X dev, the forgotten close() is reported, and nothing else is."""
    (tmp_path / "script.py").write_text(
        "from share import Share\nshared = Share()\nshared.x = 1\nprint(shared.x)\n"
    )
    done = finish(start("-X", "dev", str(tmp_path / "script.py")))
    assert (done.returncode, done.stdout) == (0, "1\n")
    assert "ResourceWarning: unclosed share" in done.stderr
    assert "leaked" not in done.stderr and "Traceback" not in done.stderr


def test_uncaught_exception(tmp_path: Path) -> None:
    """A program that dies of an exception leaves nothing."""
    (tmp_path / "script.py").write_text("from share import Share\nshared = Share()\nshared.x = 1\n1 / 0\n")
    done = finish(start(str(tmp_path / "script.py")))
    assert done.returncode == 1
    assert done.stderr.count("Traceback") == 1 and "ZeroDivisionError" in done.stderr


BUSY = """
import multiprocessing, sys
from share import Share
from classes import Counter, increment

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    with Share() as shared:
        shared.counter = Counter()
        workers = [context.Process(target=increment, args=(shared, 10**9), daemon=True) for _ in range(2)]
        for worker in workers:
            worker.start()
        while shared.counter.n < 1000 or len(shared.session_of().control.processes()) < 4:
            pass  # until both are at work
        print(shared.health().coordinator, flush=True)
        for worker in workers:
            worker.join()
"""


def start_busy(tmp_path: Path, method: str) -> tuple[Any, int]:
    """A program whose workers write for ever; and its coordinator's process id."""
    (tmp_path / "busy.py").write_text(BUSY)
    program = start(str(tmp_path / "busy.py"), method)
    return program, int(program.stdout.readline())


def test_ctrl_c(method: str, tmp_path: Path) -> None:
    """SIGINT to the whole group: the coordinator stays until the owner has decided, and all is cleared away."""
    program, coordinator = start_busy(tmp_path, method)
    os.kill(coordinator, signal.SIGINT)  # which is not in the group
    os.killpg(program.pid, signal.SIGINT)
    done = finish(program)
    assert done.returncode in (1, -signal.SIGINT, 130)
    assert "KeyboardInterrupt" in done.stderr
    for complaint in ("leaked", "resource_tracker", "the coordinator", "unclosed"):
        assert complaint not in done.stderr
    wait_for(lambda: not psutil.pid_exists(coordinator))


def ended(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_killed_owner(method: str, tmp_path: Path) -> None:
    """SIGKILL of the owner: the coordinator drains and ends, workers are told, all memory goes."""
    program, coordinator = start_busy(tmp_path, method)
    os.kill(program.pid, signal.SIGKILL)
    done = finish(program)
    wait_for(lambda: ended(coordinator))
    assert done.returncode == -signal.SIGKILL
    assert "leaked" not in done.stderr and "resource_tracker" not in done.stderr
    assert "ShareClosedError" in done.stderr or method == "forkserver" or not done.stderr


def test_killed_group(method: str, tmp_path: Path) -> None:
    """SIGKILL of all that a terminal or a notebook's server has started: the coordinator is not among it."""
    program, coordinator = start_busy(tmp_path, method)
    segments = re.findall(r"/dev/shm/share_\w+", Path(f"/proc/{coordinator}/maps").read_text())
    os.killpg(program.pid, signal.SIGKILL)
    finish(program)
    wait_for(lambda: ended(coordinator))
    assert segments and not any(map(os.path.exists, segments))


TELLING = """
import os, sys, termios
terminal = os.open(sys.argv[1], os.O_RDWR)      # the terminal of this session from now on
attributes = termios.tcgetattr(terminal)
attributes[3] |= termios.TOSTOP
termios.tcsetattr(terminal, termios.TCSANOW, attributes)
answer = os.dup(1)
os.dup2(terminal, 1)
from share import Share

class Teller:
    def tell(self):
        print("told by", os.getpid(), flush=True)
        self.told = True        # a write: it runs in the coordinator
        return "answered"

with Share() as shared:
    shared.teller = Teller()
    os.write(answer, f"{shared.teller.tell()} by {shared.health().coordinator}".encode())
"""


def test_a_terminal_that_stops_whoever_writes_in_the_background() -> None:
    """``stty tostop``: what methods print in the coordinator comes, and nothing is stopped."""
    ours, theirs = pty.openpty()
    try:
        answer, by, coordinator = finish(start("-c", TELLING, os.ttyname(theirs))).stdout.split()
        os.set_blocking(ours, False)
        assert (answer, os.read(ours, 100).decode().split()) == ("answered", ["told", by, coordinator])
    finally:
        os.close(ours)
        os.close(theirs)


def test_terminated_coordinator_closes() -> None:
    """SIGTERM asks the coordinator to end in order: it drains, closes, unlinks; users are told."""
    shared = Share()
    shared.counter = Counter()
    for _ in range(100):
        shared.counter.increment()
    assert shared.counter.n == 100
    os.kill(shared.health().coordinator, signal.SIGTERM)
    wait_for(lambda: shared.health().state == "closed")
    with pytest.raises(ShareClosedError):
        shared.counter.n
    shared.close()


def test_coordinator_ignores_ctrl_c_and_hangup(shared: Share) -> None:
    """Both signals go to whole groups; the coordinator stays."""
    shared.counter = Counter()
    assert shared.counter.n == 0
    pid = shared.health().coordinator
    for number in (signal.SIGINT, signal.SIGHUP):
        os.kill(pid, number)
    assert shared.counter.next() == 1 and shared.health().coordinator == pid


def test_ctrl_c_during_a_wait_abandons_only_the_answer(tmp_path: Path) -> None:
    """KeyboardInterrupt comes out of a waiting call; the command goes on, and the share works."""
    (tmp_path / "script.py").write_text(
        """
import sys
from share import Share
from classes import Gate
with Share() as shared:
    shared.gate = Gate()
    assert shared.gate.get() == 0
    try:
        shared.gate.enter.call(sys.argv[1])
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    open(sys.argv[1], "w").close()
    print(shared.gate.passed, shared.gate.enter.call(sys.argv[1]), shared.gate.passed)
"""
    )
    program = start(str(tmp_path / "script.py"), str(tmp_path / "open"))
    wait_for((tmp_path / "open.entered").exists)
    os.kill(program.pid, signal.SIGINT)
    done = finish(program)
    assert (done.returncode, done.stdout, done.stderr) == (0, "interrupted\n1 None 2\n", "")


class Spinner:
    """A method that never ends."""

    def __init__(self) -> None:
        self.n = 0

    def spin(self) -> None:
        while True:
            self.n += 1


@pytest.mark.slow
def test_sigterm_ends_a_coordinator_that_cannot_drain() -> None:
    """A method that does not end is given some seconds; then everybody is told that the share is closed."""
    shared = Share()
    shared.spinner = Spinner()
    shared.flush()
    name, pid = name_of(shared), shared.health().coordinator
    call = shared.spinner.spin.submit()
    wait_for(lambda: shared.health().running_for > 0)
    os.kill(pid, signal.SIGTERM)
    with pytest.raises(ShareClosedError):
        call.result()
    wait_for(lambda: ended(pid))
    assert not segments_of(name)
    with pytest.raises(ShareClosedError):
        shared.spinner
    shared.close()


class Starter:
    """A method that leaves a thread behind."""

    def __init__(self) -> None:
        self.n = 0

    def start(self) -> None:
        self.n += 1
        threading.Thread(target=threading.Event().wait).start()


@pytest.mark.slow
def test_a_thread_that_a_method_has_started_does_not_keep_the_coordinator() -> None:
    """Python would wait for it for ever, and so would close()."""
    with Share() as shared:
        shared.starter = Starter()
        shared.starter.start()
        shared.flush()
        name = name_of(shared)
    assert not segments_of(name)


# -- the coordinator is killed ------------------------------------------------------------------------


def kill_coordinator(shared: Share) -> None:
    """Kills the coordinator as nobody can prevent."""
    os.kill(shared.health().coordinator, signal.SIGKILL)
    wait_for(lambda: shared.health().state != "running" or True)


def test_close_after_the_coordinator_was_killed() -> None:
    """Whatever becomes of it, close() removes all memory."""
    shared = Share()
    shared.counter = Counter()
    assert shared.counter.n == 0
    name = name_of(shared)
    kill_coordinator(shared)
    shared.close()
    assert not segments_of(name)


def test_nobody_hangs_when_the_coordinator_is_killed(tmp_path: Path) -> None:
    """Readers and callers that wait for a dead coordinator either get the fresh value or are told."""
    shared = Share()
    shared.counter = Counter()
    counter = shared.counter
    assert counter.next() == 1
    kill_coordinator(shared)
    outcomes = []
    for use in (counter.next, lambda: counter.increment() or counter.n, shared.flush):
        try:
            outcomes.append(use())
        except (CoordinatorLostError, ShareClosedError) as error:
            outcomes.append(type(error))
            assert isinstance(error, ConnectionError)
    assert outcomes == [2, 3, None] or set(outcomes) == {CoordinatorLostError}
    shared.close()


# -- forks --------------------------------------------------------------------------------------------


def in_fork(work: Any) -> int:
    """Runs a function in a bare fork that ends by os._exit; gives its exit status."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            status = int(work() or 0)
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_fork_uses_what_its_parent_holds(shared: Share) -> None:
    """Proxies and shares survive fork, with an identity of their own: answers go to whom they belong."""
    shared.counter = Counter()
    counter = shared.counter
    assert counter.next() == 1
    assert in_fork(lambda: counter.next() == 2 and shared.counter.next() == 3 and 7) == 7
    assert counter.next() == 4 and counter.n == 4


def test_bare_fork_that_exits_changes_nothing(shared: Share) -> None:
    """os._exit and os._exit after use: the parent's share goes on."""
    shared.counter = Counter()
    assert in_fork(lambda: 3) == 3
    assert in_fork(lambda: shared.counter.increment()) == 0
    assert shared.counter.n == 1


def test_fork_that_closes_only_detaches(shared: Share) -> None:
    """close() in a process that is not the owner ends its own use of the share and nothing else."""
    shared.counter = Counter()

    def work() -> int:
        shared.counter.increment()
        shared.close()
        try:
            shared.counter
        except ShareClosedError:
            return 5
        return 6

    assert in_fork(work) == 5
    assert shared.counter.n == 1


def test_fork_that_drops_its_references(shared: Share) -> None:
    """Garbage collection in a fork never ends its parent's share."""
    holder = {"share": shared}
    shared.x = 1

    def work() -> int:
        holder.clear()
        gc.collect()
        return 4

    assert in_fork(work) == 4
    assert shared.x == 1


def test_fork_of_a_fork(shared: Share) -> None:
    """A grandchild is a user like any other."""
    shared.counter = Counter()
    assert in_fork(lambda: in_fork(lambda: shared.counter.next())) == 1
    assert shared.counter.next() == 2


def test_child_may_outlive_its_share(context: Any) -> None:
    """Workers that go on after the owner has closed get ShareClosedError, and leave nothing behind either."""
    with Share() as shared:
        shared.counter = Counter()
        worker = context.Process(target=use_until_closed, args=(shared,))
        worker.start()
        wait_for(lambda: shared.counter.n > 10)
    worker.join()
    assert worker.exitcode == 0


def test_two_shares_at_once() -> None:
    """Several shares in one process know nothing of each other."""
    with Share() as one, Share() as two:
        one.counter, two.counter = Counter(), Counter()
        one.counter.increment()
        assert (one.counter.n, two.counter.n) == (1, 0)
        assert one.counter != two.counter
        one.close()
        assert two.counter.next() == 1


def test_share_after_share() -> None:
    """Eight shares one after the other: no descriptor, thread, process or mapping is left of them."""
    gc.collect()
    with Share() as shared:
        shared.counter = Counter()
        shared.counter.increment.submit().result()
    process = psutil.Process()
    files, threads = process.num_fds(), process.num_threads()
    del shared
    gc.collect()
    before = mapped()
    for _ in range(8):
        with Share() as shared:
            shared.counter = Counter()
            assert shared.counter.next() == 1
    assert process.num_fds() <= files and process.num_threads() <= threads
    del shared
    gc.collect()
    assert mapped() <= before


def mapped() -> set[str]:
    """The segments of shares that this process has mapped, for other tests too."""
    maps = psutil.Process().memory_maps(grouped=False)
    return {found.path for found in maps if "/dev/shm/share" in found.path}


# -- coordinators that cannot be, daemons, and what is left -------------------------------------------

BROKEN = """
import os, sys
from share import CoordinatorLostError, Share
# A coordinator does not find the package.
sys.path[:] = [entry for entry in sys.path if not os.path.exists(os.path.join(entry, "share", "__init__.py"))]
shared = Share.open(sys.argv[1])
for _ in range(2):
    try:
        shared.n = 1
        shared.flush()
    except CoordinatorLostError as error:
        print("no coordinator could be started" in str(error))
"""


def test_no_coordinator_can_be_started(tmp_path: Path) -> None:
    """A few attempts, one clear error, and nothing of the share is left when its last process has ended."""
    (tmp_path / "script.py").write_text(BROKEN)
    name = f"broken-{os.getpid()}"
    done = finish(start(str(tmp_path / "script.py"), name))
    assert (done.returncode, done.stdout) == (0, "True\nTrue\n"), done.stderr
    assert done.stderr.count("No module named 'share'") == 4
    assert not segments_of(f"share.{name}")


class Deadly:
    """State that kills every process that loads it, from some moment on."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __setstate__(self, state: Any) -> None:
        self.__dict__.update(state)
        if os.path.exists(self.path):
            with open(self.path, "a") as file:
                file.write("died\n")
            os._exit(1)


@pytest.mark.slow
def test_successors_that_all_die(tmp_path: Path) -> None:
    """A bounded number of them, at growing intervals; then one clear error."""
    path = tmp_path / "path"
    shared = Share()
    shared.deadly = [Deadly(str(path))]
    shared.flush()
    path.touch()
    kill_coordinator(shared)
    start_of_it = time.monotonic()
    shared.n = 1
    with pytest.raises(CoordinatorLostError, match="12 successors"):
        shared.flush()
    assert time.monotonic() - start_of_it > 4
    assert path.read_text().count("died") == 12
    name = name_of(shared)
    shared.close()
    assert not segments_of(name)


DAEMON = """
import os, sys
from share import Share
name, path, forks = sys.argv[1:]
shared = Share.open(name)
shared.n = 41
shared.flush()
parent = os.getpid()
for _ in range(int(forks)):
    if os.fork():
        os._exit(0)
    os.setsid()
# Until the coordinator has seen that the parent is no more.
while any(word & (2**22 - 1) == parent for _, word in shared.session_of().control.processes()):
    pass
shared.n += 1
with open(path + "~", "w") as file:
    print(shared.n, shared.health().state, file=file)
os.rename(path + "~", path)
"""


@pytest.mark.parametrize("forks", [1, 2])
def test_a_share_that_was_opened_before_a_program_made_itself_a_daemon(forks: int, tmp_path: Path) -> None:
    """A forked child uses it from the fork on: the share does not end with the parent."""
    name, path = f"daemon-{os.getpid()}-{forks}", tmp_path / "result"
    (tmp_path / "script.py").write_text(DAEMON)
    program = start(str(tmp_path / "script.py"), name, str(path), str(forks))
    wait_for(path.exists, "the daemon")
    done = finish(program)
    assert (done.returncode, path.read_text(), done.stderr) == (0, "42 running\n", "")
    wait_for(lambda: not segments_of(f"share.{name}"), "the end of the share")


def test_a_child_that_becomes_another_program_keeps_nothing(tmp_path: Path) -> None:
    """Nor does one that ends without having done anything."""
    name = f"exec-{os.getpid()}"
    with Share.open(name) as shared:
        shared.n = 1
        shared.flush()
        assert in_fork(lambda: 0) == 0
        other = subprocess.Popen(["sleep", "100"], preexec_fn=os.setsid)  # noqa: PLW1509 -- a fork, then exec
        control = shared.session_of().control
        wait_for(lambda: len(control.processes()) == 2, "the end of the child to be seen")
    wait_for(lambda: not segments_of(f"share.{name}"), "the end of the share")
    other.kill()
    other.wait()
