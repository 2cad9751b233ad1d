"""docs/tutorial.md: its files and commands, in their order, in one folder, print exactly what the page shows."""

import os
import re
import subprocess
import sys
from pathlib import Path

import share

PAGE = Path(__file__).parents[2] / "docs" / "tutorial.md"
SOURCE = Path(share.__file__).parents[1]
BLOCK = re.compile(
    r"^(?:`(?P<file>[\w.]+)`:\n\n)?```(?P<kind>\w+)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL
)


def test_the_tutorial_is_true(tmp_path):
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(SOURCE),
        "COLUMNS": "80",
    }
    shown = {"python": 0, "console": 0}
    for block in BLOCK.finditer(PAGE.read_text()):
        shown[block["kind"]] += 1
        if block["kind"] == "python":
            (tmp_path / block["file"]).write_text(block["body"])
            continue
        command, _, expected = block["body"].removeprefix("$ ").partition("\n")
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.stdout == expected, f"{command}\n{done.stdout}{done.stderr}"
    assert shown["python"] >= 5 and shown["console"] >= 5
    picture = [sys.executable, "-m", "share", "explain", "hits:Hits", "--svg", "-"]
    done = subprocess.run(picture, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert done.stdout == (PAGE.parent / "figures" / "explain.svg").read_text()
