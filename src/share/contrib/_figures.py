"""The figures of a share that adapters hand to programs that collect such; each is read from shared memory."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from share import ShareClosedError

if TYPE_CHECKING:
    from share import Share

__all__ = ["STATES", "Figure", "figures"]

STATES = ("starting", "running", "lost", "closed")


class Figure(NamedTuple):
    """One figure of a share."""

    name: str
    text: str
    unit: str  # as UCUM has it
    only_grows: bool
    read: Callable[[], float]


def figures(share: "Share") -> list[Figure]:
    """All of them. Reading one sends nothing to the share and waits for nothing, also when it has been closed."""
    control = share.session_of().control
    queued = "Cells of the ring that are queued and not committed."

    def errors() -> int:
        try:
            return 0 if control.closed else len(share.read_errors(False))
        except ShareClosedError:
            return 0  # just now

    return [
        Figure("queued_cells", queued, "{cell}", False, control.backlog),
        Figure("ring_cells", "Cells of the ring.", "{cell}", False, lambda: control.cells),
        Figure(
            "running_seconds", "Time for which the coordinator has been running its present commands.", "s", False,
            control.running_for,
        ),
        Figure("memory_bytes", "Shared memory of the share.", "By", False, lambda: share.health().memory),
        Figure(
            "processes", "Processes that are registered.", "{process}", False, lambda: len(control.processes())
        ),
        Figure("commands", "Commands that have been executed.", "{command}", True, control.commands),
        Figure("commit_position", "The commit position, in cells.", "{cell}", True, lambda: share.health().commit),
        Figure("takeovers", "Times that a dead coordinator was replaced.", "{takeover}", True, control.takeovers),
        Figure("errors_kept", "Failed commands that are kept, at most 100.", "{error}", False, errors),
    ]  # fmt: skip
