"""Classes whose methods misbehave in the coordinator."""

import os
import threading

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
        threading.Event().wait(seconds)
        return 7


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
