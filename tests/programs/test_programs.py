"""Programs as a user would write them, each run as a main script."""

import subprocess
import sys
from pathlib import Path

import pytest
import users

HERE = Path(__file__).parent

# What a part is known by is its place, until state is a graph of nodes.
BY_PLACE = dict.fromkeys(
    ("shop", "tree", "timer", "conf", "stream", "nested", "words", "team", "bag"), "known"
)


def run(program: str, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(HERE / program), *args],
        capture_output=True,
        text=True,
        timeout=100,
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.parametrize("name", users.PROGRAMS)
def test_as_with_plain_objects(name: str, request: pytest.FixtureRequest) -> None:
    if name in BY_PLACE:
        request.applymarker(pytest.mark.xfail(reason=BY_PLACE[name], strict=False))
    ended = run("users.py", name)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_forms_of_classes() -> None:
    ended = run("forms.py")
    assert ended.returncode == 0, ended.stdout + ended.stderr
