"""CPython's own tests of ``list``, run on lists of a live share."""

import pytest

list_tests = pytest.importorskip("test.list_tests")

from factories import OnAShare, except_for, factory  # noqa: E402

#: test: why it cannot pass. None is about a result or a final state.
EXCEPTIONS = {
    "test_copy": "identity of elements: a number that is read is a new object each time",
    "test_free_after_iterating": "the shared object lives until its name is deleted, and its proxy with it",
    "test_pickle": "a pickled proxy is a reference: it loads as the same proxy, not as a second list",
    "test_sort": "functools.cmp_to_key gives objects that cannot be pickled; keys that are functions work",
}


@except_for(EXCEPTIONS)
class TestList(OnAShare, list_tests.CommonTest):  # type: ignore[name-defined,misc]
    """A list that is a name of the share."""

    type2test = factory(list)


@except_for(EXCEPTIONS)
class TestNestedList(OnAShare, list_tests.CommonTest):  # type: ignore[name-defined,misc]
    """A list inside a list inside a dict."""

    type2test = factory(list, nested=True)
