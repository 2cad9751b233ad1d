"""Which shares there are on this machine, and the removal of what provably dead processes have left.

``python -m share ls`` and ``python -m share gc`` are these functions on the command line.
"""

import re
from dataclasses import dataclass
from typing import Literal

from share import cerial
from share._control import Control
from share._names import base_of, bury, is_ours, segments_of, sweep
from share._process import is_proven_dead
from share._segment import unlink
from share.errors import SegmentError

__all__ = ["ShareInfo", "remove_dead", "shares"]

_PID = (1 << 22) - 1


@dataclass(frozen=True, slots=True)
class ShareInfo:
    """One share as it is found in shared memory, by whoever made it."""

    segment: str  # name of its control segment
    name: str | None  # the name that its creator gave it
    #: running; "lost": the coordinator is dead, and the next process that waits starts another; "dead": nobody
    #: lives who uses it; "closed": it is ending; "unfinished": its creator is creating it, or died doing so;
    #: "orphan": segments of a share that has been closed; "refused": damaged, or of another container
    state: Literal["running", "lost", "dead", "closed", "unfinished", "orphan", "refused"]
    owner: int  # process ids; 0 if there is none
    coordinator: int
    processes: int  # that are registered and alive, the coordinator included
    backlog: int  # queued ring cells
    memory: int  # bytes, the control segment not counted
    reason: str = ""  # why it is refused


def shares() -> list[ShareInfo]:
    """Every share of this user on this machine, in the order of their segments' names. Changes nothing."""
    found = [name for name in segments_of("share_") if is_ours(name)]
    controls = {name for name in found if re.fullmatch("share_[0-9a-f]{16}", name)}
    orphans = {name[:22] for name in found} - controls
    infos = [_info(name) for name in controls]
    infos += [ShareInfo(name, None, "orphan", 0, 0, 0, 0, 0) for name in orphans if name.count("_") == 1]
    return sorted(infos, key=lambda info: info.segment)


def remove_dead() -> list[ShareInfo]:
    """Removes the memory of every share that no living process can ever use again. Returns what was removed.

    What such a share had queued is not executed: nobody is left who could see it.
    """
    removed = []
    for info in shares():
        if info.state == "orphan":
            sweep(info.segment)
        elif info.state in ("unfinished", "refused"):
            if not Control.is_abandoned(info.segment):
                continue
            sweep(info.segment)
        elif info.state not in ("dead", "closed") or not _remove(info):
            continue
        removed.append(info)
    for link in segments_of("share."):
        _remove_link(link)
    return removed


def _info(segment: str) -> ShareInfo:
    try:
        control = Control.attach(segment)
    except SegmentError as error:
        unfinished = Control.is_unfinished(segment)
        return ShareInfo(segment, None, "unfinished" if unfinished else "refused", 0, 0, 0, 0, 0, str(error))
    owner = 0 if control.until_last else control.owner_word()
    state: Literal["running", "lost", "dead", "closed"] = "running"
    if control.closed:
        state = "closed"
    elif control.stale():
        state = "dead"
    elif control.lost:
        state = "lost"
    alive = sum(not is_proven_dead(word) for _, word in control.processes())
    try:
        memory = control.memory()
        name = cerial.loads(control.configuration())["name"]
    except (
        Exception
    ) as error:  # damaged memory gives bytes of any kind, also such as decode to something else
        return ShareInfo(segment, None, "refused", 0, 0, alive, 0, 0, f"damaged: {error!r}")
    return ShareInfo(
        segment, name, state, owner & _PID, control.coordinator_pid(), alive, control.backlog(), memory
    )


def _remove(info: ShareInfo) -> bool:
    try:
        return bury(Control.attach(info.segment), info.name)
    except SegmentError:
        return False


def _remove_link(link: str) -> None:
    """Removes a user's name that leads to a share which is gone."""
    if not is_ours(link):
        return
    try:
        base = base_of(link.removeprefix("share."))
        if base is not None and not segments_of(base) and Control.attach(link).stale():
            unlink(link)
    except SegmentError:
        if Control.is_abandoned(link):  # damaged
            unlink(link)
