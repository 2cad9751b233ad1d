"""Random operations on shared structures, through two processes, against the same operations on plain objects."""

import copy
import multiprocessing
from collections import Counter, OrderedDict, defaultdict, deque
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from share import Share, plain

keys = st.sampled_from(["a", "b", "c", 1, 2])
numbers = st.integers(-3, 3)
octets = st.integers(0, 255)
values = st.recursive(
    st.one_of(numbers, st.text(max_size=3), st.none()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(keys, inner, max_size=3),
        st.sets(numbers, max_size=3),
        st.builds(deque, st.lists(numbers, max_size=3)),
    ),
    max_leaves=6,
)


class Box:
    """An object with a container of each kind, long enough for each to have a log."""

    def __init__(self) -> None:
        self.items: list[Any] = list(range(200, 500))
        self.table: dict[Any, Any] = {i: [i] for i in range(200, 400)}
        self.n = 0

    def push(self, value: Any) -> None:
        self.items.append(value)

    def size(self) -> int:
        return len(self.items) + len(self.table)


CALLS: dict[type, list[tuple[str, Any]]] = {
    list: [
        ("append", st.tuples(values)),
        ("extend", st.tuples(st.lists(values, max_size=3))),
        ("insert", st.tuples(numbers, values)),
        ("pop", st.tuples()),
        ("pop", st.tuples(numbers)),
        ("remove", st.tuples(values)),
        ("reverse", st.tuples()),
        ("clear", st.tuples()),
        ("__setitem__", st.tuples(numbers, values)),
        ("__setitem__", st.tuples(st.builds(slice, numbers, numbers), st.lists(values, max_size=2))),
        ("__delitem__", st.tuples(numbers)),
        ("__delitem__", st.tuples(st.builds(slice, numbers, numbers))),
        ("__iadd__", st.tuples(st.lists(values, max_size=2))),
        ("index", st.tuples(values)),
        ("count", st.tuples(values)),
    ],
    dict: [
        ("__setitem__", st.tuples(keys, values)),
        ("__delitem__", st.tuples(keys)),
        ("pop", st.tuples(keys)),
        ("pop", st.tuples(keys, st.none())),
        ("popitem", st.tuples()),
        ("setdefault", st.tuples(keys, values)),
        ("update", st.tuples(st.dictionaries(keys, values, max_size=3))),
        ("clear", st.tuples()),
        ("get", st.tuples(keys)),
        ("__contains__", st.tuples(keys)),
    ],
    set: [
        ("add", st.tuples(numbers)),
        ("discard", st.tuples(numbers)),
        ("remove", st.tuples(numbers)),
        ("update", st.tuples(st.sets(numbers))),
        ("intersection_update", st.tuples(st.sets(numbers))),
        ("symmetric_difference_update", st.tuples(st.sets(numbers))),
        ("clear", st.tuples()),
    ],
    bytearray: [
        ("append", st.tuples(octets)),
        ("extend", st.tuples(st.binary(max_size=3))),
        ("insert", st.tuples(numbers, octets)),
        ("pop", st.tuples()),
        ("remove", st.tuples(octets)),
        ("reverse", st.tuples()),
        ("__setitem__", st.tuples(numbers, octets)),
        ("__setitem__", st.tuples(st.builds(slice, numbers, numbers), st.binary(max_size=2))),
        ("__delitem__", st.tuples(numbers)),
        ("find", st.tuples(octets)),
        ("clear", st.tuples()),
    ],
    deque: [
        ("append", st.tuples(values)),
        ("appendleft", st.tuples(values)),
        ("extendleft", st.tuples(st.lists(values, max_size=3))),
        ("pop", st.tuples()),
        ("popleft", st.tuples()),
        ("rotate", st.tuples(numbers)),
        ("__setitem__", st.tuples(numbers, values)),
        ("clear", st.tuples()),
    ],
}
CALLS[OrderedDict] = [*CALLS[dict], ("move_to_end", st.tuples(keys)), ("popitem", st.tuples(st.booleans()))]
CALLS[Counter] = [
    ("__setitem__", st.tuples(keys, numbers)),
    ("__getitem__", st.tuples(keys)),
    ("update", st.tuples(st.dictionaries(keys, numbers, max_size=3))),
    ("subtract", st.tuples(st.dictionaries(keys, numbers, max_size=3))),
    ("__delitem__", st.tuples(keys)),
    ("clear", st.tuples()),
]
CALLS[defaultdict] = [*CALLS[dict], ("__getitem__", st.tuples(keys))]
STARTS: list[Any] = [
    [],
    bytearray(b"abc" * 50),
    OrderedDict((i, [i]) for i in range(100)),
    Counter("abracadabra"),
    defaultdict(list, {"a": [1]}),
    {},
    set(),
    deque(maxlen=5),
    list(range(100)),
    {i: str(i) for i in range(100)},
    set(range(200)),
    deque(range(200), 250),
]


def outcome(target: Any, name: str, args: tuple[Any, ...]) -> tuple[str, Any]:
    """What a call gives: its result, or the type of what it raised."""
    try:
        return "result", plain_all(getattr(target, name)(*args))
    except (LookupError, TypeError, ValueError) as error:
        return "error", type(error)


