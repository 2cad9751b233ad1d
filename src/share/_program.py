"""The coordinator's program: what it has to be told of the owner's surroundings, and how it is started."""

import logging
import os
import re
import sys
from collections.abc import Iterator
from typing import Any

from share._spawn import spawn
from share.errors import ShareError

__all__ = ["find_interpreter", "record_address", "start_program", "surroundings"]

# The coordinator is a program of its own. It is told the owner's sys.path, so that it finds share itself and the
# modules of the user's classes, and needs nothing of the owner's main module.
_PROGRAM = (
    "import sys; sys.path[:] = {path!r}; from share.coordinator.main import main; main({name!r}, {role})"
)
_STYLES = {"PercentStyle": "%", "StrFormatStyle": "{", "StringTemplateStyle": "$"}
_checked: dict[str, bool] = {}


def surroundings(executable: str | None = None) -> dict[str, Any]:
    """What a coordinator has to know of the owner; kept in the control segment, for successors too."""
    import subprocess

    main = sys.modules.get("__main__")
    return {
        "argv": sys.argv[:] if hasattr(sys, "argv") else [""],
        "main_file": getattr(main, "__file__", None),
        "executable": find_interpreter(executable),
        "flags": subprocess._args_from_interpreter_flags(),  # type: ignore[attr-defined]
        "path": search_path(),
        "folder": _folder(),
        "log": _log(),
    }


def search_path() -> list[str]:
    """Where this process finds modules."""
    folder = _folder()
    return [entry if folder is None else os.path.abspath(entry) for entry in sys.path]


def _folder() -> str | None:
    try:
        return os.getcwd()
    except FileNotFoundError:  # it has been removed
        return None


def record_address(name: str) -> str:
    """The socket at which the owner of that share takes log records; it exists as long as it does."""
    return f"\0{name}_log"


def _log() -> dict[str, Any]:
    """How the owner logs: what its root logger and the first handler of that let through, and write."""
    root = logging.getLogger()
    found: dict[str, Any] = {"level": root.level, "share_level": logging.getLogger("share").level}
    levels = [
        logger.level for logger in root.manager.loggerDict.values() if isinstance(logger, logging.Logger)
    ]
    found["lowest"] = min([level for level in levels if level] + [root.level])
    if root.handlers:
        handler = root.handlers[0]
        formatter = handler.formatter
        style = getattr(formatter, "_style", None)
        found["handler"] = {
            "level": handler.level,
            "format": getattr(style, "_fmt", None),
            "dates": getattr(formatter, "datefmt", None),
            "style": _STYLES.get(type(style).__name__, "%"),
            "output": getattr(handler, "stream", None) in (sys.stdout, sys.__stdout__),
        }
    return found


# -- the interpreter ----------------------------------------------------------------------------------


def find_interpreter(given: str | None = None) -> str:
    """The Python to run the coordinator with: ``given``, or the one that runs this process.

    Under uWSGI, mod_wsgi and in applications that embed Python, ``sys.executable`` is another program, or empty.
    Raises ShareError if there is none, or if ``given`` is not one like this.
    """
    if given is not None:
        given = os.path.abspath(os.fspath(given))
        if not _is_like_this(given):
            raise ShareError(f"executable={given!r} does not run as {_description()}")
        return given
    tried = []
    for path in _candidates():
        # Only what is called python is ever run to look: another program would do whatever it is made for.
        if path and path not in tried and re.fullmatch(r"python[\d.]*t?d?", os.path.basename(path)):
            tried.append(path)
            if _is_like_this(path):
                return path
    raise ShareError(
        f"found no {_description()} to run the coordinator with: sys.executable is {sys.executable!r}, "
        f"and of {tried} none is one; say which with Share(executable=...)"
    )


def _candidates() -> Iterator[str | None]:
    import sysconfig

    yield sys.executable
    yield getattr(sys, "_base_executable", None)
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}{getattr(sys, 'abiflags', '')}"
    folders = [os.path.join(prefix, "bin") for prefix in (sys.prefix, sys.exec_prefix, sys.base_prefix)]
    folders += [sysconfig.get_config_var("BINDIR") or "", *os.get_exec_path()]
    for folder in folders:
        yield os.path.join(folder, version)


def _description() -> str:
    return f"Python {sys.version_info[0]}.{sys.version_info[1]} ({sys.implementation.cache_tag})"


def _is_like_this(path: str) -> bool:
    """Whether that program is a Python that can load our extension modules."""
    if not os.access(path, os.X_OK) or not os.path.isfile(path):
        return False
    if path not in _checked:
        _checked[path] = _runs_us(path) or _answers_like_us(path)
    return _checked[path]


def _runs_us(path: str) -> bool:
    try:
        return path == sys.executable and os.path.samefile(path, "/proc/self/exe")
    except OSError:
        return False


def _answers_like_us(path: str) -> bool:
    import subprocess

    code = "import sys; print(sys.implementation.cache_tag, sys.abiflags)"
    try:
        done = subprocess.run(
            [path, "-I", "-S", "-c", code],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return False
    return (
        done.returncode == 0
        and done.stdout.strip() == f"{sys.implementation.cache_tag} {sys.abiflags}".strip()
    )


# -- starting it --------------------------------------------------------------------------------------


def start_program(
    options: dict[str, Any], name: str, role: int, environment: Any = os.environ, detached: bool = False
) -> int:
    """Starts a coordinator. Returns its pid.

    It is a child of this process, the owner; a successor (``detached``) must not become a zombie of the process that
    happened to start it.
    """
    program = _PROGRAM.format(path=options["path"], name=name, role=role)
    return spawn([options["executable"], *options["flags"], "-c", program], environment, detached)
