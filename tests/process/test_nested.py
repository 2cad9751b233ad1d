"""Nested proxies: objects and containers that are part of another object's state, at any depth."""

import copy
import json
import pickle
import weakref
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import MutableMapping, MutableSequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pytest
from nested_classes import (
    Bag,
    Journal,
    Keeper,
    Names,
    Slotted,
    Stats,
    Timer,
    Tree,
    append_everywhere,
    use_proxy,
)

from share import DeletedObjectError, Share, plain


@pytest.fixture
def stats(shared: Share) -> Any:
    shared.stats = Stats()
    return shared.stats


def test_methods_of_a_nested_object_write_into_it(stats: Any) -> None:
    stats.timer.start()
    stats.timer.start()
    assert (stats.timer.starts, stats.timer.get(), stats.timer.log, stats.timer.stop()) == (2, 2, [1, 2], 1)


def test_attributes_of_a_nested_object_can_be_set_and_deleted(stats: Any) -> None:
    stats.timer.starts = 5
    stats.timer.extra = "new"
    assert (stats.timer.get(), stats.timer.extra) == (5, "new")
    del stats.timer.extra
    with pytest.raises(AttributeError, match="extra"):
        stats.timer.extra
    stats.slotted.b.append(3)
    stats.slotted.a = 9
    assert (stats.slotted.a, stats.slotted.b) == (9, [2, 3])
    with pytest.raises(AttributeError):
        stats.slotted.c = 1


def test_properties_of_a_nested_object(stats: Any) -> None:
    stats.timer.doubled = 8
    assert (stats.timer.starts, stats.timer.doubled) == (4, 8)


def test_a_result_that_is_a_part_is_a_proxy_of_the_part(stats: Any) -> None:
    stats.timer.entries().append(7)
    assert stats.timer.log == [7]


def test_containers_in_an_object(stats: Any) -> None:
    stats.items.append(1)
    stats.items.append([2])
    stats.items[1].append(3)
    stats.table["a"]["b"] = 4
    stats.table["a"]["c"] = {"d": []}
    stats.table["a"]["c"]["d"].append(5)
    stats.seen.add("x")
    stats.queue.extend(range(5))
    stats.raw += b"d"
    stats.groups["new"].append(6)
    stats.words["w"] += 2
    stats.pair[0].append(8)
    assert plain(stats).__dict__.keys() == Stats().__dict__.keys()
    assert stats.items == [1, [2, 3]]
    assert stats.table == {"a": {"b": 4, "c": {"d": [5]}}}
    assert stats.seen == {"x"}
    assert stats.queue == deque([2, 3, 4], 3)
    assert stats.raw == b"abcd"
    assert stats.groups == {"new": [6]}
    assert stats.words == Counter(w=2)
    assert stats.pair == ([1, 8], 2)


def test_objects_that_are_made_on_the_way(shared: Share) -> None:
    shared.a = Bag()
    shared.a.b = Bag()
    shared.a.b.c = 1
    shared.a.b.d = [Bag()]
    shared.a.b.d[0].e = {}
    shared.a.b.d[0].e["f"] = 2
    assert (shared.a.b.c, shared.a.b.d[0].e["f"]) == (1, 2)


def test_a_subclass_keeps_its_own_rules(shared: Share) -> None:
    shared.names = Names("ann")
    shared.box = Bag()
    shared.box.names = Names("bob")
    for names in (shared.names, shared.box.names):
        names.add("eve")
        names.title = "x"
        assert names[1] == "<eve>"
        assert names.title == "x"
        assert names.shout().endswith("EVE")
        assert len(names) == 2
        assert type(plain(names)) is Names


def test_assigning_a_part_to_its_own_place_changes_nothing_else(shared: Share) -> None:
    shared.items = [[1], [2]]
    shared.stats = Stats()
    shared.items += [[3]]
    shared.items[0] += [4]
    shared.stats.items += [5]
    shared.stats.table["a"] |= {"z": 1}
    assert shared.items == [[1, 4], [2], [3]]
    assert shared.stats.items == [5]
    assert shared.stats.table == {"a": {"b": 0, "z": 1}}


