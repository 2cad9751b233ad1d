"""The coordinator's program: what it has to be told of the owner's surroundings, and how it is started."""

import os
import signal
import sys
from typing import Any

from share._spawn import spawn_detached

__all__ = ["start_detached", "start_program", "surroundings"]

# The coordinator is a program of its own. It is told the owner's sys.path, so that it finds share itself and the
# modules of the user's classes, and needs nothing of the owner's main module.
_PROGRAM = (
    "import sys; sys.path[:] = {path!r}; from share.coordinator.main import main; main({name!r}, {role})"
)


def surroundings() -> dict[str, Any]:
    """What a coordinator has to know of the owner; kept in the control segment, for successors too."""
    import subprocess

    main = sys.modules.get("__main__")
    return {
        "argv": sys.argv[:] if hasattr(sys, "argv") else [""],
        "main_file": getattr(main, "__file__", None),
        "executable": sys.executable,
        "flags": subprocess._args_from_interpreter_flags(),  # type: ignore[attr-defined]
        "path": [os.path.abspath(entry) for entry in sys.path],
        "folder": os.getcwd(),
    }


def _arguments(options: dict[str, Any], name: str, role: int) -> list[str]:
    program = _PROGRAM.format(path=options["path"], name=name, role=role)
    return [options["executable"], *options["flags"], "-c", program]


def start_program(options: dict[str, Any], name: str, role: int) -> int:
    """Starts the coordinator as a child of this process, the owner. Returns its pid."""
    # Descriptors of ours are not inheritable, so none but the standard streams is passed on; reading a terminal
    # is the owner's business.
    return os.posix_spawn(
        options["executable"],
        _arguments(options, name, role),
        os.environ,
        file_actions=[(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)],
        # Ctrl-C before the coordinator has said that it ignores it must not end it either.
        setsigmask=[signal.SIGINT, signal.SIGHUP],
    )


def start_detached(options: dict[str, Any], name: str, role: int, environment: Any) -> int:
    """Starts a successor, which must not become a zombie of the process that happened to start it."""
    return int(spawn_detached(_arguments(options, name, role), environment))
