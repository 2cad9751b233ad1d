"""Every kind of value comes back equal, of the same type, with the same sharing inside."""

import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import ipaddress
import math
import pathlib
import pickle
import re
import sys
import uuid
import zoneinfo

import pytest

from share import cerial
from share.errors import CorruptDataError


def again(value):
    return cerial.loads(cerial.dumps(value))


class Colour(enum.Enum):
    RED = 1
    GREEN = "g"


class Access(enum.Flag):
    READ = 1
    WRITE = 2


class Level(enum.IntEnum):
    LOW = 1


class Point:
    def __init__(self, x, y):
        self.x, self.y = x, y

    def __eq__(self, other):
        return type(self) is type(other) and vars(self) == vars(other)

    __hash__ = None


class Slotted:
    __slots__ = ("a", "b")

    def __eq__(self, other):
        return (self.a, self.b) == (other.a, other.b)


class Both(Slotted):
    """Has slots from its base and a __dict__."""


class Special(Point):
    def __getstate__(self):
        return {"x": self.x}

    def __setstate__(self, state):
        self.__dict__.update(state, y="rebuilt")


class ListOf(list):
    pass


class Number(int):
    pass


@dataclasses.dataclass(frozen=True)
class Frozen:
    a: int
    b: tuple


Pair = collections.namedtuple("Pair", "left right")

DAY = datetime.datetime(2024, 2, 29, 23, 59, 59, 999999)

VALUES = [
    None, True, False, ..., NotImplemented,
    *[sign * (2**bits + step) for bits in (0, 7, 8, 15, 16, 30, 31, 32, 62, 63, 64, 100, 1000)
      for step in (-1, 0, 1) for sign in (1, -1)],
    0.0, -0.0, 1.5, math.inf, -math.inf, sys.float_info.max, 5e-324, 1 + 2j, complex(-0.0, math.inf),
    "", "a", "\0", "é", "日本", "😀", "\ud800", "x" * 127, "x" * 128, "é" * 64, "x" * 100_000,
    b"", b"\0", b"x" * 127, b"x" * 128, b"x" * 100_000, bytearray(), bytearray(b"abc"), bytearray(9999),
    (), (1,), (1, (2, (3,))), [], [1, 2, 3, 4], [1.0, 2.5, -0.0, math.inf], [1, 2, 3, True], [1, 2, 3, None],
    [127, 128, -128, -129], [2**15, -(2**15), 1, 2], [2**31, 1, 2, 3], [2**63 - 1, -(2**63), 0, 1], [2**63, 1, 2, 3],
    [1.0, 2.0, 3.0, 4], {}, {1: 2}, {"a": {"b": {"c": []}}}, {(1, "x"): 1, None: 2, 1.5: 3, Colour.RED: 4},
    {"k" * 200: 1, "é": 2, "": 3}, set(), {1, "a", (1, 2)}, frozenset(), frozenset({1, frozenset({2})}),
    DAY, DAY.replace(fold=1), DAY.replace(tzinfo=datetime.UTC), datetime.datetime.min, datetime.datetime.max,
    DAY.replace(tzinfo=datetime.timezone(datetime.timedelta(hours=5, minutes=30))),
    DAY.replace(tzinfo=datetime.timezone(datetime.timedelta(hours=1), "CET")),
    DAY.date(), datetime.date.min, DAY.time(), DAY.timetz().replace(tzinfo=datetime.UTC), datetime.time(fold=1),
    datetime.timedelta(), datetime.timedelta(-1, 1, 1), datetime.timedelta.max, datetime.timedelta.min,
    datetime.UTC, zoneinfo.ZoneInfo("UTC"),
    uuid.UUID(int=0), uuid.UUID(int=1 << 100), uuid.UUID("a6b8a83e-ed88-11ee-8000-0242ac120002"),
    *map(decimal.Decimal, ("0", "-0", "1.10", "1E+99", "Infinity", "-Infinity", "123456789.123456789")),
    Colour.RED, Colour.GREEN, Access.READ, Access.READ | Access.WRITE, Level.LOW, [Colour.RED, Colour.RED],
    Point(1, "b"), [Point(1, 2), Point([3], {4: 5})], Point(Point(1, 2), None), Frozen(1, (2,)), Pair(1, [2]),
    ListOf([1, 2]), Number(7), collections.OrderedDict(a=1), collections.deque([1], 3), collections.Counter("aab"),
    collections.defaultdict(list, a=[1]), fractions.Fraction(1, 3), pathlib.PurePosixPath("/a"), range(1, 9, 2),
    slice(1, None), re.compile("a+", re.IGNORECASE), ipaddress.ip_address("::1"), ValueError,
    int, Point, Colour, len, math.sqrt, functools.partial(int, base=2).func, type(None), type(len),
]  # fmt: skip


