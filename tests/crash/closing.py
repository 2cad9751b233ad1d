"""Deaths while a share is being closed: of its owner, of its coordinator, of both, with clients that still send."""

import os
import random
import signal
import tempfile
from collections import Counter
from pathlib import Path

from arena import PATIENCE, Wedged, processes_of, state_of, until
from victims import Tally

from share import Share, ShareClosedError
from share._control import Control
from share.client import _rescue
from share.maintenance import remove_dead
from share.testing._ledger import Words, fork, left_of

ENDED_BY_CLOSING, ENDED_OTHERWISE = 1, 2


class Closing:
    """One share with an owner of its own, a child of this process, that closes it under load."""

    def __init__(self, clients: int) -> None:
        self.clients = range(1, clients + 1)
        self.begun, self.done, self.ended = Words(8), Words(8), Words(8)
        self.pids, self.words, self.name_words = Words(8), Words(4), Words(4)
        self.folder = tempfile.TemporaryDirectory(prefix="share-closing-")
        self.file = Path(self.folder.name) / "executed"

    @property
    def name(self) -> str:
        return self.name_words.memory[:32].rstrip(b"\0").decode()

    def own(self, owner_point: str, coordinator_point: str) -> None:
        """What the owner does."""
        share = Share(ring=64)
        share.tally = Tally(str(self.file))
        share.flush()
        control = share.session_of().control
        pid = control.coordinator_pid()
        text = share.session_of().name.encode()
        self.name_words.memory[: len(text)] = text
        for who in self.clients:
            self.pids[who] = fork(lambda who=who: self.send(share, who))  # type: ignore[misc]
        until(lambda: all(self.done[who] > 3 for who in self.clients), "the load")
        self.words[0] = 1  # the parent attaches, as nobody can any more when it is closed
        until(lambda: self.words[1], "the parent")
        waitpid = os.waitpid

        def recorded(child: int, options: int) -> tuple[int, int]:
            found = waitpid(child, options)
            if found[0] == pid:
                self.words[2] = os.waitstatus_to_exitcode(found[1])
            return found

        os.waitpid = recorded
        if coordinator_point:
            share.tally.arm(coordinator_point)
        # So that there is something to execute between the closing of the ring and the end.
        for number in range(1, 7):
            self.begun[0] = number
            share.tally.add(
                0, number, bytes((6, 600, 70000)[number % 3])
            )  # in the ring, in the arena, in a spill
            self.done[0] = number
        # The point is the owner's, not that of a successor which it starts.
        _rescue.environment = {**os.environ, "SHARE_TESTPOINT": ""}
        os.environ["SHARE_TESTPOINT"] = owner_point
        share.close()

    def send(self, share: Share, who: int) -> None:
        """What a client does until the share has ended."""
        try:
            for number in range(1, 1 << 40):
                self.begun[who] = number
                share.tally.add(who, number, bytes(number * 37 % 700))
                self.done[who] = number
        except ShareClosedError:
            self.ended[who] = ENDED_BY_CLOSING
        except BaseException:
            self.ended[who] = ENDED_OTHERWISE
            raise

    def run(self, owner_point: str, coordinator_point: str) -> tuple[bool, bool]:
        """Whether the owner and the coordinator have died where they were to. Raises AssertionError."""
        owner = fork(lambda: self.own(owner_point, coordinator_point))
        until(lambda: self.words[0] or state_of(owner) == "Z", "the owner")
        assert self.words[0], "the owner has failed"
        control = Control.attach(self.name)
        epoch = control.role >> 32
        self.words[1] = 1
        descriptor = os.pidfd_open(owner)
        until(lambda: state_of(owner) == "Z", "the owner's end")
        os.close(descriptor)
        status = os.waitstatus_to_exitcode(os.waitpid(owner, 0)[1])
        assert status == 0 or (status == -signal.SIGKILL and owner_point), f"the owner ended with {status}"
        for who in self.clients:
            until(lambda who=who: state_of(self.pids[who]) in ("", "Z"), f"the end of client {who}")  # type: ignore[misc]
            assert self.ended[who] == ENDED_BY_CLOSING, f"client {who} did not end by ShareClosedError"
        abandoned = False
        if status and coordinator_point:
            # Clients that were told that the ring is closed have ended, perhaps before the coordinator died. Where
            # nobody comes any more, gc removes what is left, and what was queued is not executed.
            until(lambda: not left_of(self.name) or control.stale(), "the coordinator's end")
            abandoned = not control.closed
            remove_dead()
        until(lambda: not left_of(self.name), f"a clean /dev/shm: {left_of(self.name)}")
        until(lambda: not processes_of(self.name), "the coordinator's end")
        self.check(abandoned)
        # A death before C said that the share is closed had a successor; one after it was seen by the owner.
        return status != 0, control.role >> 32 > epoch or self.words[2] == -signal.SIGKILL

    def check(self, abandoned: bool) -> None:
        """What returned is executed; nothing else but what had begun is; in order; side effects at least once."""
        executed: dict[int, int] = {}
        for line in self.file.read_text().splitlines():
            who, number = map(int, line.split())
            last = executed.get(who, 0)
            assert number <= last + 1, f"client {who}: {number} after {last}"
            executed[who] = max(last, number)
        for who in (0, *self.clients):
            count = executed.get(who, 0)
            least = 0 if abandoned else self.done[who]
            assert least <= count <= self.begun[who], (
                f"client {who}: {self.done[who]} returned, {self.begun[who]} begun, {count} executed"
            )
        self.folder.cleanup()

    def clean(self) -> None:
        """After a failure: ends what is left."""
        for pid in (
            *processes_of(self.name or "no share"),
            *filter(None, map(self.pids.__getitem__, self.clients)),
        ):
            if state_of(pid) not in ("", "Z"):
                os.kill(pid, signal.SIGKILL)
        remove_dead()


def closing_round(
    table: Counter[tuple[str, str, str]], chance: random.Random, owner_point: str, coordinator_point: str
) -> bool:
    """One close; counts into the table. Whether everybody who was to die did so where he was to."""
    nth = chance.randint(1, 2)
    armed = [point and f"{point}:kill:{nth}" for point in (owner_point, coordinator_point)]
    closing = Closing(chance.randint(0, 3))
    try:
        deaths = closing.run(*armed)
    except (AssertionError, Wedged) as error:
        error.add_note(f"owner {armed[0]}, coordinator {armed[1]}, {len(closing.clients)} clients")
        closing.clean()
        raise
    met = True
    for role, point, died in zip(
        ("closing owner", "closing coordinator"), (owner_point, coordinator_point), deaths, strict=True
    ):
        if point and died:
            table[role, point, "kill"] += 1
        met = met and (not point or died)
    return met


__all__ = ["PATIENCE", "Closing", "closing_round"]
