"""What is stored becomes part of the state as itself, and every change to it is seen."""

import collections
import copy
import dataclasses
import gc
import heapq
import json
import pickle
import random
import weakref
from collections import Counter, OrderedDict, defaultdict, deque
from typing import Any, ClassVar

import pytest
from recorded_programs import compare

from share import NotShareableError, ShareError
from share.state import Replica, State


class Node:
    def __init__(self, value: Any = None, following: Any = None) -> None:
        self.value = value
        self.next = following


class Slots:
    __slots__ = ("a", "b")


@dataclasses.dataclass(frozen=True)
class Frozen:
    x: int
    items: Any = None


@dataclasses.dataclass(frozen=True, eq=False)
class ById:
    x: int


@dataclasses.dataclass
class Keyed:
    """Its hash needs its attributes."""

    a: int
    b: Any

    def __hash__(self) -> int:
        return hash((self.a, self.b))


def test_an_object_is_stored_as_itself(shared: Any) -> None:
    items = [1]
    shared.names["items"] = items
    append = items.append  # bound before the command ends: recording begins only then
    append(2)
    shared.end()
    items.append(3)
    shared.names["again"] = items
    shared.end()
    assert shared.names["items"] is items
    assert shared.copy["items"] == [1, 2, 3] and shared.copy["again"] is shared.copy["items"]


def test_a_node_looks_like_the_plain_object(shared: Any) -> None:
    shared.names["x"] = x = [
        [1],
        {"a": {2}},
        deque([3]),
        OrderedDict(a=1),
        Counter("aa"),
        bytearray(b"x"),
        defaultdict(list),
    ]
    text = repr(x)
    shared.end()
    assert repr(x) == text
    for part in (x, *x):
        assert part.__class__ is type(shared.replica.node(shared.state.id_of(part)))
        assert copy.copy(part) == part and type(copy.copy(part)) is part.__class__
        assert copy.deepcopy(part) == part and type(copy.deepcopy(part)) is part.__class__
        assert pickle.loads(pickle.dumps(part)) == part
        assert type(pickle.loads(pickle.dumps(part))) is part.__class__
        assert type(type(part)()) is part.__class__
    assert json.dumps([x[0], {"a": 1}]) == '[[1], {"a": 1}]'


def test_operations_from_c_and_from_the_library(shared: Any) -> None:
    shared.names.update(l=list(range(10)), d={}, s={1}, c=Counter(), h=[])
    shared.end()
    n = shared.names
    random.Random(1).shuffle(n["l"])
    n["l"] *= 2
    n["l"][:] = n["l"]
    list(map(n["l"].append, "ab"))
    n["c"].update("hello")
    n["c"].subtract("l")
    n["c"] += Counter("xyz")
    n["d"].update(a=1)
    n["d"] |= {"b": 2}
    n["s"] ^= {1, 2}
    exec("d['from exec'] = 1", {"d": n["d"]})
    collections.ChainMap(n["d"])["chained"] = 1
    setattr(n["d"].setdefault("node", Node()), "value", 3)
    shared.end()
    n["d"]["node"].value += 1
    shared.end()
    compare([shared.pair()][:0])
    assert shared.copy["l"] == n["l"] and shared.copy["c"] == n["c"] and shared.copy["s"] == n["s"] == {2}
    assert list(shared.copy["d"]) == list(n["d"]) and shared.copy["d"]["node"].value == 4


def test_a_generator_reads_what_has_been_written(shared: Any) -> None:
    shared.names["p"] = primes = [2]
    shared.end()
    primes.extend(n for n in range(3, 60) if all(n % q for q in primes))
    shared.end()
    assert shared.copy["p"] == primes == [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59]


def test_user_code_in_the_middle_of_an_operation(shared: Any) -> None:
    log: list[int] = []

    class Key:
        def __hash__(self) -> int:
            return 1

        def __eq__(self, other: object) -> bool:
            log.append(1)
            return self is other

    first, second = Key(), Key()
    shared.names["d"] = d = {first: 1}
    shared.names["log"] = log
    shared.end()
    d[second] = [2]
    d[second] = [3]
    del d[first]
    before = list(log)
    shared.end()
    assert shared.copy["log"][: len(before)] == before and list(shared.copy["d"].values()) == [[3]]