@pytest.mark.parametrize(
    "value", VALUES, ids=[f"{number}-{type(value).__name__}" for number, value in enumerate(VALUES)]
)
def test_a_value_comes_back_equal_and_of_the_same_type(value):
    back = again(value)
    assert type(back) is type(value)
    assert back == value
    if isinstance(value, (float, complex)):
        assert repr(back) == repr(value)
    assert again([value, {"k": value}, (value,)]) == [value, {"k": value}, (value,)]


def test_values_that_are_one_object_stay_one_object():
    for value in (None, True, (), Colour.RED, Access.WRITE, int, Point, len, ..., datetime.UTC):
        assert again(value) is value
        assert again([value])[0] is value


def test_nan_and_negative_zero_keep_their_bits():
    assert math.isnan(again(math.nan))
    assert math.copysign(1, again(-0.0)) == -1
    assert [math.copysign(1, x) for x in again([-0.0, 0.0, -0.0, 0.0])] == [-1, 1, -1, 1]
    assert again(decimal.Decimal("sNaN123")).is_snan()


def test_slots_and_reducers_are_left_to_pickle():
    value = Slotted()
    value.a, value.b = 1, [2]
    assert again(value) == value
    both = Both()
    both.a, both.b, both.c = 1, 2, 3
    assert (again(both).a, again(both).c) == (1, 3)
    assert vars(again(Special(1, 2))) == {"x": 1, "y": "rebuilt"}
    error = again(ValueError("x", 1))
    assert type(error) is ValueError and error.args == ("x", 1)


def test_a_class_is_judged_anew_after_it_changed():
    class Changing:
        pass

    assert cerial.dumps(Changing())
    Changing.__reduce__ = lambda self: (str, ("reduced",))
    assert again(Changing()) == "reduced"


def test_copyreg_is_asked():
    import copyreg

    class Registered:
        pass

    assert type(again(Registered())) is Registered
    copyreg.pickle(Registered, lambda value: (str, ("from copyreg",)))
    try:
        assert again(Registered()) == "from copyreg"
    finally:
        del copyreg.dispatch_table[Registered]


# ---- sharing ---------------------------------------------------------------------------------------------


def shape_of(value):
    """The value with every object replaced by the order of its first visit, so that sharing shows."""
    numbers = {}

    def walk(item):
        if not isinstance(item, (list, tuple, dict, set, bytearray, Point)):
            return item
        if id(item) in numbers:
            return ("seen", numbers[id(item)])
        if item != ():
            numbers[id(item)] = len(numbers)
        if isinstance(item, dict):
            return {key: walk(x) for key, x in item.items()}
        if isinstance(item, Point):
            return ("Point", walk(vars(item)))
        return [type(item).__name__, *map(walk, item)]

    return walk(value)


def shared_values():
    inner = [1]
    yield [inner, inner]
    yield (inner, inner)
    yield {"a": inner, "b": [inner, {"c": inner}]}
    pair = ([],)
    yield [pair, pair]
    yield [pair, pair, pair[0]]
    yield [bytearray(b"x")] * 3
    yield [{}] * 3
    point = Point(1, inner)
    yield [point, point, inner, Point(point, inner)]
    yield [[[], []], [[], []]]
    numbers = [1, 2, 3, 4, 5]
    yield [numbers, numbers, [numbers]]
    empty = []
    yield [empty, (empty,), {"k": empty}]
    yield [(1, 2), (1, 2)]
    yield [{1, 2}] * 2
    many = [[i] for i in range(5000)]
    yield [many, many[::-1]]


