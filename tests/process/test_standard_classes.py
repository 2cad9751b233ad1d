"""What CPython's own tests of its classes have found to go wrong on shared objects."""

import array
import io
import pickle
import random
from collections import Counter, OrderedDict, UserList, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import standard_classes as classes

from share import Share


def test_a_factory_that_is_replaced(shared: Share) -> None:
    shared.lists = defaultdict(list)
    shared.lists.default_factory = None
    assert shared.lists.default_factory is None
    shared.lists.default_factory = int
    assert (shared.lists["a"], shared.lists.default_factory) == (0, int)
    shared.lists.__init__(set, {"b": 1}, c=2)
    assert (shared.lists["d"], shared.lists.default_factory) == (set(), set)
    assert [*shared.lists] == ["a", "b", "c", "d"]
    with pytest.raises(TypeError, match="must be callable or None"), shared.waiting():
        shared.lists.__init__(1)
    shared.fails = classes.Fails()
    with pytest.raises(ValueError, match="undone"):
        shared.transact(classes.Fails.change, shared.fails)
    assert shared.fails.lists.default_factory is list
    assert shared.fails.lists["a"] == []


VALUES: list[Any] = [
    classes.Counts("aab"), classes.Lists(int, a=1), classes.Part(1, 2), classes.Price("1.5"),
    classes.Day(2020, 1, 2), classes.Moment(2020, 1, 2), classes.Shifted("i", [1, 2]),
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_attributes_that_pickle_leaves_out(shared: Share, value: Any) -> None:
    value.tag = "ab"
    shared.value = value
    assert shared.value.tag == "ab" and shared.value == value
    shared.holder = UserList([value])
    assert shared.holder[0].tag == "ab" and shared.holder[0] == value
    if isinstance(value, classes.Shifted):
        assert shared.value[0] == 3


def test_arguments_that_a_method_fills(shared: Share, tmp_path: Path) -> None:
    shared.file = io.BytesIO(b"1234567890")
    for buffer in (array.array("b", bytes(4)), memoryview(bytearray(4)), np.zeros(4, np.uint8)):
        shared.file.seek(0)
        assert shared.file.readinto(buffer) == 4
        assert bytes(buffer) == b"1234"
    shared.random = random.Random(1)
    shared.generator = np.random.default_rng(1)
    for shuffle, numbers in (
        (shared.random.shuffle, list(range(9))),
        (shared.generator.shuffle, np.arange(9)),
    ):
        shuffle(numbers)
        assert sorted(numbers) == list(range(9)) != list(numbers)
    path = tmp_path / "numbers"
    path.write_bytes(bytes(range(9)))
    shared.numbers = array.array("b")
    with path.open("rb") as file:
        for i in range(3):
            shared.numbers.fromfile(file, 3)
            assert file.tell() == 3 * (i + 1)
    assert list(shared.numbers) == list(range(9))
    with path.open("wb") as file:
        file.write(b"first")
        shared.numbers.tofile(file)
        file.write(b"last")
    assert path.read_bytes() == b"first" + bytes(range(9)) + b"last"


def test_memory_files(shared: Share) -> None:
    shared.file = io.BytesIO(b"abc")
    view = shared.file.getbuffer()
    assert view == b"abc" and view.readonly
    shared.file.__init__(b"def")
    assert shared.file.getvalue() == b"def"
    position = shared.file.__getstate__()
    shared.file.write(b"x")
    shared.file.__setstate__(position)
    assert (shared.file.getvalue(), shared.file.tell()) == (b"def", 0)
    shared.file.close()
    assert shared.file.closed
    with pytest.raises(ValueError, match="closed file"):
        shared.file.read()


def test_methods_of_pickle_and_of_construction(shared: Share) -> None:
    shared.rows = classes.Rows([1])
    assert shared.rows.__getstate__() == {"data": [1], "seen": True}
    shared.rows.__init__([5])
    assert shared.rows == [5]
    shared.plain = classes.Options()
    with pytest.raises(AttributeError, match="__setstate__"):
        shared.plain.__setstate__({})


def test_keywords_named_as_positional_parameters(shared: Share) -> None:
    shared.options = classes.Options()
    shared.options.set(1, first=2, second=3)
    assert shared.options.given == {"first": 2, "second": 3}
    shared.counts = Counter()
    shared.ordered = OrderedDict()
    assert shared.ordered.setdefault("a", default=1) == 1 and shared.ordered == {"a": 1}


def test_pickling_an_iterator_does_not_use_it_up(shared: Share) -> None:
    shared.ordered = OrderedDict(a=1, b=2, c=3)
    for make in (
        iter,
        reversed,
        lambda d: iter(d.keys()),
        lambda d: iter(d.items()),
        lambda d: iter(d.values()),
    ):
        iterator: Any = make(shared.ordered)
        next(iterator)
        first, second = pickle.dumps(iterator), pickle.dumps(iterator)
        assert list(pickle.loads(first)) == list(pickle.loads(second)) == list(iterator)


def test_compiled_methods_are_methods(shared: Share) -> None:
    shared.generator = np.random.default_rng(1)
    plain = np.random.default_rng(1)
    assert [shared.generator.integers(100) for _ in range(5)] == [plain.integers(100) for _ in range(5)]
    assert shared.generator.random() == plain.random()


def test_a_container_whose_class_has_a_metaclass(shared: Share) -> None:
    shared.group = classes.Group([1])
    shared.groups = [classes.Group([1])]
    for group in shared.group, shared.groups[0]:
        group.append(2)
        assert (group.cost(), group[1], len(group)) == (3, 2, 2)
        assert isinstance(group, classes.Command)
