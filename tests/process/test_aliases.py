"""Attributes that hold the same object: it stays one object, and who writes one of them writes all."""

import os
import signal
from typing import Any

import alias_classes
import pytest

from share import Share


@pytest.fixture
def method() -> str:
    """How the other process was started makes no difference here; one that has inherited nothing proves most."""
    return "spawn"


def kill_coordinator(shared: Share) -> None:
    shared.flush()
    os.kill(shared.health().coordinator, signal.SIGKILL)


def test_aliases_from_the_plan(shared: Share) -> None:
    shared.pair = alias_classes.Pair()
    pair = shared.pair
    assert alias_classes.written(pair.push) == {"left", "right"}
    pair.push(1)
    pair.right.append(2)
    assert pair.left == pair.right == [1, 2]
    assert pair.are_one()
    kill_coordinator(shared)
    pair.push(3)
    pair.left.append(4)
    assert pair.left == pair.right == [1, 2, 3, 4]
    assert pair.are_one() and pair.left is pair.right


def test_aliases_from_the_instance(shared: Share) -> None:
    shared.index = alias_classes.index_of(["ann", "bob"])
    index = shared.index
    assert alias_classes.written(index.visit) == {"nodes", "by_name"}
    index.visit("ann")
    assert index.visits() == [1, 0]
    kill_coordinator(shared)
    index.visit("bob")
    index.visit("ann")
    assert index.visits() == [2, 1]
    assert index.are_one()
    index.by_name["ann"].visits += 1
    assert index.nodes[0].visits == 3
    assert index.total == 7


def test_the_mutex_of_a_queue(shared: Share) -> None:
    shared.line = alias_classes.Line()
    kill_coordinator(shared)
    shared.line.put(1)
    assert shared.line.are_one()
    assert shared.line.get() == 1


def test_a_graph_and_its_successors(shared: Share) -> None:
    networkx = pytest.importorskip("networkx")
    shared.graph = networkx.DiGraph([(1, 2)])
    kill_coordinator(shared)
    shared.graph.add_edge(2, 3)
    assert list(shared.graph.successors(2)) == [3]
    assert list(shared.graph.predecessors(3)) == [2]
    assert shared.graph.has_edge(2, 3)
    plain = shared.snapshot(shared.graph)
    assert plain._succ is plain._adj
    assert sorted(plain.edges) == [(1, 2), (2, 3)]


def test_assigning_and_deleting_one_of_them(shared: Share) -> None:
    shared.pair = alias_classes.Pair()
    pair = shared.pair
    pair.push(1)
    pair.right = [5]
    assert (pair.left, pair.right, pair.are_one()) == ([1], [5], False)
    kill_coordinator(shared)
    assert (pair.left, pair.right, pair.are_one()) == ([1], [5], False)
    del pair.left
    with pytest.raises(AttributeError, match="left"):
        _ = pair.left
    assert pair.right == [5]
    pair.left = [6]
    assert pair.left == [6]
    left = pair.left
    left += [7]
    assert pair.left == [6, 7]


def test_parting(shared: Share) -> None:
    shared.pair = alias_classes.Pair()
    shared.pair.push(1)
    shared.pair.part_ways()
    shared.pair.push(2)
    assert (shared.pair.left, shared.pair.right) == ([1, 2], [1])


SAME = [1]


def closure_on(value: Any) -> Any:
    return lambda: value


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (SAME, SAME),
        (SAME, {"k": (0, SAME)}),
        ([[SAME]], [SAME]),
        (bytearray(b"a"), None),
        (SAME, SAME.append),
        (SAME, closure_on(SAME)),
    ],
    ids=["same", "deep", "both deep", "no container", "bound method", "closure"],
)
def test_instances_show_what_plans_do_not(shared: Share, a: Any, b: Any) -> None:
    shared.two = alias_classes.Two(a, b if b is not None else a)
    assert alias_classes.written(shared.two.add_to_a) == {"a", "b"}


def test_values_are_no_aliases(shared: Share) -> None:
    value = ("ann", (1, 2.5), frozenset({"a"}))
    shared.two = alias_classes.Two([value], {"k": value})
    assert alias_classes.written(shared.two.add_to_a) == {"a"}


def test_other_shared_objects_are_no_aliases(shared: Share) -> None:
    shared.node = alias_classes.Node("ann")
    shared.two = alias_classes.Two([shared.node], {"ann": shared.node})
    assert alias_classes.written(shared.two.add_to_a) == {"a"}
    shared.two.a[0].visits += 1
    kill_coordinator(shared)
    shared.two.b["ann"].visits += 1
    assert shared.node.visits == 2


def test_objects_made_in_the_coordinator(shared: Share) -> None:
    shared.maker = alias_classes.Maker()
    shared.maker.make(shared)
    assert alias_classes.written(shared.two.add_to_a) == {"a", "b"}


def test_reads_through_one_wait_for_writes_through_the_other(shared: Share, context: Any) -> None:
    shared.pair = alias_classes.Pair()
    start = context.Event()
    workers = [context.Process(target=alias_classes.push, args=(shared.pair, start, 200)) for _ in range(2)]
    for worker in workers:
        worker.start()
    start.set()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert sorted(shared.pair.right) == sorted([*range(200), *range(200)])
    assert shared.pair.left == shared.pair.right


def test_an_unchanged_value_is_read_again_from_its_place(shared: Share) -> None:
    shared.index = alias_classes.index_of(["ann"])
    first = shared.index.by_name
    assert shared.index.by_name is first
    shared.index.visit("ann")
    assert shared.index.by_name == first
