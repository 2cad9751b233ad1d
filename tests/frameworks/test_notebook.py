"""A Jupyter kernel, driven as a notebook does."""

from pathlib import Path

import pytest
from servers import SOURCE

nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")
pytest.importorskip("ipykernel")

FORMS = Path(__file__).parents[1] / "process" / "formed_classes.py"

# A class is defined, shared, used by a pool, and defined anew.
CELLS = [
    """
from concurrent.futures import ProcessPoolExecutor
from share import Share
shared = Share()
""",
    """
class Counter:
    def __init__(self):
        self.n = 0
    def add(self, k):
        self.n += k
shared.counter = Counter()
""",
    """
def work(shared):
    for _ in range(100):
        shared.counter.add(1)
import multiprocessing
with ProcessPoolExecutor(2, multiprocessing.get_context("fork")) as pool:
    list(pool.map(work, [shared] * 2))
print(shared.counter.n)
""",
    """
class Counter:                              # the author has changed his mind
    def __init__(self):
        self.n = 0
    def add(self, k):
        self.n += 10 * k
    def double(self):
        self.n *= 2
shared.counter = Counter()
with ProcessPoolExecutor(2, multiprocessing.get_context("fork")) as pool:
    list(pool.map(work, [shared] * 2))
shared.counter.double()
print(shared.counter.n)
""",
    "shared.names = ['<Ada>']; shared.names",
    "%load_ext share.contrib.ipython",
    "[shared.names, [1]]",
    "shared.close()",
]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_a_class_is_defined_and_redefined_in_cells(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", SOURCE)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    notebook = nbformat.v4.new_notebook(cells=cells)
    nbclient.NotebookClient(notebook, timeout=60, kernel_name="python3").execute()

    def output(index):
        return "".join(
            piece.get("text", "") for piece in cells[index].outputs if piece.output_type == "stream"
        )

    assert output(2) == "200\n"
    assert output(3) == "4000\n"
    (shown,) = cells[4].outputs
    assert "shared list, 1 element" in shown["data"]["text/html"]
    assert "&lt;Ada&gt;" in shown["data"]["text/html"]
    (shown,) = cells[6].outputs
    assert shown["data"]["text/plain"] == "[<shared list: ['<Ada>']>, [1]]"
    assert [piece for cell in cells for piece in cell.outputs if piece.output_type == "error"] == []


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_forms_of_classes_in_a_cell_that_is_run_again(tmp_path, monkeypatch):
    """What tests/process/test_forms.py does, in a real kernel."""
    pytest.importorskip("attrs")
    pytest.importorskip("pydantic")
    monkeypatch.setenv("PYTHONPATH", SOURCE)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    source = FORMS.read_text().partition("if __name__ ==")[0]
    drive = "for form in FORMS: compare(shared, form)"
    cells = ["from share import Share; shared = Share()"]
    for release in (1, 2):
        cells += [source.replace("RELEASE = 1", f"RELEASE = {release}"), drive]
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in [*cells, "shared.close()"]]
    )
    nbclient.NotebookClient(
        notebook, timeout=60, kernel_name="python3"
    ).execute()  # raises what a cell raises


def test_the_kernel_is_interrupted_and_restarted(run, tmp_path):
    found = run("kernel.py", tmp_path / "waiting", IPYTHONDIR=str(tmp_path)).splitlines()
    assert found[-1] == "KeyboardInterrupt; (2, 1); 5; [1, 2]"  # the kernel itself says something before
