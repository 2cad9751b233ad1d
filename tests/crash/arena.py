"""One share that survives many deaths, and the bookkeeping that proves that it does."""

import mmap
import os
import random
import select
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TypeVar

from share import Share
from share.client import _rescue
from share.testing._ledger import Books, Producer, fork, left_of

PATIENCE = 60.0  # seconds until a wait counts as wedged
T = TypeVar("T")
MANY = {
    "answers": 300,
    "large": 64,
}  # commands: so many wrap a response ring, or have an arena shrink and grow


#: Points that the coordinator only comes by after a producer has died, and where that one has to die.
DEAD_FIRST = {
    "mpsc.consumer_helped": "mpsc.claimed",
    "mpsc.padded": "mpsc.claimed",
    "reap.unlinked": "client.opened_responses",
}
NEW_MEMORY = ("coordinator.made_segment", "coordinator.listed_segment", "segment.created", "heap.carved")


class Wedged(AssertionError):
    pass


class SuccessorEnvironment(dict):  # type: ignore[type-arg]
    """What successors are started with: the first ones after ``arm`` die at a test point, the others do not."""

    def __init__(self) -> None:
        super().__init__(os.environ)
        self.pop("SHARE_TESTPOINT", None)
        self.memory = mmap.mmap(-1, 256)

    def arm(self, point: str, times: int = 1) -> None:
        self.memory[:256] = f"{times} {point}".encode().ljust(256, b"\0")

    def items(self):  # type: ignore[no-untyped-def]
        # One process at a time asks: the one that has been elected.
        times, _, point = self.memory[:256].rstrip(b"\0").decode().partition(" ")
        left = int(times or 0)
        if left:
            self.arm(point, left - 1)
        return [*super().items(), *([("SHARE_TESTPOINT", point)] if left and point else [])]