@pytest.mark.parametrize("value", list(shared_values()))
def test_what_is_shared_inside_a_value_stays_shared(value):
    assert shape_of(again(value)) == shape_of(value)
    assert shape_of(again(value)) == shape_of(pickle.loads(pickle.dumps(value)))


def test_an_owner_and_one_more_are_told_from_one_owner():
    # Two references in all, none of them a local variable: the smallest case of sharing.
    value = [[], None]
    value[1] = value[0]
    back = again(value)
    assert back[0] is back[1]
    assert again([[], []])[0] is not again([[], []])[1]


def test_cycles():
    loop = []
    loop.append(loop)
    back = again(loop)
    assert back[0] is back
    table = {}
    table["self"] = [table]
    back = again(table)
    assert back["self"][0] is back
    point = Point(None, None)
    point.x = point
    back = again(point)
    assert back.x is back
    through_tuple = ([],)
    through_tuple[0].append(through_tuple)
    back = again(through_tuple)
    assert type(back) is tuple and back[0][0] is back
    back = again([through_tuple])[0]
    assert back[0][0] is back
    a, b = Point(1, None), Point(2, None)
    a.y, b.y = b, a
    back = again([a, b])
    assert back[0].y is back[1] and back[1].y is back[0]


def test_a_long_text_is_written_once():
    text = "x" * 1000
    data = cerial.dumps([text] * 1000)
    assert len(data) < 10_000
    back = cerial.loads(data)
    assert back == [text] * 1000 and back[0] is back[999]


def test_deep_values():
    value = []
    for _ in range(400):
        value = [value, (1,)]
    assert repr(again(value)) == repr(value)
    chain = None
    for i in range(300):
        chain = Point(i, chain)
    back, count = again(chain), 0
    while back is not None:
        back, count = back.y, count + 1
    assert count == 300


# ---- copies ----------------------------------------------------------------------------------------------


def test_a_copy_shares_nothing_mutable():
    value = {"a": [1, 2], "b": bytearray(b"x" * 5000)}
    data = bytearray(cerial.dumps(value))
    back = cerial.loads(data)
    data[:] = bytes(len(data))
    assert back == value
    copy = cerial.plain_copy(value)
    copy["a"].append(3)
    assert value["a"] == [1, 2]
    text = (1, "a")
    assert cerial.plain_copy(text) is text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, True), ("a", True), (None, True), (1.5, True), (b"", True), (1j, True), (Colour.RED, True), ((), True),
        ((1, ("a", None)), True), (frozenset({1, (2,)}), True), (DAY, True), (uuid.UUID(int=1), True),
        (decimal.Decimal(1), True), ([], False), ({}, False), (set(), False), (bytearray(), False), ((1, []), False),
        (Point(1, 2), False), (Number(1), False), (Pair(1, 2), False), (object(), False),
    ],
)  # fmt: skip
def test_what_is_known_to_be_immutable(value, expected):
    assert cerial.is_immutable(value) is expected


def test_a_deep_tuple_is_not_examined_to_the_end():
    value = ()
    for _ in range(100_000):
        value = (value,)
    assert cerial.is_immutable(value) is False
    while value:  # taken apart piece by piece: freeing it at once would nest as deeply
        (value,) = value


def test_any_buffer_can_be_decoded():
    data = cerial.dumps([1, "a"])
    for buffer in (data, bytearray(data), memoryview(data), memoryview(bytearray(data))):
        assert cerial.loads(buffer) == [1, "a"]
    with pytest.raises(CorruptDataError, match="left over"):
        cerial.loads(data + b"\0")
    with pytest.raises(CorruptDataError):
        cerial.loads(b"")
    with pytest.raises(TypeError):
        cerial.loads("text")


def test_values_are_smaller_or_hardly_larger_than_pickled():
    for value in VALUES:
        if isinstance(value, (type, Point, list)):
            continue
        assert len(cerial.dumps(value)) <= len(pickle.dumps(value, 5)) + 24
