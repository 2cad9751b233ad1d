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


NESTED = {
    "test_repr": "a part that is stored in itself is a copy, so that nothing holds itself",
    "test_repr_deep": "deeper than what can be encoded: raises NotShareableError instead of RecursionError",
}


@except_for(EXCEPTIONS | NESTED)
class TestNestedDict(OnAShare, mapping_tests.TestHashMappingProtocol):  # type: ignore[name-defined,misc]
    """A dict inside a list inside a dict."""

    type2test = factory(dict, nested=True)
