"""Damaged bytes give a clear error, never a crash, a loop or a wrong object in the wrong place."""

import random
from collections import Counter, OrderedDict, defaultdict, deque
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recorded_programs import Bag, Program, Row, Table

from share import ShareError
from share.state import Replica, State


def histories(seed: int) -> list[list[dict[int, bytes]]]:
    """The changes of a random program, command by command."""
    program = Program(random.Random(seed).randrange)
    for _ in range(60):
        program.command()
    program.state.close()
    return [program.log]


CLASSED, INSTANCE = 64, 9  # in state/_nodes.pxd
HISTORY = None


def history() -> list[dict[int, bytes]]:
    global HISTORY
    if HISTORY is None:
        HISTORY = histories(1)[0]
    return HISTORY


def replay(changes: list[dict[int, bytes]]) -> Replica:
    replica = Replica()
    for change in changes:
        replica.apply(change)
    return replica


@given(st.data())
def test_a_byte_is_another_one(data: st.DataObject) -> None:
    changes = list(history())
    which = data.draw(st.integers(0, len(changes) - 1))
    if not changes[which]:
        return
    cell = data.draw(st.sampled_from(sorted(changes[which])))
    damaged = bytearray(changes[which][cell])
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    changes[which] = {**changes[which], cell: bytes(damaged)}
    try:
        replay(changes)
    except (ShareError, MemoryError):
        pass


@given(st.data())
def test_bytes_are_cut_short(data: st.DataObject) -> None:
    changes = list(history())
    which = data.draw(st.sampled_from([i for i, change in enumerate(changes) if change]))
    cell = data.draw(st.sampled_from(sorted(changes[which])))
    size = data.draw(st.integers(1, len(changes[which][cell]) - 1))
    changes[which] = {**changes[which], cell: changes[which][cell][:size]}
    with pytest.raises(ShareError):
        replay(changes)


@given(st.binary(max_size=60))
def test_arbitrary_bytes(content: bytes) -> None:
    replica = Replica()
    state = State()
    state.names.update(
        l=[1], d={1: 2}, s={1}, q=deque([1]), o=OrderedDict(a=1), c=Counter("a"), b=bytearray(b"a")
    )
    state.names.update(n=[Row(1), defaultdict(list)])
    replica.apply(state.end())
    state.close()
    for cell in (0, 1, 2):
        try:
            replica.apply({cell: b"\x07\x7f" + bytes([len(content)]) + content})
        except ShareError:
            break


class Queue(deque[Any]):
    pass


@pytest.mark.parametrize("other", [Table, Bag, Queue])
def test_an_instance_of_a_class_that_is_laid_out_otherwise(other: type) -> None:
    """One byte says of which class a new object is: half made, it would be a crash when it is first looked at."""
    state = State()
    row = state.names["row"] = Row(1)
    state.names["other"] = other()
    changes = state.end()
    born = bytes([state.id_of(row), CLASSED | INSTANCE, 0])
    state.close()
    assert any(born in change for change in changes.values())
    changes = {cell: change.replace(born, born[:2] + b"\1") for cell, change in changes.items()}
    with pytest.raises(ShareError, match="an instance of"):
        replay([changes])


def test_a_broken_replica_says_so(shared: Any) -> None:
    shared.names["l"] = []
    shared.end()
    with pytest.raises(ShareError):
        shared.replica.apply({1: b"\x07\x7f\x01\xff"})
    assert shared.replica.is_broken
    with pytest.raises(ShareError, match="build it again"):
        shared.replica.apply({})


def test_what_has_been_applied_is_passed_over(shared: Any) -> None:
    shared.names["l"] = [1]
    shared.end()
    shared.names["l"].append(2)
    shared.end()
    shared.replica.apply(shared.changes)
    assert shared.copy["l"] == [1, 2]
