"""What notebooks and scikit-learn ask objects for."""

import copy
import pickle
from collections import deque

import pytest

from share import Share


class Plain:
    def __init__(self):
        self.parts = [1, {"<a>": 2}]


class WithRepr:
    def __init__(self):
        self.n = 3

    def __repr__(self):
        return f"WithRepr({self.n})"


class Own:
    def __init__(self):
        self.n = 3

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"text/plain": f"own {self.n}"}

    def __sklearn_clone__(self):
        return copy.deepcopy(self)


@pytest.fixture
def shared():
    with Share() as shared:
        yield shared


def test_objects_say_that_they_are_shared(shared):
    shared.plain, shared.with_repr, shared.own = Plain(), WithRepr(), Own()
    assert shared.plain._repr_mimebundle_() == {"text/plain": repr(shared.plain)}
    assert "shared Plain" in repr(shared.plain)
    assert shared.with_repr._repr_mimebundle_() == {"text/plain": "<shared WithRepr: WithRepr(3)>"}
    assert shared.own._repr_mimebundle_() == {"text/plain": "own 3"}


def test_containers_show_a_table(shared):
    shared.table, shared.queue, shared.many = {"<k>": [1]}, deque([1]), set(range(1000))
    shared.plain = Plain()
    bundle = shared.table._repr_mimebundle_()
    assert bundle["text/plain"] == "<shared dict: {'<k>': [1]}>"
    assert "shared dict, 1 element<" in bundle["text/html"]
    assert "<th>&#x27;&lt;k&gt;&#x27;</th><td>[1]</td>" in bundle["text/html"]
    assert "shared deque" in shared.queue._repr_mimebundle_()["text/html"]
    assert "980 more" in shared.many._repr_mimebundle_()["text/html"]
    assert "shared dict, 1 element" in shared.plain.parts[1]._repr_mimebundle_()["text/html"]


def test_what_cannot_be_read_says_so(shared):
    shared.items = [1]
    items = shared.items
    shared.close()
    assert "cannot be read" in items._repr_mimebundle_()["text/plain"]


def test_a_clone_of_an_estimator_has_the_shared_object_itself(shared):
    shared.plain, shared.items, shared.own = Plain(), [1], Own()
    for proxy in (shared.plain, shared.items, shared.plain.parts[1]):
        assert proxy.__sklearn_clone__() is proxy
    assert shared.own.__sklearn_clone__() is not shared.own


def test_the_class_of_a_value_travels_as_what_it_stands_for(shared):
    """Dask, for one, pickles the types of results."""
    shared.n, shared.text, shared.pair, shared.scale = 1, "a", (1, 2), 1.5
    for value, cls in ((shared.n, int), (shared.text, str), (shared.pair, tuple), (shared.scale, float)):
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            assert pickle.loads(pickle.dumps(type(value), protocol)) is cls
            assert type(pickle.loads(pickle.dumps({"x": value}, protocol))["x"]) is cls