def test_a_part_that_is_stored_elsewhere_is_the_same_part(stats: Any, shared: Share) -> None:
    stats.items.append(1)
    shared.named = stats.items
    stats.table["stored"] = stats.items
    stats.again = stats.items
    stats.items.append(2)
    assert (shared.named, stats.table["stored"], stats.again) == ([1, 2], [1, 2], [1, 2])
    shared.named.append(3)
    assert stats.items == [1, 2, 3]
    assert stats.items is shared.named is stats.table["stored"] is stats.again
    del stats.items, stats.again, stats.table["stored"]
    assert shared.named == [1, 2, 3]


def test_a_part_as_an_argument_is_the_part(stats: Any, shared: Share) -> None:
    shared.keeper, shared.items = Keeper(), [1]
    stats.items.append(1)
    shared.keeper.keep(stats.items)
    shared.keeper.keep(shared.items)
    shared.keeper.kept[0].append("changed")
    shared.keeper.kept[1].append("changed")
    assert stats.items == [1, "kept", "changed"]
    assert shared.items == [1, "kept", "changed"]
    assert shared.keeper.kept[0] is stats.items
    assert shared.keeper.kept[1] is shared.items


def spoil(value: Any) -> None:
    """Changes what is mutable in a value, all the way down, but for parts of the share: they write there."""
    if hasattr(value, "_share_class_"):
        return
    if isinstance(value, dict):
        for inner in list(value.values()):
            spoil(inner)
        value.clear()
    elif isinstance(value, (list, deque)):
        for inner in list(value):
            spoil(inner)
        value.clear()
    elif isinstance(value, (set, bytearray)):
        value.clear()
    elif isinstance(value, tuple):
        for inner in value:
            spoil(inner)
    elif hasattr(value, "__dict__") and not isinstance(value, type):
        spoil(vars(value))


def test_nothing_that_a_caller_receives_is_the_cached_state(stats: Any, shared: Share) -> None:
    for container in (stats.items, stats.queue):
        container.extend([1, [2], 3])
    shared.table = {i: [i] for i in range(300)}
    shared.rows = [{"a": [i]} for i in range(300)]
    shared.numbers = set(range(300))

    def text() -> Any:
        return (
            {
                name: repr(value)
                for name, value in vars(plain(stats)).items()
                if name not in ("timer", "slotted")
            },
            vars(plain(stats).timer),
            repr(shared.table),
            repr(shared.rows),
            sorted(shared.numbers),
        )

    before = text()
    gives: list[Any] = [
        lambda: plain(stats),
        lambda: copy.copy(stats),
        lambda: copy.deepcopy(stats),
        lambda: shared.snapshot(stats, shared.table, shared.rows),
        lambda: stats.table.copy(),
        lambda: copy.copy(shared.table),
        lambda: plain(shared.rows),
        lambda: copy.deepcopy(shared.rows),
        lambda: shared.numbers.copy(),
        lambda: shared.numbers | {1},
        lambda: plain(stats.timer),
        lambda: plain(stats.groups),
        lambda: plain(stats.pair),
        lambda: plain(stats.timer.entries()),
        lambda: plain(stats.raw),
        lambda: list(plain(shared.table).items()),
        lambda: sorted(map(plain, shared.rows), key=str),
    ]
    for give in gives:
        spoil(give())
        assert text() == before


def test_identity_and_equality(stats: Any) -> None:
    assert stats.timer is stats.timer
    assert stats.table["a"] is stats.table["a"]
    assert stats.timer == stats.timer
    assert len({stats.timer, stats.timer}) == 1
    assert stats.timer != stats.slotted
    with pytest.raises(TypeError, match="unhashable"):
        hash(stats.items)


def test_classes_look_like_the_users(stats: Any) -> None:
    assert isinstance(stats.timer, Timer)
    assert isinstance(stats.slotted, Slotted)
    assert isinstance(stats.items, list)
    assert isinstance(stats.items, MutableSequence)
    assert isinstance(stats.table, MutableMapping)
    assert stats.table.__class__ is dict
    match stats.table:
        case {"a": {"b": number}}:
            assert number == 0
        case _:
            pytest.fail("a shared dict does not match as a mapping")


def test_text_of_a_part(stats: Any) -> None:
    assert repr(stats.timer).startswith("<shared Timer object, node ")
    assert repr(stats.table) == "{'a': {'b': 0}}"


