"""What is listed of classes too large to follow: it leaves its object as it is, and is that of no other class."""

import configparser
import email
import email.policy
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import networkx as nx
import pandas as pd
import pytest
import sortedcontainers

from share.analysis import closer, draft
from share.analysis._members import members_of
from share.analysis.knowledge._rules import _RULES

MAIL = """\
From: a@b.c
Subject: =?utf-8?q?caf=C3=A9?=
Content-Type: multipart/mixed; boundary="x"; charset*=utf-8''a

--x
Content-Type: text/plain; charset="us-ascii"

a
--x
Content-Type: application/octet-stream
Content-Disposition: attachment; filename="b.bin"

b
--x--
"""


def parser(cls: type[configparser.RawConfigParser]) -> configparser.RawConfigParser:
    made = cls({"a": "1"})
    made.read_dict({"b": {"c": "2", "d": "yes"}})
    return made


MAKERS: list[Callable[[], Any]] = [
    lambda: pd.DataFrame({"a": [3, 1, 2], "b": [1.5, None, 3.0]}),
    lambda: pd.Series([3, 1, 2], name="s"),
    lambda: pd.Index([3, 1, 2], name="i"),
    lambda: pd.RangeIndex(3, name="i"),
    lambda: email.message_from_string(MAIL),
    lambda: email.message_from_string(MAIL, policy=email.policy.default),
    lambda: email.message_from_string(MAIL, policy=email.policy.default).get_payload(1),
    lambda: parser(configparser.RawConfigParser),
    lambda: parser(configparser.ConfigParser),
    lambda: sortedcontainers.SortedList(range(5000)),
    lambda: sortedcontainers.SortedKeyList(range(5000), key=abs),
    lambda: sortedcontainers.SortedDict({1: 2, 3: 4}),
    lambda: sortedcontainers.SortedSet(range(5000)),
    *(
        lambda cls=cls: cls([(1, 2), (2, 3)])
        for cls in (nx.Graph, nx.DiGraph, nx.MultiGraph, nx.MultiDiGraph)
    ),
]
ARGUMENTS = [
    (),
    (1,),
    ("a",),
    ([1, 2, 3],),
    ({"a": 2},),
    (lambda x: 0,),
    ("b", "c"),
    ("b", "d"),
    (1, 2),
    ("content-type",),
]


def state_of(thing: Any) -> bytes:
    """All that an object holds, what it keeps and does not pickle included."""
    if type(thing).__module__.startswith("pandas"):
        return pickle.dumps(thing)
    held = {name: value for name, value in vars(thing).items() if not callable(value)}
    return pickle.dumps((held, dict(thing) if isinstance(thing, dict) else None))


def used(found: Any) -> bool:
    """Take the first of what a generator gives; whether there is a result."""
    if isinstance(found, Iterator):
        return next(found, None) is not None
    return found is not None


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("make", MAKERS)
def test_what_the_rule_calls_a_reader_leaves_its_object_as_it_is(make: Callable[[], Any]) -> None:
    thing = make()
    cls = type(thing)
    made = draft(cls)
    tried = set()
    readers = [each for each in [*made.methods.values(), *made.getters.values()] if each.read_only]
    for each in readers:
        for args in ARGUMENTS if each.kind == "method" and not each.name.startswith("to_") else [()]:
            before = state_of(thing)
            try:
                found = getattr(thing, each.name)
                if used(found(*args) if each.kind == "method" else found):
                    tried.add(each.name)
            except Exception:
                continue
            finally:
                assert state_of(thing) == before, (cls, each.name, args)
    assert len(tried) > 0.7 * len(readers)


@pytest.mark.parametrize("name", [name for name in _RULES if not name.startswith("pandas")])
def test_what_is_listed_is_there(name: str) -> None:
    package, _, name = name.partition(":")
    module = (
        email.message
        if package == "email"
        else {"networkx": nx, "configparser": configparser}.get(package, sortedcontainers)
    )
    cls = getattr(module, name)
    made = draft(cls)
    assert _RULES[f"{package}:{name}"].readers <= {*made.methods, *made.getters}
    generators = {each.name for each in made.methods.values() if each.is_generator and each.read_only}
    assert generators == {"__iter__", "walk", "iter_parts", "iter_attachments"} & generators


def test_other_methods_are_looked_at_when_they_are_called() -> None:
    made = draft(sortedcontainers.SortedList)
    assert made.methods["copy"].read_only and not made.methods["copy"].pending
    assert made.methods["add"].pending
    assert closer(sortedcontainers.SortedList, made, made.methods["add"]).writes is None
    found = closer(sortedcontainers.SortedList, made, made.methods["__reduce__"])
    assert not found.pending


def test_a_class_derived_from_a_listed_one_is_another() -> None:
    class Noting(sortedcontainers.SortedList):  # type: ignore[misc]
        def __len__(self) -> int:
            self.asked = True
            return super().__len__()

    assert not draft(Noting).methods["__len__"].read_only
    same = type(
        "SortedList", (sortedcontainers.SortedList,), {"__module__": sortedcontainers.SortedList.__module__}
    )
    assert draft(same).methods["__repr__"].guessed != "said"


def test_pandas_is_known_by_rule() -> None:
    made = draft(pd.DataFrame)
    assert made.methods["sum"].read_only and made.getters["shape"].read_only
    for name in ("insert", "update", "drop", "pipe", "__setitem__"):
        assert made.methods[name].writes is None and not made.methods[name].pending
    assert not made.getters["loc"].read_only  # it holds the frame

    class Mine(pd.DataFrame):
        def sum(self) -> None:
            self["a"] = 0

    assert not draft(Mine).methods["sum"].read_only
    assert {member.name for member in members_of(pd.DataFrame)} >= {"sum", "loc"}
