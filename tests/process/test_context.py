"""``with`` a shared object: entered and left by commands that wait, and the caller's exception passes unharmed."""

import pytest
from context_classes import Broken, Busy, Holder, Strict, Unsent

from share import Share


def test_it_is_entered_and_left(shared: Share) -> None:
    shared.busy = Busy()
    with shared.busy as inside:
        assert inside is shared.busy
        assert inside.inside == 1
    assert shared.busy.inside == 0
    assert list(shared.busy.left) == [(None, "None")]


def test_an_exception_passes_unharmed(shared: Share) -> None:
    shared.busy = Busy()
    mine = ValueError("mine")
    with pytest.raises(ValueError, match="mine") as caught, shared.busy:
        raise mine
    assert caught.value is mine
    assert shared.busy.inside == 0
    assert list(shared.busy.left) == [("ValueError", "mine")]
    assert "raise mine" in shared.busy.shown


def test_an_exception_can_be_suppressed(shared: Share) -> None:
    shared.busy = Busy()
    with shared.busy:
        raise KeyError("suppressed")
    assert list(shared.busy.left) == [("KeyError", "'suppressed'")]


def test_an_exception_that_cannot_travel_passes_unharmed(shared: Share) -> None:
    shared.busy = Busy()
    with pytest.raises(Unsent, match="mine"), shared.busy:
        raise Unsent("mine")
    assert list(shared.busy.left) == [("Unsent", "mine")]


def test_what_enter_and_exit_raise_is_raised_there(shared: Share) -> None:
    shared.strict, shared.broken = Strict(), Broken()
    with pytest.raises(ValueError, match="closed"), shared.strict:
        pytest.fail("entered")
    with pytest.raises(OSError, match="not reached"), shared.broken as inside:
        assert inside == 7


def test_a_part_is_entered_too(shared: Share) -> None:
    shared.holder = Holder()
    with pytest.raises(ZeroDivisionError), shared.holder.part:
        1 / 0
    assert shared.holder.part.inside == 0
    assert list(shared.holder.part.left) == [("ZeroDivisionError", "division by zero")]
