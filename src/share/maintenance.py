"""Which shares there are on this machine, and the removal of what provably dead processes have left.

``python -m share ls`` and ``python -m share gc`` are these functions on the command line.
"""

import re
from dataclasses import dataclass
from typing import Literal

from share import cerial
from share._control import Control
from share._names import base_of, segments_of, sweep
from share._process import is_proven_dead
from share._segment import unlink
from share.errors import SegmentError, ShareError

__all__ = ["ShareInfo", "remove_dead", "shares"]

_PID = (1 << 22) - 1


@dataclass(frozen=True, slots=True)
class ShareInfo:
    """One share as it is found in shared memory, by whoever made it."""

    segment: str  # name of its control segment
    name: str | None  # the name that its creator gave it
    #: running; "lost": the coordinator is dead, and the next process that waits starts another; "dead": nobody
    #: lives who uses it; "closed": it is ending; "unfinished": its creator is creating it, or died doing so;
    #: "orphan": segments of a share that has been closed; "refused": not ours to look into
    state: Literal["running", "lost", "dead", "closed", "unfinished", "orphan", "refused"]
    owner: int  # process ids; 0 if there is none
    coordinator: int
    processes: int  # that are registered and alive, the coordinator included
    backlog: int  # queued ring cells
    memory: int  # bytes, the control segment not counted
    reason: str = ""  # why it is refused


def shares() -> list[ShareInfo]:
    """Every share on this machine, in the order of their segments' names. Nothing is waited for or changed."""
    found = segments_of("share_")
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
        elif info.state == "unfinished":
            if not Control.creator_is_dead(info.segment):
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
    memory = sum(size for _, size in control.segments())
    name = cerial.loads(control.configuration())["name"]
    return ShareInfo(
        segment, name, state, owner & _PID, control.coordinator_pid(), alive, control.backlog(), memory
    )


def _remove(info: ShareInfo) -> bool:
    try:
        control = Control.attach(info.segment)
        if not control.stale():
            return False
        # Whoever else attaches now and waits would start a coordinator. Only one of us is elected.
        entry, _ = control.register(True)
        role = control.elect(entry)
    except ShareError:
        return False
    if not role:
        control.leave(entry)
        return False
    if any(not is_proven_dead(word) for other, word in control.processes() if other != entry):
        control.note_started(role, 0)  # somebody has come: he may start a coordinator
        control.leave(entry)
        return False
    control.abolish(role)
    sweep(info.segment, info.name)
    return True


def _remove_link(link: str) -> None:
    """Removes a user's name that leads to a share which is gone."""
    try:
        base = base_of(link.removeprefix("share."))
        if base is not None and not segments_of(base) and Control.attach(link).stale():
            unlink(link)
    except SegmentError:
        pass  # not one of ours