def test_copies_are_plain_and_private(stats: Any) -> None:
    for made in (copy.copy(stats.table), copy.deepcopy(stats.table), plain(stats.table)):
        assert type(made) is dict
        assert type(made["a"]) is dict
        made["a"]["b"] = 99
    assert stats.table == {"a": {"b": 0}}
    assert type(plain(stats.timer)) is Timer


def test_json_works_or_says_that_it_does_not(stats: Any) -> None:
    with pytest.raises(TypeError):
        json.dumps({"x": stats.table})
    assert json.dumps({"x": stats.table}, default=plain) == '{"x": {"a": {"b": 0}}}'
    try:
        text = json.dumps(stats.table, indent=1)  # done in Python up to 3.12, in C from 3.13 on
    except TypeError:
        return
    assert json.loads(text) == {"a": {"b": 0}}


def test_a_pickled_part_is_the_part(stats: Any) -> None:
    for part in (stats.items, stats.timer, stats.table["a"]):
        assert pickle.loads(pickle.dumps(part)) is part


def remove_many(shared: Share) -> None:
    """So many that the coordinator looks which of the removed parts are held."""
    with shared.waiting():
        for i in range(1000):
            shared.d["more"] = [i]
        del shared.d["more"]


def test_a_part_that_is_held_outlives_its_removal(shared: Share) -> None:
    shared.d = {"k": [1], "m": {}}
    part, other = shared.d["k"], shared.d["m"]
    del shared.d["k"]
    shared.d["m"] = [1]
    remove_many(shared)
    part.append(2)
    assert part == [1, 2]
    with pytest.raises(KeyError):
        other.pop("x")
    shared.d["again"] = part
    assert shared.d["again"] is part
    shared.d = 1
    other["x"] = part
    assert other == {"x": [1, 2]} and other["x"] is part


def test_a_part_that_nobody_held_says_so(shared: Share) -> None:
    shared.d = {"k": [1]}
    token = pickle.dumps(shared.d["k"])
    assert pickle.loads(token) is shared.d["k"]
    del shared.d["k"]
    remove_many(shared)
    with pytest.raises(DeletedObjectError, match="no part of its share any more"):
        pickle.loads(token)


def test_an_iteration_goes_on_as_pythons_does(shared: Share) -> None:
    shared.l = [[1], [2], [3]]
    seen = []
    for row in shared.l:
        seen.append(list(row))
        if len(seen) < 4:
            shared.l.append([9])
    assert seen == [[1], [2], [3], [9], [9], [9]]
    for row in shared.l:
        row.append(0)
    assert [row[-1] for row in shared.l] == [0] * 6
    rows = reversed(shared.l)
    shared.l.clear()
    assert list(rows) == []
    shared.d = {1: 2, 3: 4}
    with pytest.raises(RuntimeError, match="changed size during iteration"):
        for key in shared.d:
            shared.d[key + 10] = 1


def test_references_inside_containers_stay_references(shared: Share) -> None:
    shared.timer = Timer()
    shared.l = [shared.timer]
    shared.l[0].start()
    assert shared.timer.get() == 1
    assert shared.l[0] is shared.timer


@pytest.mark.parametrize("kind", [dict, OrderedDict, Counter])
def test_views_are_live(shared: Share, kind: Any) -> None:
    shared.d = kind({"a": 1})
    keys, items, values = shared.d.keys(), shared.d.items(), shared.d.values()
    shared.d["b"] = 2
    assert (list(keys), list(items), list(values)) == (["a", "b"], [("a", 1), ("b", 2)], [1, 2])
    assert keys & {"a", "x"} == {"a"}
    assert ("b", 2) in items
    assert 2 in values
    assert len(items) == 2
    assert list(reversed(keys)) == ["b", "a"]


def test_values_of_a_view_write_through(shared: Share) -> None:
    shared.d = {"a": [], "b": []}
    for key, value in shared.d.items():
        value.append(key)
    assert shared.d == {"a": ["a"], "b": ["b"]}


def test_defaultdict_makes_what_is_missing(shared: Share) -> None:
    shared.d = defaultdict(dict)
    shared.d["x"]["y"] = 1
    assert "z" not in shared.d
    assert shared.d == {"x": {"y": 1}}