def plain_all(value: Any) -> Any:
    """A value with every proxy in it made plain."""
    if isinstance(value, tuple):
        return tuple(map(plain_all, value))
    return plain(value)


def follow(connection: Any, shared: Share) -> None:
    """The other process: does what it is told, and tells what it sees."""
    while (order := connection.recv()) is not None:
        target, name, args = order
        if name is None:
            connection.send(plain_all(target))
        else:
            said = outcome(target, name, args)
            if said == ("result", None):  # it may have been queued: then its error comes here, to its sender
                try:
                    shared.flush()
                except (LookupError, TypeError, ValueError) as error:
                    said = "error", type(error)
            connection.send(said)


class Structures(RuleBasedStateMachine):
    """Pairs of a shared thing and its plain twin; each call goes to both."""

    twins = Bundle("twins")

    def __init__(self) -> None:
        super().__init__()
        self.share = Share()
        self.here, there = multiprocessing.get_context("fork").Pipe()
        self.process = multiprocessing.get_context("fork").Process(target=follow, args=(there, self.share))
        self.process.start()
        self.plain: dict[str, Any] = {}

    def teardown(self) -> None:
        self.here.send(None)
        self.process.join()
        with self.share.waiting():
            pass
        self.share.close()

    @initialize()
    def box(self) -> None:
        self.share.box = Box()
        self.plain["box"] = Box()

    @rule(start=st.sampled_from(STARTS), nested=st.booleans())
    def new_name(self, start: Any, nested: bool) -> None:
        name = f"n{len(self.plain)}"
        value = {"k": [copy.deepcopy(start)]} if nested else copy.deepcopy(start)
        self.share[name] = value
        self.plain[name] = copy.deepcopy(value)

    @rule(data=st.data(), elsewhere=st.booleans())
    def call(self, data: Any, elsewhere: bool) -> None:
        shared, twin = self.pick(data)
        options = CALLS.get(type(twin))
        if not options:
            return
        name, strategy = data.draw(st.sampled_from(options))
        args = data.draw(strategy)
        expected = outcome(twin, name, copy.deepcopy(args))
        if elsewhere:
            self.here.send((shared, name, args))
            found = self.here.recv()
        else:
            found = outcome(shared, name, args)
        if expected[0] == "error" and found == ("result", None) and not elsewhere:
            with pytest.raises(expected[1]):
                self.share.flush()
        elif name != "__iadd__":
            assert found == expected

    @rule(data=st.data())
    def augment(self, data: Any) -> None:
        shared, twin = self.pick(data)
        if not isinstance(twin, (list, dict, deque)):
            return
        where = list(twin if isinstance(twin, dict) else range(len(twin)))
        where = [key for key in where if type(twin[key]) is int]
        if where:
            key = data.draw(st.sampled_from(where[:10]))
            shared[key] += 2
            twin[key] += 2

    @rule(value=values)
    def push(self, value: Any) -> None:
        self.share.box.push(value)
        self.plain["box"].push(copy.deepcopy(value))
        self.share.box.n += 1
        self.plain["box"].n += 1
        assert self.share.box.size() == self.plain["box"].size()

    @rule(data=st.data())
    def spoil_what_is_given(self, data: Any) -> None:
        """Nothing that a caller receives is the share's own."""
        shared, _ = self.pick(data)
        for given in (plain(shared), copy.copy(shared), copy.deepcopy(shared), self.share.snapshot(shared)):
            spoil(given)

    def pick(self, data: Any) -> tuple[Any, Any]:
        """A shared thing, at some depth, and its twin."""
        name = data.draw(st.sampled_from(sorted(self.plain)))
        shared, twin = self.share[name], self.plain[name]
        if name == "box":
            attribute = data.draw(st.sampled_from(["items", "table"]))
            shared, twin = getattr(shared, attribute), getattr(twin, attribute)
        for _ in range(3):
            if isinstance(twin, dict):
                inner = [key for key in twin if isinstance(twin[key], (list, dict, set, deque))]
            elif isinstance(twin, (list, deque)):
                inner = [i for i in range(len(twin)) if isinstance(twin[i], (list, dict, set, deque))]
            else:
                break
            if not inner or data.draw(st.booleans()):
                break
            key = data.draw(st.sampled_from(inner[:10]))
            shared, twin = shared[key], twin[key]
        return shared, twin

    @invariant()
    def both_processes_see_the_plain_state(self) -> None:
        for name, twin in self.plain.items():
            if name == "box":
                assert plain(self.share.box).__dict__ == twin.__dict__
                assert self.share.box.items == twin.items
                assert self.share.box.table == twin.table
            else:
                assert self.share[name] == twin
                assert list(self.share[name]) == list(twin) or isinstance(twin, set)
                self.here.send((self.share[name], None, None))
                assert self.here.recv() == twin


def spoil(value: Any) -> None:
    """Changes everything that can be reached."""
    if isinstance(value, dict):
        for inner in value.values():
            spoil(inner)
        value["spoiled"] = True
    elif isinstance(value, (list, deque)):
        for inner in value:
            spoil(inner)
        value.append("spoiled")
    elif isinstance(value, set):
        value.add("spoiled")
    elif isinstance(value, bytearray):
        value.append(0)


TestStructures = Structures.TestCase
TestStructures.settings = settings(
    max_examples=settings.default.max_examples // 5, stateful_step_count=20, deadline=None
)
