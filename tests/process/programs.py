"""Runs programs as a user would, and looks at what they leave behind: output, processes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import psutil

import share

T = TypeVar("T")
HERE = Path(__file__).parent
LIMIT = 120  # seconds; who waits longer hangs
SOURCE = str(Path(share.__file__).parents[1])


def wait_for(condition: Callable[[], T], what: str = "the condition") -> T:
    """Polls until the condition is true; gives what it returned."""
    end = time.monotonic() + LIMIT
    while not (value := condition()):
        assert time.monotonic() < end, f"gave up waiting for {what}"
        time.sleep(0.002)
    return value


def wait_for_none(look: Callable[[], list[Any]], seconds: float = 60) -> list[Any]:
    """Polls until there is nothing left; gives what is left if that does not come to pass."""
    end = time.monotonic() + seconds
    while (left := look()) and time.monotonic() < end:
        time.sleep(0.01)
    return left


# -- processes ---------------------------------------------------------------------------------------


def children() -> list[psutil.Process]:
    """Every process under this one."""
    return psutil.Process().children(recursive=True)


def children_besides(known: Iterable[int]) -> list[str]:
    """The processes under this one that are neither known nor helpers of multiprocessing itself."""
    known, found = set(known), []
    for process in children():
        try:
            if process.pid in known:
                continue
            if process.status() == psutil.STATUS_ZOMBIE:
                if process.ppid() == os.getpid() and not _waited_for_elsewhere(process.pid):
                    os.waitpid(process.pid, os.WNOHANG)
                    continue
                continue
            command = " ".join(process.cmdline())
        except (psutil.NoSuchProcess, ChildProcessError):
            continue
        if "resource_tracker" not in command and "forkserver" not in command:
            found.append(f"{process.pid}: {command[-200:]}")
    return found


def _waited_for_elsewhere(pid: int) -> bool:
    return any(process.pid == pid for process in subprocess._active)  # type: ignore[attr-defined]


# -- programs -----------------------------------------------------------------------------------------


def environment(**more: str) -> dict[str, str]:
    """The environment of a program: it finds this library and the helper modules, and warns of everything."""
    path = [SOURCE, str(HERE), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(dict.fromkeys(path)), "PYTHONUNBUFFERED": "1", **more}


def start(*arguments: str, env: dict[str, str] | None = None, **options: Any) -> "subprocess.Popen[str]":
    """Starts ``python arguments...`` with pipes for its output, in a process group of its own."""
    options = {"stdin": subprocess.DEVNULL, "start_new_session": True, **options}
    return subprocess.Popen(
        [sys.executable, *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env or environment(), **options,
    )  # fmt: skip


def finish(program: "subprocess.Popen[str]", source: str | None = None) -> "subprocess.CompletedProcess[str]":
    """Waits for a program's end (and that of everybody who holds its output)."""
    try:
        out, err = program.communicate(source, timeout=LIMIT)
    except subprocess.TimeoutExpired:
        os.killpg(program.pid, signal.SIGKILL)
        out, err = program.communicate()
        raise AssertionError(f"the program hangs:\n{out}\n{err}") from None
    return subprocess.CompletedProcess(program.args, program.returncode, out, err)


def run(*arguments: str, env: dict[str, str] | None = None) -> str:
    """Runs a program that must succeed and say nothing on stderr; gives its output."""
    done = finish(start(*arguments, env=env))
    assert done.returncode == 0, f"exit status {done.returncode}:\n{done.stdout}\n{done.stderr}"
    assert done.stderr == "", f"stderr:\n{done.stderr}"
    return done.stdout


def run_script(folder: Path, source: str, **options: Any) -> str:
    """Runs the source as a script file."""
    path = folder / "script.py"
    path.write_text(source)
    return run(str(path), **options)
