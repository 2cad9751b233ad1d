"""Noticing deaths without polling: one thread sleeps on the pidfds of the processes that use the share.

The same thread looks now and then whether one command has been running for too long.
"""

import os
import select
import sys
import threading
import traceback
from typing import Any

from share._process import is_proven_dead, pidfd_of

__all__ = ["Watch"]


class Watch:
    """Closes the ring when the owner has died, and has the loop reclaim what other dead processes held.

    A command that runs for longer than ``slow_after`` seconds (None: no limit) is reported once.
    """

    def __init__(self, control: Any, loop: Any, slow_after: float | None) -> None:
        self.slow_after = slow_after
        self.reported = 0  # RUNNING_SINCE of the last report
        self.blind = False  # no pidfds here: the owner's death has to be looked for
        self.control = control
        self.loop = loop
        self.owner = 0 if control.until_last else control.owner_word()
        self.known: dict[int, int] = {}  # process word -> pidfd
        self.poller = select.epoll()
        self.words: dict[int, int] = {}
        threading.Thread(target=self._run, name="share-watch", daemon=True).start()

    def add(self, word: int) -> None:
        """Watches a process from now on; called again for the same one it does nothing."""
        if word in self.known:
            return
        descriptor = pidfd_of(word)
        if descriptor < 0:
            if descriptor == -1:
                self._died(word)
            elif word == self.owner:
                self.blind = True
            return  # where there are no pidfds, other dead are found at the next registration
        self.known[word] = descriptor
        self.words[descriptor] = word
        self.poller.register(descriptor, select.EPOLLIN)

    def _run(self) -> None:
        while True:
            ticks = [self.slow_after / 2] if self.slow_after else []
            if self.blind:
                ticks.append(1.0)
                if is_proven_dead(self.owner):
                    self.control.close_ring()
            found = self.poller.poll(min(ticks, default=None))
            self._look_for_slow()
            for descriptor, _ in found:
                self.poller.unregister(descriptor)
                word = self.words.pop(descriptor)
                del self.known[word]
                os.close(descriptor)
                self._died(word)

    def _look_for_slow(self) -> None:
        since, position = self.control.running()
        if (
            not self.slow_after
            or not since
            or since == self.reported
            or self.control.running_for() < self.slow_after
        ):
            return
        self.reported = since
        frame = sys._current_frames().get(threading.main_thread().ident or 0)
        stack = "".join(traceback.format_stack(frame))
        self.loop.report_slow(position, self.control.running_for(), stack)

    def _died(self, word: int) -> None:
        if word == self.owner:
            self.control.close_ring()  # the loop drains, and ends
        else:
            self.loop.look_again()
