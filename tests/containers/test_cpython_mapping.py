"""CPython's own tests of mappings, run on dicts of a live share."""

import pytest

mapping_tests = pytest.importorskip("test.mapping_tests")

from factories import OnAShare, except_for, factory  # noqa: E402

#: test: why it cannot pass. None is about a result or a final state.
EXCEPTIONS = {
    "test_fromkeys": "makes subclasses of the type under test; the factory is no class that can be subclassed",
}


@except_for(EXCEPTIONS)
class TestDict(OnAShare, mapping_tests.TestHashMappingProtocol):  # type: ignore[name-defined,misc]
    """A dict that is a name of the share."""

    type2test = factory(dict)


@except_for(EXCEPTIONS)
class TestNestedDict(OnAShare, mapping_tests.TestHashMappingProtocol):  # type: ignore[name-defined,misc]
    """A dict inside a list inside a dict."""

    type2test = factory(dict, nested=True)
