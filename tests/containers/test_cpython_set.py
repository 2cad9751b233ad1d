"""CPython's own tests of ``set``, run on sets of a live share."""

import pytest

test_set = pytest.importorskip("test.test_set")

from factories import OnAShare, except_for, factory  # noqa: E402

EXCEPTIONS: dict[str, str] = {}


@except_for(EXCEPTIONS)
class TestSet(OnAShare, test_set.TestSet):  # type: ignore[name-defined,misc]
    """A set that is a name of the share."""

    thetype = factory(set)


@except_for(EXCEPTIONS)
class TestNestedSet(OnAShare, test_set.TestSet):  # type: ignore[name-defined,misc]
    """A set inside a list inside a dict."""

    thetype = factory(set, nested=True)
