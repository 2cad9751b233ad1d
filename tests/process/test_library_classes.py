"""Classes as libraries make them work, imported and in a main program; what cannot be loaded says so when assigned."""

import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path

import library_classes
import pytest

from share import NotShareableError, Share


@pytest.mark.parametrize("part", library_classes.PARTS)
def test_imported(part: Callable[[Share], None], shared: Share) -> None:
    part(shared)
    assert not shared.errors


def test_of_a_main_program() -> None:
    """They travel by value, and are rebuilt as they were."""
    program = [sys.executable, library_classes.__file__]
    result = subprocess.run(program, check=False, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == [part.__name__ for part in library_classes.PARTS] and not result.stderr


def test_a_module_that_only_this_process_has(shared: Share, monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("only_here")
    exec("class Thing:\n    def __init__(self):\n        self.n = 0\n", vars(module))
    module.Thing.__module__ = "only_here"
    monkeypatch.setitem(sys.modules, "only_here", module)
    with pytest.raises(NotShareableError, match="cannot load the class.*No module named 'only_here'"):
        shared.thing = module.Thing()
    assert not hasattr(shared, "thing") and not shared.errors
    with pytest.raises(NotShareableError, match="cannot load the class"):
        shared.thing = module.Thing()


def test_a_class_that_refers_to_a_name_of_the_main_program(tmp_path: Path) -> None:
    text = """
class Named:
    def __reduce__(self):
        return "NAMED"

NAMED = Named()
class Uses:
    named = NAMED
    def __init__(self):
        self.n = 0
from share import NotShareableError, Share
with Share() as shared:
    try:
        shared.uses = Uses()
    except NotShareableError as error:
        print(error)
"""
    path = tmp_path / "program.py"
    path.write_text(text)
    result = subprocess.run([sys.executable, str(path)], check=False, capture_output=True, text=True)
    assert "cannot load the class" in result.stdout and "NAMED" in result.stdout, result.stderr
    assert not result.stderr
