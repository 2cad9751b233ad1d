"""Forms of classes, three ways: imported, of a main program, and of a cell that is run again with other code."""

import os
import subprocess
import sys
from pathlib import Path

import formed_classes
from programs import LIMIT, SOURCE

from share import Share

# As IPython runs cells: in the main program, each with a name under which linecache finds its source.
CELLS = """
import linecache, sys
from share import Share
source = open(sys.argv[1]).read().partition("if __name__ ==")[0]
with Share() as shared:
    for release in (1, 2):
        cell, name = source.replace("RELEASE = 1", f"RELEASE = {release}"), f"<cell {release}>"
        linecache.cache[name] = len(cell), None, cell.splitlines(True), name
        exec(compile(cell, name, "exec"), globals())
        for form in FORMS:
            compare(shared, form)
print("well")
"""


def test_imported(shared: Share) -> None:
    for form in formed_classes.FORMS:
        formed_classes.compare(shared, form)


def ended(*arguments: str | Path) -> str:
    found = subprocess.run(
        [sys.executable, *arguments],
        capture_output=True, text=True, timeout=LIMIT, env={**os.environ, "PYTHONPATH": SOURCE},
    )  # fmt: skip
    return found.stdout + found.stderr


def test_of_a_main_program() -> None:
    assert ended(formed_classes.__file__) == "well\n"


def test_of_a_cell_that_is_run_again() -> None:
    assert ended("-c", CELLS, formed_classes.__file__) == "well\n"
