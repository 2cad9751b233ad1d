"""``shared.n += 1`` and its like lose nothing, whoever runs them at the same time."""

import copy
import dataclasses
import datetime
import enum
import json
import pickle
import re
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from nested_classes import TIMES, Stats, add_everywhere, mixed_operators

from share import Share

WORKERS = 4


@pytest.fixture
def method() -> str:
    """How the others were started makes no difference to what they write."""
    return "fork"


def run(context: Any, target: Any, shared: Share) -> None:
    workers = [context.Process(target=target, args=(shared,)) for _ in range(WORKERS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * WORKERS


def test_every_place_counts_exactly(context: Any, shared: Share) -> None:
    shared.n, shared.d, shared.l, shared.nested = 0, {"k": 0}, [0], {"a": {"b": 0}}
    shared.stats = Stats()
    run(context, add_everywhere, shared)
    found = (shared.n, shared.stats.n, shared.d["k"], shared.l[0], shared.nested["a"]["b"])
    assert found == (WORKERS * TIMES,) * 5


def test_other_types_and_operators(context: Any, shared: Share) -> None:
    shared.f, shared.text, shared.bits, shared.t = 0.0, "", 0, ()
    shared.stats = Stats()
    run(context, mixed_operators, shared)
    many = WORKERS * (TIMES // 10)
    assert (shared.f, shared.text, shared.bits, shared.t) == (-0.5 * many, "x" * many, many % 2, (1,) * many)
    assert shared.stats.text == "ab" * many


VALUES = [5, -7, 10**40, 2.5, 1 + 2j, "text", b"bytes", (1, "a"), frozenset({1, 2})]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_read_value_behaves_as_the_built_in(shared: Share, value: Any) -> None:
    shared.v, shared.s, shared.d = value, Stats(), {"k": value}
    shared.s.n = value
    for found in (shared.v, shared.s.n, shared.d["k"]):
        assert found == value
        assert value == found
        assert hash(found) == hash(value)
        assert isinstance(found, type(value))
        assert found.__class__ is type(value)
        assert (repr(found), str(found), f"{found}") == (repr(value), str(value), f"{value}")
        for made in (pickle.loads(pickle.dumps(found)), copy.copy(found), copy.deepcopy(found)):
            assert type(made) is type(value)
            assert made == value
        assert {found: 1}[value] == 1
        if not isinstance(value, (complex, bytes, frozenset)):
            assert json.dumps(found) == json.dumps(value)
        if isinstance(value, (str, bytes, tuple)):
            assert type(found + value) is type(value)
        elif not isinstance(value, frozenset):
            assert type(found + 1) is type(value)


def test_what_was_read_before_stays(shared: Share) -> None:
    shared.n = 1
    old = shared.n
    shared.n += 1
    assert (old, shared.n) == (1, 2)


def test_only_the_statement_itself_is_an_operation(shared: Share) -> None:
    shared.n = shared.m = 10
    x = shared.n
    x += 1
    assert type(x) is int
    shared.n = 100
    shared.n = x
    assert shared.n == 11
    shared.m = x
    shared.m = x
    assert shared.m == 11
    y = shared.n
    y += 5
    shared.m = 0
    shared.m += y
    assert shared.m == 16


def test_an_operation_counts_on_the_place_it_was_read_from(shared: Share) -> None:
    shared.a, shared.b = Stats(), Stats()
    shared.a.n, shared.b.n = 1, 100
    shared.b.n = shared.a.n + 1
    assert (shared.a.n, shared.b.n) == (1, 2)
    shared.a.n += shared.b.n
    assert (shared.a.n, shared.b.n) == (3, 2)


def test_long_names_and_computed_operands(shared: Share) -> None:
    shared.d = {f"key {i}": 0 for i in range(3)}
    for i in range(3):
        for _ in range(2):
            shared.d[f"key {i}"] += len([j for j in range(i + 1)])
    assert shared.d == {"key 0": 2, "key 1": 4, "key 2": 6}
    shared["n"] = 1
    shared["n"] += 1
    shared["n"] **= 3
    shared["n"] //= 3
    shared["n"] <<= 4
    shared["n"] %= 7
    assert shared.n == 32 % 7


def test_a_changed_type_is_plain_python(shared: Share) -> None:
    shared.n = 3
    shared.n /= 2
    assert shared.n == 1.5
    shared.n = 1
    with pytest.raises(TypeError):
        shared.n += "x"
    assert shared.n == 1


def test_values_that_were_read_can_be_stored_and_sent(shared: Share) -> None:
    shared.t, shared.s, shared.l = (1, 2), "text", []
    shared.l.append(shared.t)
    shared.l.append({shared.s: shared.t})
    shared.other = (shared.t, shared.s)
    assert shared.l == [(1, 2), {"text": (1, 2)}]
    assert shared.other == ((1, 2), "text")


def test_bool_is_plain(shared: Share) -> None:
    shared.flag = True
    assert shared.flag is True
    shared.flag &= False
    assert shared.flag is False
    shared.nothing = None
    assert shared.nothing is None


class Colour(enum.Enum):
    """A member is a value."""

    RED = 1


@dataclasses.dataclass(frozen=True)
class Point:
    """Frozen, of values: a value."""

    x: int
    y: str


class Pair(NamedTuple):
    """A named tuple of values: a value."""

    a: int
    b: str


STANDARD = [
    Colour.RED, Point(1, "y"), Pair(1, "b"), datetime.datetime(2020, 1, 2), datetime.timedelta(3), Decimal("1.50"),
    Fraction(1, 3), UUID(int=5), Path("/a/b"), re.compile("a+"), len, Point, range(3), True, None, ...,
]  # fmt: skip


@pytest.mark.parametrize("value", STANDARD, ids=repr)
def test_immutable_things_come_back_as_themselves(shared: Share, value: Any) -> None:
    shared.v, shared.s, shared.l = value, Stats(), [value]
    shared.s.n = value
    for found in (shared.v, shared.s.n, shared.l[0]):
        assert found == value
        assert type(found) is type(value)
    if isinstance(value, (type, enum.Enum, bool)) or value is None:
        assert shared.v is value