def test_sort_that_fails_leaves_an_order(shared: Any) -> None:
    shared.names["l"] = items = [5, 4, 3, "a", 2, 1]
    shared.end()
    with pytest.raises(TypeError):
        items.sort()
    shared.end()
    assert shared.copy["l"] == items
    shared.names["m"] = changed = [3, 1, 2]
    shared.end()
    with pytest.raises(ValueError, match="modified"):
        changed.sort(key=lambda x: (changed.append(x), x)[1])
    shared.end()
    assert shared.copy["m"] == changed == [1, 2, 3]


def test_a_finalizer_that_changes_the_state(shared: Any) -> None:
    class Dying:
        def __init__(self, log: list[str]) -> None:
            self.log = log

        def __del__(self) -> None:
            self.log.append("died")

    shared.names["log"] = log = []
    shared.end()
    shared.names["x"] = Dying(log)
    shared.end()
    shared.names["x"] = None
    shared.end()
    assert log == ["died"] == shared.copy["log"]
    log.clear()
    shared.names["y"] = [Dying(log)]
    shared.end()
    shared.replica = Replica()  # what a replica holds is freed without it
    gc.collect()
    assert log == []
    del Dying.__del__


def test_depth_is_unlimited(shared: Any) -> None:
    head = None
    for i in range(100_000):
        head = Node(i, head)
    shared.names["head"] = head
    nested: Any = []
    for _ in range(100_000):
        nested = [nested]
    shared.names["nested"] = nested
    deep: Any = ()
    for _ in range(100_000):
        deep = (deep,)
    shared.names["deep"] = deep
    shared.end()
    assert len(shared.state) == 200_002
    late = Replica()
    late.load({cell: shared.state.base(cell) for cell in shared.state.cells})
    for replica in (shared.replica, late):
        node, count = replica.node(1)["head"], 0
        while node is not None:
            node, count = node.next, count + 1
        assert count == 100_000
    del node, head, nested, deep, late
    shared.names.clear()
    shared.end()
    gc.collect()
    shared.end()
    assert len(shared.state) == 1 and len(shared.replica) == 1


def test_keys_are_whole_before_they_are_hashed(shared: Any) -> None:
    key = Keyed(1, "x")
    shared.names["d"] = {Keyed(2, (3, 4)): "old", (5, key): 1}
    shared.end()
    shared.names["d"][Keyed(6, 7)] = "new"
    shared.names["s"] = {key}
    shared.end()
    late = Replica()
    late.load({cell: shared.state.base(cell) for cell in shared.state.cells})
    for copied in (shared.copy, late.node(1)):
        assert copied["d"][Keyed(2, (3, 4))] == "old" and copied["d"][Keyed(6, 7)] == "new"
        assert key in copied["s"] and copied["d"][5, key] == 1


def test_values_and_nodes(shared: Any) -> None:
    frozen, by_id = Frozen(1), ById(1)
    shared.names["all"] = x = [
        frozen,
        by_id,
        by_id,
        Frozen(2, [1]),
        Slots(),
        10**30,
        1.5j,
        range(3),
        Node,
        len,
        ...,
    ]
    x[4].a = x
    shared.end()
    assert not shared.state.id_of(frozen) and shared.state.id_of(by_id) and shared.state.id_of(x[3])
    copied = shared.copy["all"]
    assert copied[0] == frozen and copied[1] is copied[2] and copied[1].x == 1
    assert copied[3].items == [1] and copied[4].a is copied and copied[5:] == x[5:]
    x[3].items.append(2)
    object.__setattr__(x[3], "x", 5)  # past its own __setattr__, so it is compared
    shared.end()
    assert copied[3].items == [1, 2] and copied[3].x == 5


def test_what_cannot_be_published_raises_and_is_undone(shared: Any) -> None:
    shared.names["l"] = items = [1]
    shared.end()
    items.append(2)
    items.append(n for n in items)
    with pytest.raises(NotShareableError, match=r"generator.*test_recording.py"):
        shared.end()
    assert items == [1]
    items.append(3)
    shared.end()
    assert shared.copy["l"] == [1, 3]


def test_what_is_gone_at_the_end_may_have_been_anything(shared: Any) -> None:
    shared.names["l"] = items = [1]
    shared.end()
    items.append(n for n in items)
    items.append([items[1]])
    del items[1:]
    shared.end()
    items.append(iter_of_items := (n for n in items))
    items.remove(iter_of_items)  # and still held
    shared.end()
    assert shared.copy["l"] == [1]
    items.append(iter_of_items)
    with pytest.raises(NotShareableError):
        shared.end()


