"""Classes whose methods misbehave in the coordinator."""

import os
import time

from share.testing._ledger import Ledger, arm_now


class Fatal:
    """One method ends the process that runs it."""

    def __init__(self) -> None:
        self.done = 0
        self.last = ""

    def work(self, text: str) -> None:
        self.done += 1
        self.last = text

    def die(self) -> None:
        self.last = "dying"
        os._exit(3)

    def die_and_answer(self) -> int:
        self.last = "dying"
        os._exit(3)
        return 1

    def dawdle(self, seconds: float) -> int:
        self.last = "slow"
        for _ in range(round(seconds * 100)):  # if it is stopped for a while, it still has the rest before it
            time.sleep(0.01)
        return 7


class Answerer:
    """Answers a replayed call at greater length, and stops its coordinator before the second answer is committed.

    The first waits until there is a file.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.pid = self.calls = 0

    def answer(self) -> bytes:
        while not os.path.exists(self.path):
            time.sleep(0.001)
        first = os.getpid() == self.pid or not self.pid
        if not self.pid:
            self.pid = os.getpid()
            os.environ["SHARE_TESTPOINT"] = "spsc.committed:stop:2"
        self.calls += 1
        begun = time.perf_counter()
        # Longer than a commit takes, so that each has one of its own.
        while time.perf_counter() < begun + 0.25:
            pass
        return bytes(8 if first else 600)


class Tally(Ledger):
    """Leaves in a file what has been executed, so that it can be read when the share is gone."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path

    def add(self, who: int, number: int, blob: bytes) -> None:
        if who == 0:
            # The owner's, who sends them after arm() has been committed: else it might be replayed and arm again.
            arm_now()
        self.counts[who] = number
        self.blob = blob
        with open(self.path, "a") as file:
            file.write(f"{who} {number}\n")
