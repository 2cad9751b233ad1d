"""What a class's methods change past recording, where not all that they run is known."""

from typing import Any

import large_classes
import pytest
from large_classes import MANY, Board, Group, Keeper, Part, Quiet, Stamp, Taker

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


WAYS = """
    unbound hinted its_method its_setter by_vars by_name by_function by_unknown_code by_map by_closure in_a_list of_many
    once_kept once_stored
""".split()


@pytest.mark.parametrize("way", WAYS)
def test_what_a_method_is_given_may_be_changed_past_recording(way: str) -> None:
    with Share() as shared:
        shared.taker = Taker([Part(), Taker()])
        shared.other = Taker([Part()])
        for part in (shared.taker.parts[0], shared.other.parts[0]):
            getattr(shared.taker, way)(part, 1)
            assert part.items == [1]
            getattr(shared.taker.parts[1], way)(part, 2)  # a part that is given one
            assert part.items == [1, 2]


def test_a_generator_changes_later_what_it_is_given() -> None:
    with Share() as shared:
        shared.taker = Taker([Part()])
        assert list(shared.taker.later(shared.taker.parts[0], 1)) == [1]
        assert shared.taker.parts[0].items == [1]


def test_a_part_that_is_given_costs_no_look_at_the_rest() -> None:
    with Share() as shared:
        shared.keeper = Keeper()
        shared.taker = Taker([Quiet(), Keeper()], [Stamp("s")])
        taker, part, other = shared.taker, shared.taker.parts[0], shared.taker.parts[1]
        for _ in range(20):  # the first calls of a method are looked at more closely
            shared.keeper.recorded(part, 0)
            other.recorded(part, 0)
        shared.flush()
        before = taker.encoded.call()
        shared.keeper.recorded(part, 1)
        shared.flush()
        other.recorded(part, 2)
        shared.flush()
        taker.kept = part
        other.kept = part
        taker.many.append(part)
        shared.flush()
        assert taker.encoded.call() == before
        assert part.items[-2:] == [1, 2]
        assert part.n == 42
        assert taker.many[0] is part
        assert other.kept is part
        for _ in range(20):
            taker.unbound(part, 3)
        shared.flush()
        assert taker.encoded.call() >= before + 10
        assert part.items[-1] == 3


def test_setting_an_attribute_of_a_part_looks_at_nothing_else() -> None:
    with Share() as shared:
        shared.taker = Taker([Quiet()], [Stamp("s")])
        taker, part = shared.taker, shared.taker.parts[0]
        before = taker.encoded.call()
        for n in range(5):
            part.n = n
            part.items = [n]
            part.items += [n]
            shared.flush()
        del part.n
        assert taker.encoded.call() == before
        assert part.items == [4, 4]
        assert not hasattr(part, "n")
