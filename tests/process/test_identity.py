"""Parts that two processes hold while what holds them is changed are what references to plain objects are."""

import multiprocessing
import os
import random
import signal
from collections.abc import Callable, Iterator
from typing import Any

import identity_programs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from share import Share


@pytest.fixture
def pair(shared: Share) -> Iterator[Any]:
    """A board in a share, and the connection to another process that has it, too."""
    shared.board = identity_programs.Board()
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=identity_programs.work, args=(theirs, shared.board))
    process.start()
    theirs.close()
    yield shared.board, ours
    ours.send(None)
    process.join(120)
    assert process.exitcode == 0
    assert not shared.errors


def run(pair: Any, choose: Callable[[int], int], steps: int) -> None:
    board, connection = pair
    fresh = identity_programs.Board()
    board.rows, board.table, board.queue, board.order = fresh.rows, fresh.table, fresh.queue, fresh.order
    program = identity_programs.Program(board, connection, choose)
    for i in range(steps):
        program.step()
        if i % 4 == 3:
            program.check()
    program.check()


@pytest.mark.parametrize("seed", range(3))
def test_a_program(pair: Any, seed: int) -> None:
    run(pair, random.Random(seed).randrange, 120)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 130))
def test_a_long_program(pair: Any, seed: int) -> None:
    run(pair, random.Random(seed).randrange, 600)


def test_programs_that_can_be_made_smaller(pair: Any) -> None:
    @settings(max_examples=20)
    @given(st.data())
    def try_one(data: st.DataObject) -> None:
        run(pair, lambda below: data.draw(st.integers(0, below - 1)), 15)

    try_one()


def test_a_part_of_one_attribute_in_another(shared: Share) -> None:
    """What a method does to it is done to the part of both, and no fault of its plan."""
    shared.board = identity_programs.Board()
    board = shared.board
    board.queue.append([[1], [2]])
    board.swap_ends()
    board.rows = board.queue[-1]
    for _ in range(2):
        held = board.queue[-1]
        board.swap_ends()
        assert held == [[2], [1]] and held is board.rows
        board.swap_ends()
        board.add_past_recording(5)
        assert held == [[1], [2], 5] and board.queue[-1] is held
        assert held.pop() == 5
        os.kill(shared.health().coordinator, signal.SIGKILL)
        assert board.rows == [[1], [2]]
    assert not shared.errors


def test_keys_whose_hash_needs_another_attribute(shared: Share) -> None:
    """Cells are loaded in any order, whatever their bases' ages are."""
    shared.index = identity_programs.Index()
    index = identity_programs.Index()
    context = multiprocessing.get_context("spawn")
    count = 0
    with context.Pool(1, maxtasksperchild=1) as pool:
        for more in (5, 0, 300, 1):
            shared.index.add(more)
            index.add(more)
            count += more
            numbers = [0, 3, count - 1]
            expected = identity_programs.look_up(index, numbers)
            assert identity_programs.look_up(shared.index, numbers) == expected
            assert pool.apply(identity_programs.look_up, (shared.index, numbers)) == expected
        del shared.index.keys[0]
        del index.keys[0]
        expected = [index.place(3), len(index.keys)]
        assert [shared.index.place(3), len(shared.index.keys)] == expected


def test_what_methods_give_holds_the_parts(shared: Share) -> None:
    shared.a = identity_programs.Answers()
    rows = list(shared.a.rows)
    for item in shared.a.items():
        item[1].append(0)
    for value in shared.a.values():
        value.append(9)
    assert shared.a.table == {"a": [1, 0, 9], "b": [2, 0, 9]}
    assert all(row is rows[i] for i, row in shared.a.pairs())
    assert all(row is rows[n] for n, row in shared.a.by_n().items())
    assert all(a is b for a, b in zip(shared.a.backwards(), rows[::-1], strict=True))
    assert shared.a.large(lambda row: row.n > 1)[0] is rows[2]
    later = shared.a.later()
    with pytest.raises(ValueError) as caught:
        shared.a.refuse()
    assert caught.value.args[0] is rows[0]
    generated = shared.a.generated()
    assert next(generated) == 0
    shared.a.rows.append(identity_programs.Row(7))
    rows[1].n = 50
    assert list(generated) == [1, 2, 3]  # as it was when it was called
    assert later() == 5
    assert [row.n for row in shared.a.rows] == [0, 50, 2, 3, 7]
