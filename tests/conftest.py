"""Settings of the whole suite; above all, no test may leave a segment or a coordinator behind."""

import contextlib
import fcntl
import gc
import os
import re
import secrets
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from hypothesis import HealthCheck, settings

SEGMENTS = Path("/dev/shm")
PATIENCE = 60.0  # seconds that a share which is being closed may take to disappear

# Every process that a test starts inherits this, however it is started: it tells our coordinators from those
# of another run on the same machine.
RUN_KEY = "SHARE_TEST_RUN"
RUN = f"{RUN_KEY}={secrets.token_hex(8)}"
MARK = f"/{RUN}"  # a folder that does not exist

# HYPOTHESIS_PROFILE=long is the search for the night; CI has to be quick.
settings.register_profile("ci", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile(
    "sanitized", settings.get_profile("ci"), max_examples=20
)  # each takes far longer there
settings.register_profile("long", settings.get_profile("ci"), max_examples=5000, stateful_step_count=200)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def pytest_configure(config: pytest.Config) -> None:
    os.environ[RUN_KEY] = RUN.partition("=")[2]
    # A share notes its maker's path. So it can be told whose it was when all its processes have been killed.
    sys.path.append(MARK)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), MARK]))
    # A shell that runs us in the background has had us ignore Ctrl-C, which all programs under us would inherit.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    from share import _ringbuf, _wait

    if b"__tsan_init" not in Path(_ringbuf.__file__).read_bytes():
        skip = pytest.mark.skip(reason="needs a build with SHARE_SANITIZE=thread")
        for item in items:
            if item.get_closest_marker("tsan"):
                item.add_marker(skip)
    if not getattr(_wait, "has_testpoints", bool)():
        skip = pytest.mark.skip(reason="needs a build with SHARE_TESTPOINTS=1")
        for item in items:
            if item.get_closest_marker("testpoints"):
                item.add_marker(skip)


def pytest_collection_finish() -> None:
    """Collections of garbage, of which tests ask for many, shall look at what tests make, not at all of pytest."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def nothing_left_by_the_run() -> Iterator[None]:
    """The same check for what shares of module and session fixtures leave."""
    before = segments()
    yield
    check(before, set())


@pytest.fixture(autouse=True)
def nothing_left_behind(nothing_left_by_the_run: None) -> Iterator[None]:
    """After each test: no new segment, no new coordinator. What there is, is listed and then removed."""
    before, running = segments(), set(our_coordinators())
    yield
    check(before, running)


@pytest.fixture
def alone_with_gc() -> Iterator[None]:
    """One test at a time, of all runs: what one has left on purpose is what `gc` of another would remove."""
    yield from locked(fcntl.LOCK_EX)


@pytest.fixture
def not_beside_gc() -> Iterator[None]:
    """Beside each other, but not beside a test that is `alone_with_gc`."""
    yield from locked(fcntl.LOCK_SH)


def locked(operation: int) -> Iterator[None]:
    folder = os.open(SEGMENTS, os.O_RDONLY)
    try:
        fcntl.flock(folder, operation)
        yield
        fcntl.flock(folder, fcntl.LOCK_UN)  # forked processes may still have it
    finally:
        os.close(folder)


def check(segments_before: set[str], running_before: set[int]) -> None:
    """Fails, after some patience, if there are segments or coordinators that were not there before."""
    until = time.monotonic() + PATIENCE
    collected, lasting = False, {name for name in segments() if not is_old(name, segments_before)}
    while True:
        lasting &= segments()  # what other runs make meanwhile is not looked at
        processes = {pid: name for pid, name in our_coordinators().items() if pid not in running_before}
        if not processes:
            names = lasting
            if not names or not (names := {name for name in names if not is_of_another_run(name)}):
                return
        if not collected:
            gc.collect()  # an unclosed share in a cycle closes now, and its ResourceWarning is reported
            collected = True
        elif time.monotonic() > until:
            break
        elif processes:
            psutil.wait_procs([psutil.Process(pid) for pid in processes if psutil.pid_exists(pid)], 1)
        else:
            time.sleep(0.01)  # nothing tells us when a name disappears; its process is on its way out
    names = {name for name in lasting if not is_of_another_run(name)}
    clean(processes, names)
    pytest.fail(
        "left behind: "
        + ", ".join([f"coordinator {pid} of {name}" for pid, name in processes.items()] + sorted(names)),
        pytrace=False,
    )


def is_old(segment: str, before: set[str]) -> bool:
    """Whether a segment was there before, or is memory that a share which was has taken since: of a wider fixture."""
    return segment in before or re.sub("_[chlmr][0-9a-f]+$", "", segment) in before


def segments() -> set[str]:
    """The names of all segments that belong to shares, of whomever."""
    return {name for name in os.listdir(SEGMENTS) if name.startswith(("share_", "share."))}


def coordinators() -> dict[int, str]:
    """{pid: share} of every coordinator on this machine."""
    found = {}
    for entry in os.listdir("/proc"):
        line = read(f"/proc/{entry}/cmdline") if entry.isdecimal() else b""
        if b"share.coordinator" in line:
            name = re.search(rb"main\('([^']+)'", line)
            found[int(entry)] = name[1].decode() if name else "?"
    return found


def our_coordinators() -> dict[int, str]:
    """Those that processes of this test run have started."""
    return {pid: name for pid, name in coordinators().items() if RUN.encode() in read(f"/proc/{pid}/environ")}


def is_of_another_run(segment: str) -> bool:
    """Whether the share of that segment was made by another run, or a living process that is not of this run uses it.

    Not every segment is in use all the time; the control segment is, by whichever name it was opened.
    """
    share = re.match("share_[0-9a-f]{16}", segment)
    control = share[0] if share else segment
    made_by = read(f"{SEGMENTS}/{control}", 1 << 18)
    if b"executable" in made_by and MARK.encode() not in made_by:
        return True
    inodes = {str(entry.inode()) for entry in os.scandir(SEGMENTS) if entry.name in {segment, control}}
    family = {os.getpid(), *(child.pid for child in psutil.Process().children(recursive=True))}
    for pid in set(psutil.pids()) - family:
        for line in read(f"/proc/{pid}/maps").decode(errors="replace").splitlines():
            _, _, path = line.partition(f"{SEGMENTS}/")
            if path and (line.split()[4] in inodes or path.removesuffix(" (deleted)") in {segment, control}):
                if RUN.encode() in read(f"/proc/{pid}/environ"):
                    break
                return True
    return False


def clean(processes: dict[int, str], names: set[str]) -> None:
    """Ends what is left, so that the next test does not meet it."""
    for number in (
        signal.SIGTERM,
        signal.SIGKILL,
    ):  # SIGTERM closes the share; a kill would only get it a successor
        alive = [psutil.Process(pid) for pid in processes if psutil.pid_exists(pid)]
        for process in alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        psutil.wait_procs(alive, PATIENCE)
    names |= {name for name in segments() if name.startswith(tuple(processes.values()))}
    for name in names:
        (SEGMENTS / name).unlink(missing_ok=True)


def read(path: str, size: int = -1) -> bytes:
    """A file of /proc, or as much of one in memory; empty if its process has gone."""
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read(size) or b""
    except OSError:
        return b""
