"""The options of a share, checked before anything is made."""

import os
from typing import Any, Literal

__all__ = ["check_full", "check_kept", "check_writes", "coordinator_options"]


def check_kept(
    journal: "str | os.PathLike[str] | None",
    engine: str | None,
    name: str | None,
    durable: Literal["engine", "local"],
) -> tuple[str, str, str] | None:
    """Where the share is stored, its name there, and how durable it is; None if it is not stored."""
    if durable not in {"engine", "local"}:
        raise ValueError(f"durable must be 'engine' or 'local', not {durable!r}")
    if engine is None:
        return None if journal is None else (os.path.abspath(os.fspath(journal)), "", durable)
    from share.engine._places import check_place  # no other share needs engines

    if journal is not None:
        raise ValueError("a share has a journal or an engine, not both")
    return engine, check_place(engine, name), durable


def check_writes(writes: str | None) -> bool:
    """Whether every write waits."""
    if writes not in (None, "queue", "wait"):
        raise ValueError(f'writes must be None, "queue" or "wait", not {writes!r}')
    return writes == "wait"


def check_full(on_full: str) -> bool:
    """Whether a command that finds no room raises."""
    if on_full not in ("wait", "raise"):
        raise ValueError(f'on_full must be "wait" or "raise", not {on_full!r}')
    return on_full == "raise"


def coordinator_options(
    check: bool, slow_after: float | None, max_run: float | None, executable: str | None, on_new_code: str
) -> dict[str, Any]:
    """What the coordinator is told."""
    if on_new_code not in ("raise", "upgrade"):
        raise ValueError(f"on_new_code is 'raise' or 'upgrade', not {on_new_code!r}")
    for name, seconds in ("slow_after", slow_after), ("max_run", max_run):
        if seconds is not None and not seconds > 0:
            raise ValueError(f"{name} must be more than 0 seconds, or None, not {seconds!r}")
    return {
        "check": bool(check),
        "slow_after": slow_after,
        "max_run": max_run,
        "executable": executable,
        "on_new_code": on_new_code,
    }