def test_opaque_objects_refer_to_nodes(shared: Any) -> None:
    import functools

    shared.names["l"] = items = [1]
    shared.names["add"] = functools.partial(operator_of, items)
    shared.names["bound"] = items.append
    shared.end()
    assert shared.copy["add"].args[0] is shared.copy["l"]
    assert shared.copy["bound"].__self__ is shared.copy["l"]
    reference = weakref.ref(shared.names["add"])
    del shared.names["add"]
    shared.end()
    assert reference() is None and len(shared.state) == 3


def operator_of(*args: Any) -> None:
    """Something to be called."""


def test_attributes_of_top_level_objects_have_cells_of_their_own(shared: Any) -> None:
    shared.names["n"] = node = Node([1], {"a": 1})
    shared.end()
    cells = shared.state.cells_of(node)
    assert set(cells) == {"value", "next"} and shared.state.home_of(node.value) == cells["value"]
    node.value.append(2)
    shared.end()
    assert set(shared.changes) == {cells["value"]}
    node.next["moved"] = node.value
    shared.end()
    assert set(shared.changes) == {cells["next"]} and shared.state.home_of(node.value) == cells["value"]
    node.late = 1
    del node.value
    shared.end()
    assert not hasattr(shared.copy["n"], "value") and shared.copy["n"].late == 1
    assert shared.copy["n"].next["moved"] == [1, 2]
    assert shared.replica.cells_of(shared.state.id_of(node)) == shared.state.cells_of(node)


def test_dict_and_class_of_an_instance_are_replaced(shared: Any) -> None:
    class Other(Node):
        pass

    shared.names["l"] = [Node(1)]
    shared.end()
    node = shared.names["l"][0]
    node.__dict__ = {"value": 2, "z": 3}
    shared.end()
    assert vars(shared.copy["l"][0]) == {"value": 2, "z": 3}
    node.__class__ = Other
    node.value = 7
    shared.end()
    assert type(shared.copy["l"][0]) is Other and shared.copy["l"][0].value == 7
    node.__class__ = Node
    shared.state.undo()
    assert type(node) is Other


def test_ids_are_never_used_twice(shared: Any) -> None:
    shared.names["l"] = items = []
    seen = set()
    for i in range(200):
        items.append([i])
        shared.end()
        number = shared.state.id_of(items[0])
        assert number not in seen and shared.state.node(number) is items[0]
        seen.add(number)
        items.clear()
        shared.end()
        with pytest.raises(KeyError):
            shared.state.node(number)
    for i in range(200):
        shared.names["x"] = Node(i)
        shared.end()
    assert len(shared.state.cells) < 12  # cells are


def test_nothing_is_left_after_close() -> None:
    state = State()
    state.names["l"] = items = [1, {"a": {2}}, Node([3])]
    state.end()
    state.close()
    assert type(items) is list and type(items[1]) is dict and type(items[2].value) is list
    items.append(1)
    items[2].value = 5
    with pytest.raises(ValueError, match="closed"):
        state.end()


def test_there_is_one_state_in_a_process(shared: Any) -> None:
    with pytest.raises(RuntimeError, match="one state"):
        State()


def test_heapq_on_a_node_through_python(shared: Any) -> None:
    shared.names["h"] = heap = [3, 1, 2]
    shared.end()
    heap.sort()
    assert heapq.nsmallest(2, heap) == [1, 2]
    shared.end()
    assert shared.copy["h"] == [1, 2, 3]


