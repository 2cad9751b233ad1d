"""Programs as a user would write them, each run as a main script."""

import subprocess
import sys
from pathlib import Path

import pytest
import users

HERE = Path(__file__).parent

# A part is known by its place, and a result that is a part arrives as a copy, until state is a graph of nodes.
KNOWN = {
    "shop": "a part that a method returns is a copy",
    "tree": "a part that a method returns is a copy",
    "nested": "a proxy of an element becomes another element after an insert",
    "team": "elements that change places are copies",
}


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
    if name in KNOWN:
        request.applymarker(pytest.mark.xfail(reason=KNOWN[name], strict=True))
    ended = run("users.py", name)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_forms_of_classes() -> None:
    ended = run("forms.py")
    assert ended.returncode == 0, ended.stdout + ended.stderr
