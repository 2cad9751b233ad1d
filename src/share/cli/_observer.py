"""A share for those who only look: nothing is sent, registered or started, and nothing is waited for."""

import os
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from share import cerial
from share._api import FailedCommand
from share._lifecycle import attach_session
from share.cli._output import shown_error
from share.client._namespace import Namespace, committed
from share.client._session import Shared
from share.client._snapshots import snapshot
from share.maintenance import ShareInfo, shares

__all__ = ["Observer", "ProcessInfo", "Unreadable", "find_share", "share_names"]

_PID = (1 << 22) - 1
# What a process sleeps on, by the place of the word in the control segment (see _layout.pxd).
_WAITS = {640: "work", 768: "a commit", 896: "room in the ring"}


def share_names(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """What a SHARE argument can be completed to."""
    return [
        name
        for info in shares()
        for name in (info.name, info.segment)
        if name and name.startswith(incomplete)
    ]


def find_share(which: str) -> ShareInfo:
    """The share of that name or segment; the beginning of a segment's name is enough if no other begins so.

    Raises click.ClickException.
    """
    found = shares()
    named = [info for info in found if which in (info.name, info.segment)]
    named = named or [info for info in found if info.segment.removeprefix("share_").startswith(which)]
    if len(named) == 1:
        return named[0]
    listed = ", ".join(info.name or info.segment for info in found) or "none"
    raise click.ClickException(
        f"{'several shares are' if named else 'there is no share'} called {which!r}; there are: {listed}"
    )


@dataclass
class Unreadable:
    """Stands for a value that cannot be loaded here: its class is not found, or has other code."""

    error: Exception

    def __repr__(self) -> str:
        return f"<cannot be read here: {shown_error(self.error)}>"


@dataclass
class ProcessInfo:
    """A process that has a share's memory mapped."""

    pid: int
    role: str  # "owner", "coordinator", "user", or "reader": it has never sent anything
    program: str
    waits: list[str] = field(
        default_factory=list
    )  # what its threads sleep for; "?" where that may not be seen


class Observer:
    """One share, for looking at.

    Raises click.ClickException if it is not running.
    """

    def __init__(self, which: str) -> None:
        self.info = find_share(which)
        if self.info.state not in ("running", "lost"):
            raise click.ClickException(
                f"{self.info.segment} is {self.info.state}{': ' if self.info.reason else ''}{self.info.reason}; "
                "`python -m share gc` removes what dead processes have left"
            )
        self.session = attach_session(self.info.segment)
        self.control = self.session.control
        self.control.rescuer = None  # whoever only looks starts no successor
        configuration = cerial.loads(self.control.configuration())
        # The modules of the users' classes are found as the coordinator finds them.
        sys.path += [entry for entry in configuration["path"] if entry not in sys.path]

    def names(self) -> dict[str, Any]:
        """{name: value, or proxy of an object, or Unreadable}, as committed now."""
        return committed(self.session, Unreadable)

    def value(self, path: str) -> Any:
        """What ``NAME``, ``NAME.attribute`` or ``NAME.key.3`` is: a plain copy of what is committed now."""
        name, *steps = path.split(".")
        found = self.names()
        if name not in found:
            raise click.ClickException(f"the share has no {name!r}; it has: {', '.join(found) or 'nothing'}")
        value = found[name]
        if isinstance(value, Unreadable):
            raise click.ClickException(
                f"{name} cannot be read here: {shown_error(value.error)}"
            ) from value.error
        if isinstance(value, Shared):
            value = snapshot(value, wait=False)
        for number, step in enumerate(steps, 1):
            value = _part(value, step, ".".join([name, *steps[:number]]))
        return value

    def errors(self) -> list[FailedCommand]:
        """The failed commands that the coordinator keeps; oldest first."""
        records = Namespace(self.session).read_errors(False)
        return [
            FailedCommand(position, command, error, text) for position, _, command, error, text in records
        ]

    def processes(self) -> list[ProcessInfo]:
        """The processes that use the share, those that only read it included, and what they are waiting for."""
        registered = {word & _PID for _, word in self.control.processes()}
        coordinator = self.control.coordinator_pid()
        found = []
        for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
            if pid == os.getpid() or not (mapped := _mapping(pid, self.info.segment)):
                continue
            role = "user" if pid in registered else "reader"
            if pid == coordinator:
                role = "coordinator"
            elif pid == self.info.owner:
                role = "owner"
            found.append(ProcessInfo(pid, role, _program(pid), _waits(pid, mapped)))
        return found


def _part(value: Any, step: str, path: str) -> Any:
    # The value is a private copy: whatever this runs changes nothing that is shared.
    try:
        if isinstance(value, dict):
            keys = [key for key in value if str(key) == step]
            if keys:
                return value[keys[0]]
        elif isinstance(value, (list, tuple)) and re.fullmatch(r"-?\d+", step):
            return value[int(step)]
        found = getattr(value, step)
        return snapshot(found, wait=False) if isinstance(found, Shared) else found
    except Exception as error:
        raise click.ClickException(f"there is no {path}: {shown_error(error)}") from error


def _mapping(pid: int, segment: str) -> list[tuple[int, int, int]]:
    """[(first address, behind the last, offset in the segment)] where a process has a control segment mapped."""
    try:
        lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        if line.endswith(f"/dev/shm/{segment}"):
            addresses, _, offset, *_ = line.split()
            first, end = addresses.split("-")
            found.append((int(first, 16), int(end, 16), int(offset, 16)))
    return found


def _program(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except OSError:
        return ""
    words[0] = os.path.basename(words[0])
    if "-c" in words:
        words[words.index("-c") + 1 :] = ["..."]
    return " ".join(word for word in words if word)[:60]


def _waits(pid: int, mapped: list[tuple[int, int, int]]) -> list[str]:
    """What the threads of a process sleep for: the first argument of the system call (futex) that they are in."""
    found = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            words = Path(f"/proc/{pid}/task/{thread}/syscall").read_text().split()
            if len(words) < 2 or not words[1].startswith("0x"):
                continue
            address = int(words[1], 16)
            for first, end, offset in mapped:
                if first <= address < end and address - first + offset in _WAITS:
                    found.append(_WAITS[address - first + offset])
    except PermissionError:
        return ["?"]
    except OSError:
        pass  # it has ended
    return found
