"""What this process is: an ordinary one, or the coordinator of a share."""

from collections.abc import Callable
from typing import Any

#: Name of the share whose coordinator this process is; None in every other process.
coordinator_of: str | None = None

#: In a coordinator: what ``Share`` objects of its own share become.
inside: Any = None

#: Gives the ``Share`` of a name. Set by the module of ``Share``, which the coordinator's modules do not import.
attach: Callable[[str], Any] | None = None

#: Called with the word of a process that has been asked whether it lives, and does. Set by who notes what a predicate
#: reads.
note_process: Callable[[int], None] | None = None


def share_of(name: str) -> Any:
    """The Share of that name in this process; what a Share that a coordinator has sent becomes."""
    assert attach is not None, "share has not been imported completely"
    return attach(name)
