"""CPython's own tests of ``list``, run on lists of a live share."""

import unittest

import pytest

list_tests = pytest.importorskip("test.list_tests")

from factories import OnAShare, except_for, factory  # noqa: E402

EXCEPTIONS: dict[str, str] = {}


@except_for(EXCEPTIONS)
class TestList(OnAShare, list_tests.CommonTest):  # type: ignore[name-defined,misc]
    """A list that is a name of the share."""

    type2test = factory(list)


@except_for(EXCEPTIONS)
class TestNestedList(OnAShare, list_tests.CommonTest):  # type: ignore[name-defined,misc]
    """A list inside a list inside a dict."""

    type2test = factory(list, nested=True)
