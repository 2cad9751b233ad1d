"""``doctor``: whether this machine is fit for shares, and what to do where it is not."""

import os
import platform
import resource
import shutil
import stat
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Literal

import click
from rich.console import Console
from rich.table import Table

from share import Share, __version__
from share._process import is_proven_dead, pidfd_of, this_process
from share._wait import uses_futex
from share.cli._output import json_option, print_json, shown_error
from share.maintenance import shares

__all__ = ["Check", "doctor", "examine"]

_FOLDER = "/dev/shm"
_LITTLE = 256 << 20  # bytes of /dev/shm: containers have 64 MB if nothing else is said
_COLOURS = {"ok": "green", "warning": "yellow", "problem": "red"}


@dataclass
class Check:
    """One thing that was looked at."""

    what: str
    state: Literal["ok", "warning", "problem"]
    found: str
    advice: str = ""


def _versions() -> Check:
    found = f"share {__version__}, Python {platform.python_version()}, Linux {platform.release()}"
    enabled = getattr(sys, "_is_gil_enabled", lambda: True)()
    if enabled:
        return Check("versions", "ok", found)
    return Check("versions", "problem", f"{found} without the GIL", "use a build of Python that has the GIL")


def _memory() -> Check:
    what = f"size of {_FOLDER}"
    try:
        usage = shutil.disk_usage(_FOLDER)
    except OSError as error:
        return Check(what, "problem", shown_error(error), f"mount a tmpfs: mount -t tmpfs shm {_FOLDER}")
    found = f"{usage.total >> 20:,} MB, {usage.free >> 20:,} MB free"
    if usage.free < 16 << 20:
        return Check(
            what,
            "problem",
            found,
            "remove what is not needed there (`python -m share gc`), or enlarge it (docker: --shm-size=1g)",
        )
    if usage.total < _LITTLE:
        return Check(
            what,
            "warning",
            found,
            "enough for small state only; docker: --shm-size=1g, kubernetes: an emptyDir with medium Memory",
        )
    return Check(what, "ok", found)


def _rights() -> Check:
    what = f"rights in {_FOLDER}"
    try:
        mode = stat.S_IMODE(os.stat(_FOLDER).st_mode)
    except OSError as error:
        return Check(what, "problem", shown_error(error), f"mount a tmpfs: mount -t tmpfs shm {_FOLDER}")
    if not os.access(_FOLDER, os.W_OK | os.X_OK):
        return Check(what, "problem", f"mode {mode:o}: this user may not write", f"chmod 1777 {_FOLDER}")
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        return Check(
            what, "warning", f"mode {mode:o}: anybody may remove your shares", f"chmod 1777 {_FOLDER}"
        )
    return Check(what, "ok", f"mode {mode:o}")


def _descriptors() -> Check:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Segments are mapped, not kept open: a coordinator needs few descriptors, its user's methods may need more.
    if soft < 128:
        return Check("open files", "warning", f"at most {soft}", f"ulimit -n {min(hard, 1024)}")
    return Check("open files", "ok", f"at most {soft:,}")


def _address_space() -> Check:
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    size, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    limits = [
        f"{name} {limit >> 20:,} MB"
        for name, limit in (("address space", soft), ("file size", size))
        if limit != resource.RLIM_INFINITY and limit < _LITTLE
    ]
    if limits:
        return Check(
            "limits of memory",
            "warning",
            ", ".join(limits),
            "ulimit -v unlimited; ulimit -f unlimited: shared memory counts as both",
        )
    return Check("limits of memory", "ok", "none that matters")


def _kernel() -> Check:
    missing = []
    if not uses_futex():
        missing.append("futex (waiting is done by short sleeps)")
    descriptor = pidfd_of(this_process())
    if descriptor < 0:
        missing.append("pidfd_open (Linux 5.3)")
    else:
        os.close(descriptor)
    if not os.access("/proc/self/stat", os.R_OK) or is_proven_dead(this_process()):
        return Check(
            "kernel",
            "problem",
            "/proc is not readable: nobody can be proven dead",
            "mount /proc without hidepid",
        )
    if missing:
        return Check(
            "kernel",
            "warning",
            f"without {', '.join(missing)}",
            "slower, and right; a sandbox may forbid them",
        )
    return Check("kernel", "ok", "futex, pidfd_open, /proc")


def _cores() -> Check:
    count = len(os.sched_getaffinity(0))
    if count == 1:
        return Check(
            "cores",
            "warning",
            "1 for this process",
            "calls with a result wait for the scheduler; give the coordinator a core of its own",
        )
    return Check("cores", "ok", f"{count} for this process")


def _leftovers() -> list[Check]:
    found = []
    for info in shares():
        if info.state in ("dead", "orphan", "unfinished"):
            found.append(
                Check("leftovers", "warning", f"{info.segment} is {info.state}", "python -m share gc")
            )
        elif info.state == "lost":
            found.append(
                Check(
                    "leftovers",
                    "warning",
                    f"{info.segment}: its coordinator has died",
                    "the next process that waits starts another; `python -m share stop` ends the share",
                )
            )
        elif info.state == "refused":
            found.append(Check("leftovers", "warning", f"{info.segment}: {info.reason}", "ask its user"))
    return found or [Check("leftovers", "ok", "none")]


def _trial() -> Check:
    started = time.perf_counter()
    try:
        with Share() as shared:
            shared.n = 1
            shared.n += 1
            shared.flush(timeout=60)
            ready = time.perf_counter()
            shared.n += 1
            value = shared.n
            answered = time.perf_counter()
    except Exception as error:
        return Check("a share", "problem", shown_error(error), "see docs/errors.md for what this error means")
    if value != 3:
        return Check("a share", "problem", f"1 + 1 + 1 is {value}", "report this, with `share doctor --json`")
    found = f"ready in {(ready - started) * 1e3:.0f} ms, a write and its read in {(answered - ready) * 1e6:.0f} us"
    return Check("a share", "ok", found)


_CHECKS: list[Callable[[], Check]] = [
    _versions, _memory, _rights, _descriptors, _address_space, _kernel, _cores, _trial
]  # fmt: skip


def examine() -> list[Check]:
    """Looks at everything. One share is made for it, and removed again."""
    found = [check() for check in _CHECKS]
    return found + _leftovers()


@click.command()
@json_option
def doctor(json_: bool) -> None:
    """Says whether this machine is fit for shares, and what to do where it is not. Exit code 1: there is a problem."""
    checks = examine()
    if json_:
        print_json([asdict(check) for check in checks])
    else:
        table = Table(box=None, show_header=False, pad_edge=False)
        for check in checks:
            state = f"[{_COLOURS[check.state]}]{check.state}[/]"
            table.add_row(state, check.what, check.found + (f"\n-> {check.advice}" if check.advice else ""))
        Console().print(table)
    if any(check.state == "problem" for check in checks):
        raise SystemExit(1)
