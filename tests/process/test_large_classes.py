"""What a class's methods change past recording, where not all that they run is known."""

from typing import Any

import large_classes
import pytest
from large_classes import MANY, Board, Group, Part

from share import Share
from share.analysis import draft, unseen_by

Large: Any = large_classes.Large  # type: ignore[attr-defined]


def test_methods_of_a_large_class_are_looked_at_one_by_one() -> None:
    made = draft(Large)
    assert not made.together
    unseen = {name: unseen_by(Large, made, method) for name, method in made.methods.items()}
    assert all(unseen[f"write{k}"] == frozenset() for k in range(MANY))
    assert unseen["hide"] is None


def test_a_command_of_a_large_class_looks_at_nothing_else() -> None:
    with Share() as shared:
        shared.large = Large()
        plain = Large()
        shared.large.write0(0)
        shared.flush()
        before = shared.large.encoded.call()
        for k in range(0, MANY, 7):
            getattr(shared.large, f"write{k}")(k % 8)
            getattr(plain, f"write{k}")(k % 8)
            shared.flush()
        assert shared.large.encoded.call() == before
        assert all(getattr(shared.large, f"a{k}") == getattr(plain, f"a{k}") for k in range(1, MANY, 7))
        shared.large.hide(7)
        shared.flush()
        assert shared.large.encoded.call() > before
        assert shared.large.stamps == ["s", 7]


@pytest.mark.parametrize("where", ["board", "parts", "group"])
def test_methods_of_unknown_parts_may_go_past_recording(where: str) -> None:
    with Share() as shared:
        shared.board = Board([] if where == "parts" else [Part()])
        if where == "parts":
            shared.board.parts.append(Part())
        board = shared.board
        assert board.parts[0].n == 0
        board.update(5)
        assert board.parts[0].n == 5
        board.put(6)
        assert board.parts[0].n == 6
        board.hide(7)
        assert board.parts[0].items == [7]
        board.last(8)
        assert board.parts[0].items == [7, 8]
        board.first = 9
        assert board.parts[0].items == [7, 8, 9]
        if where == "group":
            board.parts.append(Group(board.parts[:]))
            group = board.parts[1]
            group.hide(10)
            assert board.parts[0].items == [7, 8, 9, 10]


def test_a_class_of_parts_that_comes_with_the_command() -> None:
    with Share() as shared:
        shared.board = Board([])
        shared.board.add(Part, 1)
        assert shared.board.parts[0].items == [1]
        shared.board.hide(2)
        assert shared.board.parts[0].items == [1, 2]
