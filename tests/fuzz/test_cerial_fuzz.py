"""Generated values come back; damaged bytes are refused without crash, execution or large allocation."""

import collections
import datetime
import decimal
import enum
import pickle
import tracemalloc
import uuid

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from share import cerial
from share.errors import CorruptDataError


def examples(times):
    """So many times as many examples as the profile has."""
    return settings(
        max_examples=times * settings.default.max_examples, suppress_health_check=list(HealthCheck)
    )


class Suit(enum.Enum):
    HEARTS = 1
    SPADES = 2


class Node:
    def __eq__(self, other):
        return type(self) is type(other) and vars(self) == vars(other)

    __hash__ = None


def node(attributes):
    made = Node()
    vars(made).update(attributes)
    return made


zones = st.sampled_from([None, datetime.UTC, datetime.timezone(datetime.timedelta(minutes=-90))])
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False),
    st.complex_numbers(allow_nan=False), st.text(), st.text(st.characters(), min_size=120, max_size=140), st.binary(),
    st.datetimes(timezones=zones), st.dates(), st.times(timezones=zones), st.timedeltas(), st.uuids(),
    st.decimals(allow_nan=False), st.sampled_from(Suit), st.sampled_from([int, Node, len, ...]),
)  # fmt: skip
keys = scalars | st.lists(scalars, max_size=3).map(tuple) | st.frozensets(scalars, max_size=3)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=6), st.lists(inner, max_size=4).map(tuple), st.dictionaries(keys, inner, max_size=4),
        st.sets(keys, max_size=4), st.frozensets(keys, max_size=4), st.binary().map(bytearray),
        st.lists(st.integers(-(2**64), 2**64), max_size=9), st.lists(st.floats(allow_nan=False), max_size=9),
        st.dictionaries(st.text(max_size=5), inner, max_size=4).map(node),
        st.lists(inner, max_size=3).map(collections.deque),
    ),
    max_leaves=25,
)  # fmt: skip


@given(values)
@examples(4)
def test_a_generated_value_comes_back(value):
    before = repr(value)
    data = cerial.dumps(value)
    back = cerial.loads(data)
    assert back == value and type(back) is type(value)
    assert back == pickle.loads(pickle.dumps(value, 5))
    assert repr(value) == before
    assert cerial.dumps(value) == data


@given(st.lists(values, min_size=2, max_size=5))
@examples(1)
def test_values_can_be_written_one_after_the_other(several):
    # What the list's encoding contains is each value's own, self-delimiting: damage at a border shows.
    assert [cerial.loads(cerial.dumps(value)) for value in several] == several
    for value in several:
        data = cerial.dumps(value)
        with pytest.raises(CorruptDataError):
            cerial.loads(data + data)


# ---- sharing and cycles ----------------------------------------------------------------------------------

KINDS = [list, dict, Node, collections.deque, "tuple"]


@st.composite
def graphs(draw):
    """A graph of objects with arbitrary references among them, cycles included."""
    kinds = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=8))
    objects = [() if kind == "tuple" else kind() for kind in kinds]
    numbers = st.integers(0, len(objects) - 1)
    for i, kind in enumerate(kinds):
        if kind == "tuple":  # of what exists already; the mutable ones are filled later, so cycles arise
            objects[i] = tuple(objects[j] for j in draw(st.lists(numbers, max_size=3)) if j < i)
    for kind, made in zip(kinds, objects, strict=True):
        targets = [objects[j] for j in draw(st.lists(numbers, max_size=4))]
        if kind in (list, collections.deque):
            made.extend(targets)
        elif kind is dict:
            made.update((f"k{i}", target) for i, target in enumerate(targets))
        elif kind is Node:
            vars(made).update((f"a{i}", target) for i, target in enumerate(targets))
    return objects[draw(numbers)]


def shape_of(root):
    """Type and references of everything reachable, by order of first visit: equal shapes = the same graph."""
    numbers, queue, shape = {id(root): 0}, [root], []
    for item in queue:
        children = vars(item) if type(item) is Node else item
        named = children.items() if isinstance(children, dict) else enumerate(children)
        row = [type(item).__name__]
        for name, child in named:
            if id(child) not in numbers or child == ():
                numbers[id(child)] = len(queue)
                queue.append(child)
            row.append((name, numbers[id(child)]))
        shape.append(row)
        assume(len(queue) < 200)
    return shape


@given(graphs())
@examples(4)
def test_a_graph_keeps_its_shape(root):
    expected = shape_of(root)
    assert shape_of(cerial.loads(cerial.dumps(root))) == expected
    assert shape_of(root) == expected


@given(graphs(), graphs())
@examples(1)
def test_a_graph_beside_a_graph(one, two):
    both = [one, two, one]
    assert shape_of(cerial.loads(cerial.dumps(both))) == shape_of(both)


