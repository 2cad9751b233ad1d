"""Programs as a user would write them, each run as a main script."""

import subprocess
import sys
from pathlib import Path

import parts
import processes
import pytest
import users

HERE = Path(__file__).parent


def run(program: str, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(HERE / program), *args],
        capture_output=True,
        text=True,
        timeout=100,
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.parametrize("name", users.PROGRAMS)
def test_as_with_plain_objects(name: str) -> None:
    ended = run("users.py", name)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.xfail(strict=True, reason=parts.KNOWN[name]))
        if name in parts.KNOWN
        else name
        for name in parts.PROGRAMS
    ],
)
def test_parts_as_with_plain_objects(name: str) -> None:
    ended = run("parts.py", name)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize("name", processes.PROGRAMS)
def test_processes_as_with_plain_objects(name: str) -> None:
    ended = run("processes.py", name)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_forms_of_classes() -> None:
    ended = run("forms.py")
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize(
    "program", [path.stem for path in sorted(HERE.glob("scenarios/*.py")) if path.stem != "compared"]
)
def test_scenarios_as_with_plain_objects(program: str) -> None:
    ended = run(f"scenarios/{program}.py")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.startswith("OK"), ended.stdout
    assert "DIFF" not in ended.stdout, ended.stdout
