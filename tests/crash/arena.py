"""One share that survives many deaths, and the bookkeeping that proves that it does."""

import mmap
import os
import random
import select
import signal
import struct
import time
from collections import Counter
from collections.abc import Callable, Iterator

from share import Share, ShareClosedError
from share.client import _rescue
from share.testing._ledger import Ledger, Producer

MOST_PRODUCERS = 1 << 16
PATIENCE = 60.0  # seconds until a wait counts as wedged


class Wedged(AssertionError):
    pass


class Words:
    """64-bit words in memory that all forked children share and none of them owns."""

    def __init__(self, count: int) -> None:
        self.memory = mmap.mmap(-1, 8 * count)

    def __getitem__(self, index: int) -> int:
        return int(struct.unpack_from("q", self.memory, 8 * index)[0])

    def __setitem__(self, index: int, value: int) -> None:
        struct.pack_into("q", self.memory, 8 * index, value)


class SuccessorEnvironment(dict):  # type: ignore[type-arg]
    """What successors are started with: the first one after ``arm`` dies at a test point, the others do not."""

    def __init__(self) -> None:
        super().__init__(os.environ)
        self.pop("SHARE_TESTPOINT", None)
        self.memory = mmap.mmap(-1, 256)

    def arm(self, point: str) -> None:
        self.memory[:256] = point.encode().ljust(256, b"\0")

    def items(self):  # type: ignore[no-untyped-def]
        point = self.memory[:256].rstrip(b"\0").decode()
        self.memory[:256] = bytes(256)
        return [*super().items(), *([("SHARE_TESTPOINT", point)] if point else [])]


def state_of(pid: int) -> str:
    """The state letter of a process; "" if it is gone."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def until(condition: Callable[[], object], what: str, patience: float = PATIENCE) -> None:
    """Waits for what nobody can tell us of."""
    end = time.monotonic() + patience
    while not condition():
        if time.monotonic() > end:
            raise Wedged(f"waited {patience} s for {what}")
        time.sleep(0.0005)


def processes_of(name: str) -> list[int]:
    """The living coordinators of a share, by their command lines."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if name.encode() in file.read() and state_of(int(pid)) not in ("Z", ""):
                    found.append(int(pid))
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            pass
    return found


