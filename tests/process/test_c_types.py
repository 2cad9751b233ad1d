"""Objects made in C: their attributes are read as they are now, and written by commands; nothing changes only here."""

import collections
import io
from typing import Any
from xml.etree import ElementTree

import pytest

from share import Share, plain


@pytest.fixture
def method() -> str:
    """How the other process was started makes no difference here; one that has inherited nothing proves most."""
    return "spawn"


def look(share: Share, results: Any) -> None:
    results.put((ElementTree.tostring(plain(share.x)), share.x.text, dict(share.x.attrib), share.x.get("z")))


def test_attributes_of_an_element_are_those_of_the_shared_object(shared: Share, context: Any) -> None:
    shared.x = ElementTree.fromstring("<r a='1'>t<child/></r>")
    assert (shared.x.tag, shared.x.text, shared.x.attrib) == ("r", "t", {"a": "1"})
    shared.x.attrib["z"] = "1"
    shared.x.attrib.update(y="2")
    shared.x.text = "new"
    expected = b'<r a="1" z="1" y="2">new<child /></r>'
    assert ElementTree.tostring(plain(shared.x)) == expected
    assert shared.x.get("z") == "1" and shared.x.attrib["y"] == "2" and shared.x.text == "new"
    results = context.SimpleQueue()
    child = context.Process(target=look, args=(shared, results))
    child.start()
    child.join()
    assert child.exitcode == 0
    assert results.get() == (expected, "new", {"a": "1", "z": "1", "y": "2"}, "1")
    assert shared.errors == []


def test_what_c_code_refuses_is_raised_at_once(shared: Share) -> None:
    shared.x = ElementTree.Element("r")
    with pytest.raises(TypeError):
        shared.x.attrib = 5
    with pytest.raises(AttributeError):
        shared.x.nothing = 5
    with pytest.raises(AttributeError):
        shared.x.nothing
    shared.d = collections.deque([1], 3)
    assert shared.d.maxlen == 3
    with pytest.raises(AttributeError):
        shared.d.maxlen = 4
    assert shared.errors == [] and shared.x.attrib == {}


def test_an_element_inside_a_list(shared: Share) -> None:
    shared.rows = [ElementTree.Element("r", a="1")]
    shared.rows[0].attrib["z"] = "2"
    assert shared.rows[0].attrib == {"a": "1", "z": "2"}
    assert plain(shared.rows)[0].get("z") == "2"


def test_an_iterator_and_a_buffer(shared: Share) -> None:
    shared.f = io.BytesIO(b"abc")
    assert shared.f.read(1) == b"a" and shared.f.tell() == 1
    assert shared.f.closed is False
    assert shared.f.getvalue() == b"abc"