def test_what_went_past_recording_is_found(shared: Any) -> None:
    names = shared.names
    names.update(
        l=[[1], 2], d={1: (2, [3])}, s={1, (2, 3)}, o=OrderedDict(a=1, b=2), q=deque([1]), b=bytearray(b"abc")
    )
    names.update(n=[Node(1)], top=Node([1]), c=Counter("aab"))
    shared.end()
    assert shared.state.check(shared.replica) == ([], {})
    list.append(names["l"], 3)
    dict.__setitem__(names["d"], 4, [5])
    set.discard(names["s"], 1)
    OrderedDict.move_to_end(names["o"], "a")
    deque.appendleft(names["q"], 0)
    memoryview(names["b"])[1] = 0
    vars(names["n"][0])["value"] = [2]
    object.__setattr__(names["top"], "value", names["l"])
    dict.__delitem__(names["c"], "b")
    changed = [names[key] for key in "ldsoqbc"] + [names["n"][0], names["top"]]
    found, changes = shared.state.check(shared.replica)
    assert sorted(found) == sorted(map(shared.state.id_of, changed))
    shared.replica.apply(changes)
    assert shared.state.check(shared.replica) == ([], {})
    copied = shared.copy
    assert all(copied[key] == names[key] for key in "ldsoqbc") and copied["n"][0].value == [2]
    assert copied["top"].value is copied["l"]
    heapq.heappush(names["l"][0], 0)
    found, changes = shared.state.check(shared.replica, [shared.state.id_of(names["l"][0])])
    shared.replica.apply(changes)
    assert shared.copy["l"][0] == names["l"][0] == [0, 1]


def test_a_successor_goes_on(shared: Any) -> None:
    shared.names["top"] = top = Node([1], Node({"a": 2}))
    shared.names["top"].value.append(top)
    shared.end()
    bases = {cell: shared.state.base(cell) for cell in shared.state.cells}
    top.value.append(3)
    shared.end()
    later, ids = shared.changes, [shared.state.id_of(node) for node in (top, top.value, top.next)]
    copied = shared.copy["top"]
    next_id, commits = shared.state.next_id, shared.state.commits
    shared.state.close()
    shared.state = state = State.load(bases, later, next_id)
    shared.names = state.names
    top = state.names["top"]
    assert [state.id_of(node) for node in (top, top.value, top.next)] == ids and state.commits == commits
    assert top.value[1] is top and top.value[2] == 3
    top.value.append(4)
    top.next.late = Slots()
    shared.end()
    assert shared.copy["top"] is copied and copied.value[1] is copied and copied.value[2:] == [3, 4]
    assert type(copied.next.late) is Slots
    state.close()
    with pytest.raises(ShareError, match="missing"):
        State.load({0: bases[0]})


class Asked:
    """Counts how often its methods are called."""

    asked: ClassVar[Counter[str]] = Counter()

    def __init__(self, n: int) -> None:
        self.n = n

    def __hash__(self) -> int:
        self.asked["hash"] += 1
        return self.n

    def __eq__(self, other: object) -> bool:
        self.asked["eq"] += 1
        return isinstance(other, Asked) and self.n == other.n


class Alike(Asked):
    def __hash__(self) -> int:
        return self.n % 3


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.pop(Asked(1)),
        lambda d: d.pop(Asked(4), None),
        lambda d: d.pop(Asked(7), None),
        lambda d: d.__delitem__(Asked(2)),
        lambda d: d.__setitem__(Asked(4), "new"),
        lambda d: d.__setitem__(Asked(9), "new"),
    ],
)
@pytest.mark.parametrize("kind", [dict, lambda items: defaultdict(list, items)])
def test_keys_are_asked_as_often_as_in_python(shared: Any, kind: Any, change: Any) -> None:
    plain, recorded = ({Asked(n): str(n) for n in range(5)} for _ in range(2))
    recorded = shared.names["d"] = kind(recorded)
    shared.end()
    found = []
    for each in (plain, recorded):
        Asked.asked.clear()
        change(each)
        found.append(dict(Asked.asked))
    shared.end()
    assert found[0] == found[1]
    assert [(key.n, value) for key, value in plain.items()] == [
        (key.n, value) for key, value in recorded.items()
    ]


def test_keys_of_one_hash_and_value_are_told_apart(shared: Any) -> None:
    table = shared.names["d"] = {Alike(n): "same" for n in range(9)}
    names = shared.names["s"] = {Alike(n) for n in range(9)}
    shared.end()
    keys = list(table)
    del table[Alike(4)]
    table[Alike(7)] = "other"
    names.discard(Alike(3))
    assert [key for key, own in zip(table, [*keys[:4], *keys[5:]], strict=True) if key is not own] == []
    assert [value for key, value in table.items() if key.n == 7] == ["other"]
    assert sorted(each.n for each in names) == [0, 1, 2, 4, 5, 6, 7, 8]
    shared.state.undo()
    assert [id(key) for key in table] == [id(key) for key in keys] and set(table.values()) == {"same"}
    assert len(names) == 9