LAST_TAG = 34

# ---- damaged bytes ---------------------------------------------------------------------------------------

SAMPLES = [
    cerial.dumps(value)
    for value in (
        [1, -300, 2**40, 2**80, 1.5, 2j, "text", "é" * 100, b"bytes", None, True, (), ((1, 2), [3])],
        {"a": {"b": [1, 2, 3, 4, 5], "c": [1.0, 2.0, 3.0, 4.0]}, "d": {1, 2}, 7: frozenset({3}), "e": bytearray(b"xy")},
        [Suit.HEARTS, Suit.SPADES, node({"x": 1, "y": [2]}), node({"x": node({})}), Node, int],
        [[1]] * 3,
        [datetime.datetime(2024, 1, 2, 3, 4, 5, 6), datetime.date(2024, 1, 2), datetime.time(1, 2)],
        [datetime.timedelta(1), datetime.timedelta(-1, 1, 1)],
        [uuid.UUID(int=5), decimal.Decimal("1.25")],
        collections.deque(range(20)),
        [len, pickle.PickleBuffer(b"x" * 5000), pickle.PickleBuffer(bytearray(5000))],
    )
]  # fmt: skip


class Armed:
    """Unpickling it is what must not happen."""

    went_off = False

    def __reduce__(self):
        return go_off, ()


def go_off():
    Armed.went_off = True
    return "went off"


def decode_or_refuse(data):
    """Decodes; the only exception that may come is CorruptDataError. Memory stays in proportion."""
    tracemalloc.start()
    try:
        cerial.loads(data)
    except CorruptDataError:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 200_000 + 100 * len(data), peak


@given(st.binary(max_size=300))
@examples(8)
@example(b"")
@example(b"\x0f\xff\xff\xff\xff\xff\xff\xff\xff\x7f")
@example(b"\x0f\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f")
@example(b"\x0f\x01" * 200)
@example(b"\x0e\x01" * 200)
def test_random_bytes(data):
    decode_or_refuse(data)


@given(st.integers(1, LAST_TAG), st.binary(max_size=100))
@examples(10)
def test_random_bytes_behind_a_valid_tag(tag, data):
    decode_or_refuse(bytes([tag]) + data)
    decode_or_refuse(bytes([15, 2, tag | 128]) + data)


@given(st.sampled_from(SAMPLES), st.data())
@examples(10)
def test_damaged_bytes(sample, data):
    damaged = bytearray(sample)
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, len(damaged) - 1))
        damaged[position] = data.draw(st.integers(0, 255))
    decode_or_refuse(bytes(damaged))


@pytest.mark.parametrize("sample", SAMPLES, ids=range(len(SAMPLES)))
def test_every_single_damaged_byte_and_every_cut(sample):
    for position in range(min(len(sample), 400)):
        for change in (1, 128, 255):
            damaged = bytearray(sample)
            damaged[position] ^= change
            decode_or_refuse(bytes(damaged))
        with pytest.raises(CorruptDataError):
            cerial.loads(sample[:position])


def test_nothing_is_unpickled_before_the_checksum_was_right():
    sample = cerial.dumps([Armed(), "padding" * 20])
    assert cerial.loads(sample)[0] == "went off" and Armed.went_off
    Armed.went_off = False
    for position in range(len(sample)):
        for change in (1, 16, 128):
            damaged = bytearray(sample)
            damaged[position] ^= change
            with pytest.raises(CorruptDataError):
                cerial.loads(bytes(damaged))
    assert not Armed.went_off


@pytest.mark.parametrize(
    "cls", [int, dict, list, type, object, collections.deque, Suit, Exception, enum.Enum]
)
def test_an_object_of_another_kind_of_class_is_refused(cls):
    # [Node, cls, node] with the node's reference to its class bent to the other one.
    data = bytearray(cerial.dumps([Node, cls, node({"x": 1})]))
    first = 2
    second = len(cerial.dumps([Node]))
    assert data[first] & 127 == 25 and data[second] == 25
    place = data.rindex(b"\x1d" + first.to_bytes(4, "little"))
    data[second] |= 128
    data[place + 1 : place + 5] = second.to_bytes(4, "little")
    with pytest.raises(CorruptDataError):
        cerial.loads(bytes(data))


def test_nested_announcements_do_not_add_up():
    # Each of 100 nested tuples announces nearly as many items as there are bytes left.
    size = 200_000
    head = b""
    for _ in range(100):
        count, digits = size - 1000, b""
        while count >= 128:
            digits += bytes([128 | count & 127])
            count >>= 7
        head += b"\x0e" + digits + bytes([count])
    decode_or_refuse(head + bytes([1]) * size)