def state_of(pid: int) -> str:
    """The state letter of a process; "" if it is gone."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def until(condition: Callable[[], T], what: str, patience: float = PATIENCE) -> T:
    """Waits for what nobody can tell us of; gives what the condition returned."""
    end = time.monotonic() + patience
    while not (value := condition()):
        if time.monotonic() > end:
            raise Wedged(f"waited {patience} s for {what}")
        time.sleep(0.0005)
    return value


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
        self.environment = _rescue.environment = SuccessorEnvironment()
        self.producers = 0
        self.steps = 12
        self.largest = self.usual = 3000
        self.share = Share(ring=ring)
        self.books = Books(self.share)
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
        assert not left_of(self.name), f"leaked segments: {left_of(self.name)}"
        until(lambda: not processes_of(self.name), f"the end of processes {processes_of(self.name)}")

    # -- producers ------------------------------------------------------------------------------------

    def start(self, point: str = "", load: str = "mixed") -> int:
        """Forks a producer. With a point it may die there."""
        self.producers += 1
        who, seed = self.producers, self.random.getrandbits(32)
        steps = MANY.get(load, self.steps)

        def produce() -> None:
            producer = Producer(self.books, who, seed, self.largest, load=load)
            for _ in range(steps):
                producer.step()
            self.share.flush()

        # Before the fork: what the child does first is to register, as it has what its parent holds.
        os.environ["SHARE_TESTPOINT"] = point
        try:
            return fork(produce)
        finally:
            del os.environ["SHARE_TESTPOINT"]

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
        # go on meanwhile. Either way nobody may take it for dead, which shows only if it is stopped for a while.
        time.sleep(0.03)
        os.kill(pid, signal.SIGCONT)

    def check(self, first: int) -> None:
        """Every producer from that number on: nothing lost, nothing twice, what had returned is there."""
        self.books.check(range(first, self.producers + 1))
        failed = [error for error in self.share.errors if "scratch" not in error.command]
        assert not failed, failed

    # -- rounds ---------------------------------------------------------------------------------------

    def client_round(self, point: str, action: str, nth: int, others: int) -> bool:
        """A producer is struck at a point."""
        first = self.producers + 1
        armed = armed_for(point, action, nth)
        victim = self.start(armed, load_for(point))
        rest = [self.start() for _ in range(others)]
        reached = self.join(victim, armed)
        for pid in rest:
            self.join(pid, "")
        self.check(first)
        return self.tell("client", point, action, reached)

    def coordinator_round(self, point: str, action: str, nth: int, others: int, client: str = "") -> bool:
        """The coordinator is struck at a point, and a producer at one of its own."""
        first = self.producers + 1
        before = self.control.position()
        pid = self.share.ledger.arm(armed_for(point, action, nth))
        self.grow(point)
        if point in DEAD_FIRST:
            # These need a producer that has died; which is one more death.
            self.share.ledger.apply()
            self.share.flush(timeout=PATIENCE)
            client = DEAD_FIRST[point]
        early = [self.start(f"{client}:kill:1", load_for(client))] if client else []
        rest = [self.start(load=load_for(point)) for _ in range(others)]
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
        for other in early:
            if self.join(other, f"{client}:kill:1"):
                self.tell("client", client, "kill", True)
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
        """Makes the load need new memory, where a point is only reached then."""
        if point in NEW_MEMORY:
            self.largest += 40000
        else:
            self.largest = self.usual

    def kill_coordinator(self, point: str = "") -> None:
        """Wherever it is. If its successor is to die at a point that a command can lead to, then between commands:

        one that two coordinators die of is skipped, by design.
        """
        pid = self.control.coordinator_pid()
        if pid:
            if point == "segment.unlinked":  # also of an answer's memory

                def between() -> bool:
                    os.kill(pid, signal.SIGSTOP)
                    until(lambda: state_of(pid) in ("T", "", "Z"), "its stop")
                    if state_of(pid) != "T" or not self.control.running()[1]:
                        return True
                    os.kill(pid, signal.SIGCONT)
                    return False

                until(between, "the end of a command")
            os.kill(pid, signal.SIGKILL)
            until(lambda: state_of(pid) in ("", "Z"), "the coordinator's death")
            self.tell("coordinator", "anywhere", "kill", True)

    def successor_round(self, point: str, action: str, nth: int, others: int, times: int = 1) -> bool:
        """The coordinator is killed with work queued, and so is its successor, at a point of its take-over.

        With ``times`` 2 the next successor too, at the same point.
        """
        first = self.producers + 1
        spills = point == "takeover.unlinked_spill"
        # Waits: from here on there is a coordinator. A spill is left to its successor only by one that dies between
        # storing C and removing it.
        self.share.ledger.arm("coordinator.committed:kill:1" if spills else "")
        self.environment.arm(armed_for(point, action, nth), times)
        role, pid = self.control.role, self.control.coordinator_pid()
        rest = [self.start(load="spills" if spills else "mixed") for _ in range(others)]
        if spills:
            until(lambda: state_of(pid) in ("", "Z"), "the coordinator's death")
            self.tell("coordinator", "coordinator.committed", "kill", True)
        else:
            books, who = self.books, range(first, self.producers + 1)
            until(
                lambda: (
                    any(books.begun[each] + books.trail_begun[each] > 3 for each in who)
                    or all(state_of(other) == "Z" for other in rest)
                ),
                "the load",
            )
            self.kill_coordinator(point)
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
                self.environment.arm("", 0)
                self.kill_coordinator()
        for other in rest:
            self.join(other, "")
        if action != "kill":
            self.environment.arm("", 0)
        self.check(first)
        deaths = (self.control.role >> 32) - epoch - 1
        self.environment.arm("", 0)
        if action == "kill":
            for _ in range(deaths):
                self.tell("successor", point, "kill", True)
            return deaths >= times
        self.kill_coordinator()
        return self.tell("successor", point, action, reached or action == "delay")

    def successors_round(self, point: str, action: str, nth: int, others: int) -> bool:
        """Two successors in a row."""
        return self.successor_round(point, action, nth, others, 2)

    def rescuer_round(self, point: str, action: str, nth: int, others: int) -> bool:
        """The process that starts the successor is struck while it does that."""
        first = self.producers + 1
        self.share.ledger.arm("")
        self.kill_coordinator()
        armed = armed_for(point, action, nth)
        reached = self.join(self.start(armed), armed)
        for _ in range(others):
            self.join(self.start(), "")
        self.check(first)
        return self.tell("rescuer", point, action, reached)

    def rescuer_and_successor_round(self, point: str, successor: str, others: int) -> bool:
        """The rescuer is killed at a point, and the successor that somebody else then starts at another."""
        first = self.producers + 1
        self.share.ledger.arm("")
        self.kill_coordinator()
        armed = f"{point}:kill:1"
        epoch = self.control.role >> 32
        # The first rescuer's successor, if it is started at all, may die there as well.
        self.environment.arm(f"{successor}:kill:1", 2)
        reached = self.join(self.start(armed), armed)
        for pid in [self.start() for _ in range(others)]:
            self.join(pid, "")
        self.check(first)
        self.environment.arm("", 0)
        both = reached and (self.control.role >> 32) - epoch >= 2
        self.tell("rescuer", point, "kill", reached)
        return self.tell("rescuer+successor", point, "kill", both)

    def tell(self, role: str, point: str, action: str, reached: bool) -> bool:
        if reached:
            self.table[role, point, action] += 1
        return reached


def load_for(point: str) -> str:
    if point in ("arena.grown", "arena.given_back"):
        return "large"
    if point.startswith(("held.", "holders.")):
        return "parts"
    return "answers" if point in ("spsc.wrapped", "spsc.skipped") else "mixed"


def armed_for(point: str, action: str, nth: int) -> str:
    return f"{point}:{action}:{nth}" if action != "delay" else f"{point}:delay"


def kills_in(table: Counter[tuple[str, str, str]]) -> int:
    # The pair of a rescuer and a successor is counted by its parts already.
    return sum(n for (role, _, action), n in table.items() if action == "kill" and "+" not in role)


def report(table: Counter[tuple[str, str, str]]) -> Iterator[str]:
    """The table of counts, a line a point."""
    yield f"{'role':18} {'point':28} {'kill':>6} {'stop':>6} {'delay':>6}"
    for role, point in sorted({(role, point) for role, point, _ in table}):
        counts = [table[role, point, action] for action in ("kill", "stop", "delay")]
        yield f"{role:18} {point:28} " + " ".join(f"{count:6}" for count in counts)
    totals = [sum(n for (_, _, a), n in table.items() if a == action) for action in ("stop", "delay")]
    yield f"{'':18} {'all':28} " + " ".join(f"{count:6}" for count in (kills_in(table), *totals))
