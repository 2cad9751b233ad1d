"""Start methods, a share for a test, a guard against hangs, and a check that no process is left behind."""

import ctypes
import faulthandler
import multiprocessing
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

# Children of every start method, and programs, import the helper modules of this folder by their names.
sys.path.append(str(Path(__file__).parent))

import programs

from share import Share

HANG = 600  # seconds after which a test is taken to hang; no test is expected to come near

# Orphans of programs that are killed become our children, so that they can be seen and waited for.
PR_SET_CHILD_SUBREAPER = 36
ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


@pytest.fixture(autouse=True)
def hang_guard() -> Iterator[None]:
    """Ends the whole run, with every thread's traceback, when a test hangs."""
    faulthandler.dump_traceback_later(HANG, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture(autouse=True)
def no_process_left(hang_guard: None, nothing_left_behind: None) -> Iterator[None]:
    """After each test: no process under this one but multiprocessing's own helpers."""
    before = {process.pid for process in programs.children()}
    yield
    left = programs.wait_for_none(lambda: programs.children_besides(before))
    assert not left, f"processes are left behind: {left}"


@pytest.fixture(params=["fork", "spawn", "forkserver"])
def method(request: pytest.FixtureRequest) -> str:
    """Each start method of multiprocessing."""
    return request.param


@pytest.fixture
def context(method: str) -> Any:
    """The multiprocessing context of each start method."""
    return multiprocessing.get_context(method)


@pytest.fixture
def shared(no_process_left: None) -> Iterator[Share]:
    """A share of this test."""
    with Share() as share:
        yield share
