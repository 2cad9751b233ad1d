"""pytest-xdist: the plugin's fixtures, one share for each test and one for the whole run."""

import subprocess
import sys

import pytest
from servers import surroundings

pytest.importorskip("xdist")

TESTS = """
import pytest

class Setup:
    def __init__(self):
        self.workers, self.tests, self.built = set(), 0, 0
    def build_once(self):
        if not self.built:
            self.built += 1
    def note(self, worker):
        self.workers.add(worker)
        self.tests += 1
        return self.tests

@pytest.fixture(scope="session")
def run_wide(run_share):
    setup = run_share.setdefault("setup", Setup())
    setup.build_once()
    return setup

@pytest.mark.parametrize("number", range(12))
def test_both(share, run_wide, number, worker_id):
    share.n = number
    share.n += 1
    assert share.n == number + 1
    with open("notes", "a") as notes:
        print(run_wide.note(worker_id), run_wide.built, file=notes)
"""


def test_each_test_has_its_share_and_all_have_one(tmp_path, name):
    (tmp_path / "test_it.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "2", "-p", "xdist", "-p", "share.testing.plugin", str(tmp_path)],
        env=surroundings(name, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1"), cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "12 passed" in done.stdout
    notes = [tuple(map(int, line.split())) for line in (tmp_path / "notes").read_text().splitlines()]
    assert sorted(notes) == [(number, 1) for number in range(1, 13)]
