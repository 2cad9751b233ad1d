"""Every example session in the documents does what it shows."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import share

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SOURCE = Path(share.__file__).parents[1]
DOCUMENTS = [
    path for path in [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))] if "```pycon" in path.read_text()
]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_sessions_are_true(path):
    done = subprocess.run([sys.executable, HERE / "run_document.py", path], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_program_in_the_readme_prints_what_its_comments_say(tmp_path):
    (code,) = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    (tmp_path / "program.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "program.py"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(SOURCE)}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    promised = [said.partition(",")[0].strip() for said in re.findall(r"print\(.*\)\s+# (.*)", code)]
    assert done.stdout.splitlines() == promised and len(promised) == 2, done.stderr


def test_the_index_has_every_page():
    listed = set((ROOT / "docs" / "index.md").read_text().splitlines())
    assert not {path.stem for path in ROOT.glob("docs/*.md")} - listed - {"index"}


def test_contributing_names_only_folders_and_files_that_exist():
    named = re.findall(r"`([\w./]+/(?:[\w.]+)?)`", (ROOT / "CONTRIBUTING.md").read_text())
    places = (ROOT, ROOT / "src" / "share", ROOT / "tests")
    missing = [each for each in named if not any((place / each).exists() for place in places)]
    assert len(named) > 10 and not missing


# What the guide's tests use.
GUIDE = """
import pytest
from share import recipes
from test_testing import Inventory

def create_database():
    return "localhost:4321"
"""


def blocks_of(name):
    return re.findall(r"^```python\n(.*?)^```", (ROOT / "docs" / name).read_text(), re.MULTILINE | re.DOTALL)


def test_the_tests_in_the_documents_pass(tmp_path):
    testing, guide = blocks_of("testing.md"), blocks_of("guide.md")
    (tmp_path / "test_testing.py").write_text("\n\n".join(testing))
    (tmp_path / "test_guide.py").write_text("\n\n".join([GUIDE, *guide]))
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "share.testing.plugin"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(SOURCE), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(re.findall('def test_', ''.join(testing + guide)))} passed" in done.stdout


def test_no_python_goes_untested():
    """Blocks of ``pycon`` are run here, and the tests of two pages; the tutorial, docs/primitives, and the programs of
    docs/frameworks.md by tests of their own. Blocks that are only indented would be run by nobody.
    """
    run = ("tutorial.md", "testing.md", "guide.md", "frameworks.md")
    untested = []
    for path in ROOT.glob("docs/*.md"):
        text = path.read_text()
        if path.name not in run and re.search(r"^```(python|py)$", text, re.MULTILINE):
            untested.append(path.name)
        outside = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
        untested += [(path.name, line) for line in re.findall(r"\n\n {4,}(.*)", outside)]
    assert not untested


def test_the_documents_are_found():
    assert {path.name for path in DOCUMENTS} >= {"README.md", "guide.md"}
