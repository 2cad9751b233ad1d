"""Classes whose methods misbehave in the coordinator."""

import os
import threading


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
