"""Parts that two processes hold while what holds them is changed are what references to plain objects are."""

import multiprocessing
import random
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
    process.join(20)
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
