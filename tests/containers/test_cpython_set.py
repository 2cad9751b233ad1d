"""CPython's own tests of ``set``, run on sets of a live share."""

import pytest

test_set = pytest.importorskip("test.test_set")

from factories import OnAShare, except_for, factory  # noqa: E402

#: test: why it cannot pass. None is about a result or a final state.
EXCEPTIONS = {
    "test_cyclical_repr": "identity of elements: the test changes an element afterwards, of which the set has a copy",
    "test_free_after_iterating": "the shared object lives until its name is deleted, and its proxy with it",
    "test_pickling": "takes any type but set itself for a subclass and sets an attribute on it",
    "test_subclass_with_custom_hash": "makes a subclass of the type under test, and the factory is no such class",
    "test_weakref": "the share keeps a proxy as long as the process uses the object",
}


@except_for(EXCEPTIONS)
class TestSet(OnAShare, test_set.TestSet):  # type: ignore[name-defined,misc]
    """A set that is a name of the share."""

    thetype = factory(set)


@except_for({name: reason for name, reason in EXCEPTIONS.items() if name != "test_weakref"})
class TestNestedSet(OnAShare, test_set.TestSet):  # type: ignore[name-defined,misc]
    """A set inside a list inside a dict."""

    thetype = factory(set, nested=True)