class Arena:
    """A share with a ledger, and rounds of load during which somebody is killed, stopped or delayed."""

    def __init__(self, ring: int, seed: int) -> None:
        self.random = random.Random(seed)
        self.table: Counter[tuple[str, str, str]] = (
            Counter()
        )  # (role, point, action) -> times that it happened
        self.recoveries: list[float] = []
        self.begun, self.done = Words(MOST_PRODUCERS), Words(MOST_PRODUCERS)
        self.environment = _rescue.environment = SuccessorEnvironment()
        self.producers = 0
        self.steps = 12
        self.largest = self.usual = 3000
        self.share = Share(ring=ring)
        self.share.ledger = Ledger()
        self.share.flush()
        self.session = self.share.session_of()
        self.name = self.session.name

    @property
    def control(self):  # type: ignore[no-untyped-def]
        return self.session.control

    def close(self) -> None:
        for pid in processes_of(self.name):
            os.kill(pid, signal.SIGCONT)  # after a failure
        try:
            self.share.close()
        finally:
            _rescue.environment = os.environ
        self.check_nothing_left()

    def check_nothing_left(self) -> None:
        left = [name for name in os.listdir("/dev/shm") if name.startswith(self.name)]
        assert not left, f"leaked segments: {left}"
        until(lambda: not processes_of(self.name), f"the end of processes {processes_of(self.name)}")

    # -- producers ------------------------------------------------------------------------------------

    def start(self, point: str = "", steps: int | None = None) -> tuple[int, int]:
        """Forks a producer; returns (pid, its number). With a point it may die there."""
        who = self.producers = self.producers + 1
        seed = self.random.getrandbits(32)
        pid = os.fork()
        if pid:
            return pid, who
        status = 1
        try:
            os.environ["SHARE_TESTPOINT"] = point
            producer = Producer(self.share, who, self.begun, self.done, seed, self.largest)
            for _ in range(steps or self.steps):
                producer.step()
            self.share.flush()
            status = 0
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            os._exit(status)

    def join(self, pid: int, point: str) -> bool:
        """Waits for a producer's end, waking it up if it has stopped itself. Whether the point was reached."""
        fd = os.pidfd_open(pid)
        reached = False
        try:
            if ":stop" in point:
                until(lambda: state_of(pid) in ("T", "Z"), f"producer {pid}")
                if state_of(pid) == "T":
                    reached = True
                    self.resume_later(pid)
            if not select.select([fd], [], [], PATIENCE)[0]:
                raise Wedged(f"producer {pid} ({point or 'not armed'}) neither ended nor died")
        finally:
            os.close(fd)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if status == -signal.SIGKILL and ":kill" in point:
            return True
        assert status == 0, f"producer {pid} ({point}) ended with {status}"
        return reached or ":delay" in point

    def resume_later(self, pid: int) -> None:
        # A producer that is stopped between claim and commit holds everybody up, by design; elsewhere the others
        # go on meanwhile. Either way nobody may take it for dead.
        end = time.monotonic() + 0.03
        until(lambda: time.monotonic() > end, "a pause")
        os.kill(pid, signal.SIGCONT)

    def check(self, first: int) -> None:
        """Every producer from that number on: nothing lost, nothing twice, what had returned is there."""
        self.share.flush(timeout=PATIENCE)
        ledger = self.share.ledger
        counts, wrong = dict(ledger.counts), list(ledger.wrong)
        assert not wrong, f"lost or repeated (producer, expected, found): {wrong}"
        for who in range(first, self.producers + 1):
            count = counts.get(who, 0)
            assert self.done[who] <= count <= self.begun[who], (
                f"producer {who}: {self.done[who]} returned, {self.begun[who]} begun, {count} executed"
            )
        assert ledger.whole()
        failed = [error for error in self.share.errors if "scratch" not in error.command]
        assert not failed, failed

    # -- rounds ---------------------------------------------------------------------------------------

    def client_round(self, point: str, action: str, nth: int, others: int) -> bool:
        first = self.producers + 1
        armed = f"{point}:{action}:{nth}" if action != "delay" else f"{point}:delay"
        victim, _ = self.start(armed)
        rest = [self.start()[0] for _ in range(others)]
        reached = self.join(victim, armed)
        for pid in rest:
            self.join(pid, "")
        self.check(first)
        return self.tell("client", point, action, reached)

    def coordinator_round(self, point: str, action: str, nth: int, others: int) -> bool:
        first = self.producers + 1
        before = self.control.position()
        pid = self.share.ledger.arm(f"{point}:{action}:{nth}" if action != "delay" else f"{point}:delay")
        self.grow(point)
        early: list[tuple[int, str]] = []
        if point in ("mpsc.consumer_helped", "mpsc.padded", "reap.unlinked"):
            self.share.ledger.apply()
            self.share.flush(timeout=PATIENCE)
            # These need a producer that has died; which is one more death.
            claimed = f"{'mpsc.claimed' if point != 'reap.unlinked' else 'client.opened_responses'}:kill:1"
            early.append((self.start(claimed)[0], claimed))
        rest = [self.start()[0] for _ in range(others)]
        reached = False
        if action == "stop":
            until(lambda: state_of(pid) == "T" or all(state_of(other) == "Z" for other in rest), "a stop")
            if state_of(pid) == "T":
                reached = True
                role = self.control.role
                self.resume_later(pid)
                assert self.control.role == role, "a stopped coordinator was replaced"
            else:
                self.kill_coordinator()  # before it stops where nobody expects it
        for other, claimed in early:
            if self.join(other, claimed):
                self.tell("client", claimed.partition(":")[0], "kill", True)
        for other in rest:
            self.join(other, "")
        self.check(first)
        if action == "kill":
            reached = self.control.coordinator_pid() != pid
            if not reached:
                self.kill_coordinator()
        elif action == "delay":
            reached = self.control.position() != before
        if action != "kill":
            self.kill_coordinator()  # the next one starts with a count of zero
        return self.tell("coordinator", point, action, reached)

    def grow(self, point: str) -> None:
        """Makes the load need new memory, or long answers, where a point is only reached then."""
        if point in (
            "coordinator.made_segment",
            "coordinator.listed_segment",
            "segment.created",
            "heap.carved",
        ):
            self.largest += 40000
        elif point == "spsc.wrapped":
            self.steps = 400
            self.largest = 900
        else:
            self.steps, self.largest = 12, self.usual

    def kill_coordinator(self, tell: str = "anywhere") -> None:
        pid = self.control.coordinator_pid()
        if pid:
            os.kill(pid, signal.SIGKILL)
            until(lambda: state_of(pid) in ("", "Z"), "the coordinator's death")
            self.tell("coordinator", tell, "kill", True)

    def successor_round(self, point: str, action: str, nth: int, others: int) -> bool:
        """The coordinator is killed with work queued, and so is its successor, at a point of its take-over."""
        first = self.producers + 1
        self.share.ledger.arm("")  # waits: from here on there is a coordinator
        self.environment.arm(f"{point}:{action}:{nth}" if action != "delay" else f"{point}:delay")
        role = self.control.role
        rest = [self.start()[0] for _ in range(others)]
        until(lambda: any(self.begun[who] > 3 for who in range(first, self.producers + 1)), "the load")
        self.kill_coordinator()
        epoch = role >> 32
        reached = False
        if action == "stop":
            started = lambda: self.control.coordinator_word() & (2**22 - 1)  # noqa: E731
            until(
                lambda: (
                    (self.control.role >> 32 > epoch and state_of(started()) == "T")
                    or all(state_of(other) == "Z" for other in rest)
                ),
                "a stop",
            )
            if state_of(started()) == "T":
                reached = True
                role = self.control.role
                self.resume_later(started())
                assert self.control.role >> 32 == role >> 32, "a stopped successor was replaced"
            else:
                # Everybody had finished before the death: nobody has started a successor.
                self.environment.arm("")
                self.kill_coordinator()
        for other in rest:
            self.join(other, "")
        if action != "kill":
            self.environment.arm("")
        self.check(first)
        epochs = (self.control.role >> 32) - epoch
        self.environment.arm("")
        if action == "kill":
            reached = epochs >= 2
        elif action == "delay":
            reached = True
        if action != "kill":
            self.kill_coordinator()
        return self.tell("successor", point, action, reached)

    def rescuer_round(self, point: str, action: str, nth: int, others: int) -> bool:
        """The process that starts the successor is killed while it does that."""
        first = self.producers + 1
        self.share.ledger.arm("")
        self.kill_coordinator()
        armed = f"{point}:{action}:{nth}" if action != "delay" else f"{point}:delay"
        victim, _ = self.start(armed)
        reached = self.join(victim, armed)
        for _ in range(others):
            self.join(self.start()[0], "")
        self.check(first)
        return self.tell("rescuer", point, action, reached)

    def tell(self, role: str, point: str, action: str, reached: bool) -> bool:
        if reached:
            self.table[role, point, action] += 1
        return reached

    @property
    def kills(self) -> int:
        return sum(count for (_, _, action), count in self.table.items() if action == "kill")


def report(table: Counter[tuple[str, str, str]]) -> Iterator[str]:
    """The table of counts, a line a point."""
    yield f"{'role':12} {'point':28} {'kill':>6} {'stop':>6} {'delay':>6}"
    for role, point in sorted({(role, point) for role, point, _ in table}):
        counts = [table[role, point, action] for action in ("kill", "stop", "delay")]
        yield f"{role:12} {point:28} " + " ".join(f"{count:6}" for count in counts)
    totals = [sum(n for (_, _, a), n in table.items() if a == action) for action in ("kill", "stop", "delay")]
    yield f"{'':12} {'all':28} " + " ".join(f"{count:6}" for count in totals)


__all__ = ["Arena", "ShareClosedError", "Wedged", "Words", "processes_of", "report", "state_of", "until"]
