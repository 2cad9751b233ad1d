"""Keeping the lease of a home, by a thread with a connection of its own."""

import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from share.engine._places import LEASE, open_place, shown_place
from share.errors import EngineError, EngineLostError

if TYPE_CHECKING:
    from share.engine import Engine

__all__ = ["Lease"]

log = logging.getLogger("share.coordinator")


class Lease:
    """Says to other machines that this home lives. What it may store is decided by the engine alone, not by this.

    Args:
        where: the address of the server.
        share: the share's name there.
        holder: what the lease is taken as; a successor on this machine is the same.
        replaced: called, in this thread, when another home has the lease.
    """

    def __init__(self, where: str, share: str, holder: str, replaced: Callable[[str], None]) -> None:
        self._where, self._share, self._holder, self._replaced = where, share, holder, replaced
        self._ending = threading.Event()
        self._engine: Engine | None = None
        self._thread = threading.Thread(target=self._keep, name="share-lease", daemon=True)
        self._thread.start()

    def _keep(self) -> None:
        kept, said = time.monotonic(), False
        while not self._ending.wait(LEASE / 4):
            began = time.monotonic()
            try:
                if self._engine is None:
                    self._engine = open_place(self._where, self._share)
                if self._engine.lease(self._holder, LEASE):
                    kept, said = began, False
                    continue
                other = self._engine.leaseholder()
            except (EngineError, EngineLostError) as error:
                if not said and time.monotonic() - kept > LEASE:
                    said = True
                    log.warning("%s: another home may take over: %s", self._name, error)
                continue
            if other not in ("", self._holder):  # else an answer was lost
                self._replaced(f"another home has taken over {self._name}: {other}")
        self._end()

    @property
    def _name(self) -> str:
        return shown_place(self._where, self._share)

    def _end(self) -> None:
        if self._engine is not None:
            try:
                self._engine.lease(self._holder, 0)
            except (EngineError, EngineLostError) as error:
                log.warning("%s: the next home has to wait: %s", self._name, error)
            self._engine.close()

    def close(self) -> None:
        """Gives it up."""
        self._ending.set()
        self._thread.join()
