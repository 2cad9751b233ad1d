"""Every example session in the documents does what it shows."""

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
DOCUMENTS = [
    path for path in [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))] if "```pycon" in path.read_text()
]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_sessions_are_true(path):
    done = subprocess.run([sys.executable, HERE / "run_document.py", path], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_documents_are_found():
    assert {path.name for path in DOCUMENTS} >= {"README.md", "guide.md"}
