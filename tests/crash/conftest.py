import faulthandler
import os
import sys
from collections.abc import Iterator

import pytest

sys.path.insert(0, os.path.dirname(__file__))  # arena, matrix, points and victims are modules of this suite

HANG = 3600  # seconds; the kill matrix takes some minutes


@pytest.fixture(autouse=True)
def hang_guard() -> Iterator[None]:
    """Ends the whole run, with every thread's traceback, when a test hangs."""
    faulthandler.dump_traceback_later(HANG, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()
