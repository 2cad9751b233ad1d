"""What tests of journals have in common: programs, and opening a file that is about to be let go of."""

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from programs import HERE, SOURCE, wait_for

from share import EngineError, FencedError, Share
from share._control import Control
from share._names import bury
from share.maintenance import shares

PROGRAM = HERE / "durable_programs.py"


def start(what: str, *words: object) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((SOURCE, str(HERE)))}
    return subprocess.Popen(
        [sys.executable, str(PROGRAM), what, *map(str, words)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip


def line(program: "subprocess.Popen[str]") -> str:
    assert program.stdout is not None
    found = program.stdout.readline().strip()
    assert found, program.stderr.read() if program.stderr is not None else ""
    return found


def end(program: "subprocess.Popen[str]") -> str:
    """What it has written until it ended."""
    out, _ = program.communicate()
    return out


def forget(owners: set[int]) -> None:
    """Removes the shares of programs that have been killed, of those whose coordinator has been killed, too."""
    for info in shares():
        if info.owner in owners and info.state == "dead":
            bury(Control.attach(info.segment), info.name)


def reopened(path: Path, **options: Any) -> Share:
    """The share of a journal whose coordinator may be about to end."""
    found: list[Share] = []

    def attempt() -> bool:
        try:
            found.append(Share(journal=path, **options))
        except FencedError:
            return False  # a successor has still taken the file since this share looked into it
        except EngineError as error:
            assert error.errno == errno.EBUSY
            return False
        return True

    wait_for(attempt)
    return found[0]
