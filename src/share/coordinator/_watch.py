"""Noticing deaths without polling: one thread sleeps on the pidfds of the processes that use the share.

The same thread takes SIGTERM, and looks now and then whether one command has been running for too long.
"""

import os
import resource
import select
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

from share._process import is_proven_dead, pidfd_of

__all__ = ["Watch"]

# Seconds without progress after which a coordinator that has been told to end does so, whatever is running.
TERMINATED = 8.0
ABANDONED = 60.0


SPARE = 40  # descriptors that pidfds leave for everything else


def _allow_descriptors() -> int:
    """How many descriptors this process may have: as many as it can be allowed, up to what a full share needs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 4096 if hard == resource.RLIM_INFINITY else min(hard, 4096)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return min(soft, 1 << 20) if soft != resource.RLIM_INFINITY else 1 << 20


class Watch:
    """Closes the ring when the owner has died, and has the loop reclaim what other dead processes held.

    A command that runs for longer than ``slow_after`` seconds (None: no limit) is reported once. ``starter`` is who
    started this process, ``let_go`` what is called when that has ended; ``give_up`` ends the share, and ``give_way``
    this process, with a reason. One that runs for longer than ``max_run`` is left to a successor, to skip it.
    """

    def __init__(
        self,
        control: Any,
        loop: Any,
        slow_after: float | None,
        max_run: float | None,
        starter: int,
        let_go: Callable[[], None],
        give_up: Callable[[str], None],
        give_way: Callable[[str], None],
    ) -> None:
        self.max_run, self.give_way = max_run, give_way
        self.running: tuple[Any, float] = (None, 0.0)  # which command, and since when as far as we know
        self.slow_after = slow_after
        self.reported = 0  # RUNNING_SINCE of the last report
        self.blind: set[int] = set()  # no pidfds here: deaths of these have to be looked for
        self.control = control
        self.loop = loop
        self.owner = 0 if control.until_last else control.owner_word()
        self.starter, self.let_go, self.give_up = starter, let_go, give_up
        self.patience = 0.0  # seconds; set when the share has been told to end
        self.reason = ""
        self.progress: Any = None
        self.progress_at = 0.0
        self.known: dict[int, int] = {}  # process word -> pidfd
        self.most = max(8, _allow_descriptors() - SPARE)  # so many of them
        self.words: dict[int, int] = {}
        self.poller = select.epoll()
        # Also while the main thread is deep in compiled code, the handler of the C level writes a byte.
        self.signals, self.wakeup = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self.poller.register(self.signals, select.EPOLLIN)
        signal.set_wakeup_fd(self.wakeup, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, lambda *_: control.close_ring())
        self.thread = threading.Thread(target=self._run, name="share-watch", daemon=True)
        for word in (self.owner, starter):
            if word:
                self.add(word)
        self.thread.start()

    def add(self, word: int) -> None:
        """Watches a process from now on; called again for the same one it does nothing."""
        if word in self.known:
            return
        # Some descriptors are left for everything else: large arguments, answers, what methods open.
        short = len(self.known) >= self.most
        descriptor = -2 if short else pidfd_of(word)
        if descriptor < 0:
            if descriptor == -1:
                self._died(word)
            elif (short or word in (self.owner, self.starter)) and word not in self.blind:
                self.blind.add(word)
                os.write(self.wakeup, b"\0")  # the thread may be asleep for ever
            return  # where there are no pidfds, other dead are found at the next registration
        self.known[word] = descriptor
        self.words[descriptor] = word
        self.poller.register(descriptor, select.EPOLLIN)

    def _run(self) -> None:
        while True:
            ticks = [
                seconds
                for seconds in (self.slow_after and self.slow_after / 2, self.max_run and self.max_run / 4)
                if seconds
            ]
            if self.blind:
                ticks.append(1.0)
                for word in [word for word in list(self.blind) if is_proven_dead(word)]:
                    self.blind.discard(word)
                    self._died(word)
            if self.patience:
                ticks.append(self.patience / 8)
                self._look_for_progress()
            found = self.poller.poll(min(ticks, default=None))
            self._look_for_slow()
            self._look_for_endless()
            for descriptor, _ in found:
                if descriptor == self.signals:
                    if signal.SIGTERM in os.read(self.signals, 4096):
                        self._end("SIGTERM", TERMINATED)
                    continue
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
        self.loop.report_slow(position, self.control.running_for(), self._stack())

    def _stack(self) -> str:
        frame = sys._current_frames().get(threading.main_thread().ident or 0)
        return "".join(traceback.format_stack(frame))

    def _end(self, reason: str, patience: float) -> None:
        """Has the share ended: drained, unless that does not get on for so many seconds."""
        self.control.close_ring()
        if not self.patience or patience < self.patience:
            self.reason, self.patience = reason, patience
            self.progress, self.progress_at = None, time.monotonic()

    def _look_for_progress(self) -> None:
        progress = (self.control.position(), self.control.running()[1])
        if progress != self.progress:
            self.progress, self.progress_at = progress, time.monotonic()
        elif time.monotonic() - self.progress_at > self.patience:
            self.give_up(
                f"{self.reason}: what is queued is not executed, as one command has not ended "
                f"within {self.patience:.0f} s:\n{self._stack()}"
            )

    def _look_for_endless(self) -> None:
        """Ends this process if one command has been running for too long; a successor skips it."""
        now, running = time.monotonic(), self.control.running()
        if not self.max_run or not running[0] or running != self.running[0]:
            self.running = running, now
        elif now - self.running[1] >= self.max_run:
            self.loop.condemn()
            self.give_way(
                f"one command has been running for more than {self.max_run} s, which max_run allows: it is skipped\n"
                f"{self._stack()}"
            )

    def _died(self, word: int) -> None:
        if word == self.starter:
            self.let_go()
        if word == self.owner:
            self._end("its owner has died", ABANDONED)  # the loop drains, and ends
        else:
            self.loop.look_again()
