"""CPython's own tests of ``deque``, run on deques of a live share."""

from collections import deque

import pytest

pytest.importorskip("test.test_deque")

from factories import OnAShare, except_for, factory, module_copy

test_deque = module_copy("test.test_deque")
test_deque.deque = factory(deque)
test_deque.BIG = 1100  # each of its steps waits for another process

#: test: why it cannot pass. None is about a result or a final state.
EXCEPTIONS = {
    "test_count": "the element that changes the deque while it is compared is a copy and changes the original only",
    "test_contains_count_stop_crashes": "as test_count",
    "test_contains_count_index_stop_crashes": "as test_count",  # its name in later Pythons
    "test_index": "as test_count",
    "test_remove": "as test_count",
    "test_deepcopy": "changes the list that the deque was made from, of which the share has a copy",
    "test_iterator_pickle": "an iterator loads as one over a list of what is left",
    "test_pickle": "a pickled proxy is a reference: it loads as the same proxy, not as a second deque",
    "test_pickle_recursive": "a pickled proxy is a reference: it loads as the same proxy, not as a second deque",
    "test_reversed_new": "makes an iterator by calling the type of one",
    "test_sizeof": "the size of the proxy is not that of the deque",
}


@except_for(EXCEPTIONS)
class TestDeque(OnAShare, test_deque.TestBasic):  # type: ignore[name-defined,misc]
    """A deque that is a name of the share."""