def test_errors_of_containers_are_raised_at_the_call(shared: Share) -> None:
    shared.l, shared.d, shared.s = [1], {"a": 1}, {1}
    for error, use in (
        (IndexError, lambda: shared.l[5]),
        (IndexError, lambda: shared.l.pop(7)),
        (ValueError, lambda: shared.l.remove(9)),
        (KeyError, lambda: shared.d["x"]),
        (KeyError, lambda: shared.d.pop("x")),
        (KeyError, lambda: shared.d.__delitem__("x")),
        (KeyError, lambda: shared.s.remove(5)),
        (TypeError, lambda: shared.s.add([])),
        (TypeError, lambda: shared.d.__setitem__([], 1)),
    ):
        with pytest.raises(error):
            use()


def test_sorting_with_a_key_of_ones_own(shared: Share) -> None:
    shared.l = ["ccc", "a", "bb"]
    shared.l.sort(key=lambda text: -len(text))
    assert shared.l == ["ccc", "bb", "a"]
    shared.l.sort(reverse=False)
    assert shared.l == ["a", "bb", "ccc"]


def test_generators_are_taken_apart_before_they_travel(shared: Share) -> None:
    shared.l, shared.d, shared.s, shared.q = [], {}, set(), deque()
    shared.l.extend(i for i in range(3))
    shared.l += (i for i in range(2))
    shared.l[1:2] = (i for i in "ab")
    shared.d.update((i, i) for i in range(2))
    shared.s.update(i for i in range(2))
    shared.q.extend(i for i in range(2))
    assert (shared.l, shared.d, shared.s, shared.q) == (
        [0, "a", "b", 2, 0, 1],
        {0: 0, 1: 1},
        {0, 1},
        deque([0, 1]),
    )


@pytest.mark.parametrize("method", ["fork"])
def test_many_processes_write_through_parts(context: Any, shared: Share) -> None:
    shared.stats = Stats()
    shared.bag = Bag()
    shared.bag.inner = Bag()
    shared.bag.inner.things = [[]]
    workers = [context.Process(target=append_everywhere, args=(shared, who)) for who in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * 3
    stats = shared.stats
    for who in range(3):
        assert [i for w, i in stats.items if w == who] == list(range(100))
        assert stats.table["a"][who] == list(range(100))
    assert stats.timer.get() == 300
    assert sorted(stats.groups["g"]) == sorted([0, 1, 2] * 100)
    assert sorted(shared.bag.inner.things[0]) == sorted([*range(100)] * 3)


def test_a_part_can_be_sent_to_another_process(context: Any, shared: Share) -> None:
    shared.stats = Stats()
    shared.stats.items.append("here")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        assert pool.submit(use_proxy, shared.stats.items).result() == (["here", "worker"], "list")
    assert shared.stats.items == ["here", "worker"]


def test_tuples_in_what_is_encoded_whole_hold_parts(shared: Share) -> None:
    shared.bag = Bag()
    shared.bag.journal = Journal()
    shared.bag.journal.record("open", who="ada")
    _, data, rows = shared.bag.journal.events[0]
    data["who"] = "bob"
    rows[0].append(1)
    shared.bag.journal.events[0][1]["when"] = 3
    assert type(shared.bag.journal.events[0]) is tuple
    assert plain(shared.bag.journal).events == [("open", {"who": "bob", "when": 3}, [["open", 1]])]
    assert data == {"who": "bob", "when": 3} and rows == [["open", 1]]


def test_a_weak_reference_to_a_part_is_one_to_its_proxy(shared: Share) -> None:
    shared.bag = Bag()
    shared.bag.tree = Tree()
    child = shared.bag.tree.add()
    grandchild = child.add()
    found = grandchild.parent
    assert isinstance(found, weakref.ref) and found == grandchild.parent
    assert found() is child and child.parent() is shared.bag.tree
    found().visit()
    child.parent().visits += 5
    assert (child.visits, shared.bag.tree.visits) == (1, 5)
    assert [parent() is child for parent in child.parents()] == [True]
    shared.bag.found = found
    del found
    shared.bag.found().visit()
    assert child.visits == 2
