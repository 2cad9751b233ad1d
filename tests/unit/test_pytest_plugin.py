"""The pytest plugin, in test runs of their own."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import share

SOURCE = str(Path(share.__file__).parents[1])

PASSES = """
import os
from share import Share

def test_first(share):
    assert isinstance(share, Share) and list(share) == []
    share.n = 1

def test_second(share):
    assert list(share) == []          # another share
    share.names = ["Ada"]
    share.names.append("Grace")
    assert len(share.names) == 2

def test_closes_it_itself(share):
    share.close()

def test_makes_another_and_closes_it(share):
    with Share() as other:
        other.n = 1
    before = Share.open(f"plugin-{os.getpid()}")
    before.close()
"""

FAILS = """
import pytest
from share import Share

class Odd:
    def __init__(self):
        self.n = 0
    def fail(self):
        self.n += 1
        raise KeyError("on purpose")

kept = []

def test_nobody_looks(share):
    share.odd = Odd()
    share.odd.fail.send()

def test_somebody_looks(share):
    share.odd = Odd()
    share.odd.fail.send()
    with pytest.raises(KeyError):
        share.flush()

def test_leaves_one(share):
    kept.append(Share())
    kept[0].n = 1

def test_after_it(share):
    share.n = 1
    kept.pop().close()
"""


def run(folder: Path, text: str, *options: str) -> "subprocess.CompletedProcess[str]":
    (folder / "test_it.py").write_text(text)
    # As a command of its own would: the settings of our suite are not those of a user's.
    (folder / "pytest.ini").write_text("[pytest]\n")
    environment = {**os.environ, "PYTHONPATH": SOURCE, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(
        [
            sys.executable, "-m", "pytest", "-q", "-p", "share.testing.plugin", "-p", "no:cacheprovider", *options,
            str(folder),
        ],
        env=environment, cwd=folder, capture_output=True, text=True,
    )  # fmt: skip


def test_each_test_has_a_share_of_its_own(tmp_path: Path) -> None:
    result = run(tmp_path, PASSES)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "4 passed" in result.stdout


def test_what_a_test_leaves_behind_is_its_failure(tmp_path: Path) -> None:
    result = run(tmp_path, FAILS)
    assert result.returncode == 1
    assert re.search("4 passed, 2 errors", result.stdout), result.stdout
    assert "ERROR at teardown of test_nobody_looks" in result.stdout
    assert "nobody waited for them: KeyError: 'on purpose'" in result.stdout
    assert "ERROR at teardown of test_leaves_one" in result.stdout
    assert re.search(r"not closed: share_[0-9a-f]{16};", result.stdout)


SETUP = """
import os, time
from share import recipes, send

def note(run_share):
    def setup():
        with open("setups", "a") as file:
            print(os.getpid(), file=file)
    recipes.once(run_share, "setup", setup)
    recipes.Counter(run_share, "tests").add()
"""

# One worker has done with the share before any test of the other has asked for it.
CONFTEST = """
def pytest_sessionfinish():
    open("one has ended", "w").close()
"""
ENDS_EARLY = (
    SETUP
    + """
def test_first(run_share, share):
    note(run_share)
"""
)
ENDS_LATE = (
    SETUP
    + """
def test_something_else():
    end = time.monotonic() + 600
    while not os.path.exists("one has ended"):
        assert time.monotonic() < end
        time.sleep(0.01)

def test_second(run_share):
    note(run_share)
    assert recipes.Counter(run_share, "tests").value == 2

class Odd:
    def __init__(self):
        self.n = 0
    def fail(self):
        self.n += 1
        raise ValueError("on purpose")

def test_leaves_an_error(run_share):
    run_share.odd = Odd()
    send(run_share.odd.fail)
"""
)


def test_a_run_has_one_share_in_all_workers_of_xdist(tmp_path: Path) -> None:
    pytest.importorskip("xdist")
    (tmp_path / "test_early.py").write_text(ENDS_EARLY)
    (tmp_path / "conftest.py").write_text(CONFTEST)
    result = run(tmp_path, ENDS_LATE, "-p", "xdist", "-n", "2", "--dist", "loadfile")
    assert re.search("4 passed, 1 error", result.stdout), result.stdout + result.stderr
    assert "nobody waited for them: ValueError" in result.stdout
    assert len((tmp_path / "setups").read_text().split()) == 1


def test_a_run_without_xdist_has_one_too(tmp_path: Path) -> None:
    result = run(
        tmp_path,
        """
def test_first(run_share):
    run_share.n = 1

def test_second(run_share, share):
    assert run_share.n == 1 and "n" not in share
""",
    )
    assert "2 passed" in result.stdout, result.stdout + result.stderr


UNUSED = """
import pytest

@pytest.fixture(autouse=True)
def not_today():
    pytest.skip("on purpose")

def test_it(run_share):
    pass
"""


def test_a_share_that_no_test_comes_to_use_is_ended(tmp_path: Path) -> None:
    result = run(tmp_path, UNUSED)
    assert result.returncode == 0 and "1 skipped" in result.stdout, result.stdout + result.stderr
    assert "unclosed" not in result.stdout + result.stderr


def test_the_fixture_is_installed_with_the_package() -> None:
    from importlib.metadata import PackageNotFoundError, entry_points, version

    try:
        version("share-state")
    except PackageNotFoundError:
        pytest.skip("share is not installed, only on the path")
    (entry,) = [entry for entry in entry_points(group="pytest11") if entry.name == "share"]
    assert entry.value == "share.testing.plugin"
