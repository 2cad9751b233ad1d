"""Noticing deaths without polling: one thread sleeps on the pidfds of the processes that use the share."""

import os
import select
import threading
from typing import Any

from share._process import pidfd_of

__all__ = ["Watch"]


class Watch:
    """Closes the ring when the owner has died, and has the loop reclaim what other dead processes held."""

    def __init__(self, control: Any, loop: Any) -> None:
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
            return  # where there are no pidfds, the dead are found at the next registration
        self.known[word] = descriptor
        self.words[descriptor] = word
        self.poller.register(descriptor, select.EPOLLIN)

    def _run(self) -> None:
        while True:
            for descriptor, _ in self.poller.poll():
                self.poller.unregister(descriptor)
                word = self.words.pop(descriptor)
                del self.known[word]
                os.close(descriptor)
                self._died(word)

    def _died(self, word: int) -> None:
        if word == self.owner:
            self.control.close_ring()  # the loop drains, and ends
        else:
            self.loop.look_again()
