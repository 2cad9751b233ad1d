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


def test_the_tests_in_the_documents_pass(tmp_path):
    text = (ROOT / "docs" / "testing.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    (tmp_path / "test_it.py").write_text("\n\n".join(blocks))
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "share.testing.plugin", "test_it.py"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(SOURCE), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(re.findall('def test_', ''.join(blocks)))} passed" in done.stdout


def test_no_python_goes_untested():
    """Blocks of ``pycon`` are run here, and docs/testing.md; the tutorial and docs/primitives by tests of their own."""
    untested = [
        path.name
        for path in ROOT.glob("docs/*.md")
        if path.name not in ("tutorial.md", "testing.md")
        and re.search(r"^```(python|py)$", path.read_text(), re.MULTILINE)
    ]
    assert not untested


def test_the_documents_are_found():
    assert {path.name for path in DOCUMENTS} >= {"README.md", "guide.md"}
