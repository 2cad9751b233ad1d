"""Generators that write run in the coordinator, a step a command."""

import gc
import os
import pickle
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from forked import all_well, in_child
from generator_classes import Holder, Tree

from share import CoordinatorLostError, Share, ShareError


@pytest.fixture
def tree(shared: Share) -> Any:
    shared.tree = Tree(1)
    for value in (2, 3, 4):
        shared.tree.add(value)
    return shared.tree


def test_a_recursive_one(tree: Any) -> None:
    assert list(tree.walk()) == [1, 2, 3, 4]


def test_each_step_is_seen_by_others(tree: Any) -> None:
    steps = tree.drain()
    assert len(tree.kids) == 3
    assert next(steps) == 4
    assert len(tree.kids) == 2
    assert steps.send(5) == 3
    assert tree.seen == 5
    assert list(steps) == [2]
    assert tree.seen == 105
    assert list(steps) == []


def test_what_it_returns(tree: Any) -> None:
    def outer() -> Iterator[Any]:
        assert (yield from tree.drain()) == "drained"

    assert list(outer()) == [4, 3, 2]


def test_throw_and_close(tree: Any) -> None:
    steps = tree.drain()
    next(steps)
    assert steps.throw(KeyError("x")) == "caught"
    assert tree.seen == -1
    steps.close()
    assert tree.seen == 99
    assert list(steps) == []
    with pytest.raises(KeyError):
        steps.throw(KeyError)


def test_one_that_nobody_holds_is_closed(tree: Any, shared: Share) -> None:
    steps = tree.drain()
    next(steps)
    del steps
    gc.collect()
    shared.flush()
    assert tree.seen == 100


def test_what_it_raises_is_raised_at_the_step(tree: Any) -> None:
    steps = tree.fail()
    assert next(steps) == 1
    with pytest.raises(ValueError, match="after one"):
        next(steps)
    assert list(steps) == []
    assert tree.seen == 1


def test_one_thread_at_a_time(tree: Any, tmp_path: Path) -> None:
    """As in plain Python; a loop in another thread must not take it for ended."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    steps = tree.await_byte(str(fifo))
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(next, steps)
        with open(fifo, "wb") as file:  # opens when the step reads
            for use in (next, lambda steps: steps.close()):
                with pytest.raises(ValueError, match="already executing"):
                    use(steps)
            file.write(b"a")
        assert found.result() == b"a"
    steps.close()
    assert list(steps) == []


def test_of_a_part(shared: Share) -> None:
    shared.holder = Holder()
    shared.holder.tree.add(7)
    assert list(shared.holder.tree.drain()) == [7]
    assert shared.holder.tree.seen == 100


def test_it_belongs_to_its_process(tree: Any) -> None:
    with pytest.raises(TypeError, match="generator"):
        pickle.dumps(tree.drain())


def test_a_forked_child_neither_ends_it_nor_uses_it(tree: Any) -> None:
    steps = tree.drain()
    next(steps)

    def use() -> None:
        nonlocal steps
        with pytest.raises(ShareError, match="another process"):
            next(steps)
        del steps
        gc.collect()

    def let_go() -> None:
        nonlocal steps
        del steps
        gc.collect()
        tree.kids.append(Tree(9))

    assert all_well([in_child(use)])
    assert all_well([in_child(let_go)])
    assert list(steps) == [9, 3, 2]


def test_it_does_not_survive_its_coordinator(tree: Any, shared: Share) -> None:
    steps = tree.drain()
    next(steps)
    os.kill(shared.health().coordinator, signal.SIGKILL)
    with pytest.raises(CoordinatorLostError, match="call the method again"):
        next(steps)
    assert list(tree.drain()) == [3, 2]


def test_a_transaction_that_fails_on_other_objects_does_not_concern_it(tree: Any, shared: Share) -> None:
    shared.other = [1]
    steps = tree.drain()
    next(steps)

    def fail(other: Any) -> None:
        other.append(2)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        shared.transact(fail, shared.other)
    assert list(steps) == [3, 2]
    assert (tree.seen, list(tree.kids), list(shared.other)) == (100, [], [1])


def test_it_ends_with_what_it_works_on(tree: Any, shared: Share) -> None:
    steps = tree.drain()
    next(steps)

    def fail(tree: Any) -> None:
        tree.kids.clear()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        shared.transact(fail, tree)
    with pytest.raises(CoordinatorLostError):
        next(steps)
    assert len(tree.kids) == 2
    tree.add(5)
    assert tree.seen == 0  # it was closed before
