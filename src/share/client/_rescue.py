"""Fail-over, the client's half: a process that waits and has proven the coordinator dead starts a successor."""

import logging
import os
import weakref
from collections.abc import Callable
from typing import Any

from share import cerial
from share._program import start_program
from share.errors import CoordinatorLostError

__all__ = ["rescuer_for"]

log = logging.getLogger("share")

#: The environment of successors.
environment: Any = os.environ


def rescuer_for(session: Any) -> Callable[[Any], None]:
    """The function that a share's control calls when a wait has found the coordinator dead."""
    weak = weakref.ref(session)

    def rescue(control: Any) -> None:
        session = weak()
        if session is not None:
            session.join()  # who only ever read has no entry yet
            start_successor(control, session.identity[0])

    return rescue


def start_successor(control: Any, entry: int) -> None:
    """Elects the process of that entry and starts a successor, unless somebody else has been elected.

    Raises CoordinatorLostError if no process can be started; then the next one that waits tries again.
    """
    role = pid = 0
    try:
        role = control.elect(entry)
        if not role:
            return
        log.warning(
            "share %s: the coordinator has died; starting another",
            control.name, extra={"share_name": control.name},
        )  # fmt: skip
        options = cerial.loads(control.configuration())
        pid = start_program(options, control.name, role, environment, detached=True)
    except OSError as error:
        raise CoordinatorLostError(f"share {control.name}: the coordinator has died, and {error}") from error
    finally:
        # Also when a signal handler has raised: whoever waits then sees that nobody was started.
        role = role or control.unfinished_rescue(entry)
        if role:
            control.note_started(role, pid)
