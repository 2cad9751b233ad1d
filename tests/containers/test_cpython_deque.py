"""CPython's own tests of ``deque``, run on deques of a live share."""

from collections import deque

import pytest

pytest.importorskip("test.test_deque")

from factories import OnAShare, except_for, factory, module_copy  # noqa: E402

test_deque = module_copy("test.test_deque")
test_deque.deque = factory(deque)
test_deque.BIG = 300  # each of its steps waits for another process

EXCEPTIONS: dict[str, str] = {}


@except_for(EXCEPTIONS)
class TestDeque(OnAShare, test_deque.TestBasic):  # type: ignore[name-defined,misc]
    """A deque that is a name of the share."""
