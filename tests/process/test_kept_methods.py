"""A method of a part that is kept in the state: calling it from outside changes the part, for all."""

from typing import Any

import pytest
from kept_method_classes import Keeper

from share import Share


@pytest.fixture
def keeper(shared: Share) -> Any:
    shared.keeper = Keeper()
    return shared.keeper


def test_of_containers(keeper: Any) -> None:
    keeper.grow(a=1)
    keeper.grow({"b": 2})
    keeper.put("c", 3)
    keeper.handlers["grow"](d=4)
    keeper.use()
    assert keeper.table == {"a": 1, "b": 2, "c": 3, "d": 4, "z": 1}


def test_of_parts(keeper: Any) -> None:
    assert keeper.inc() == 1
    assert keeper.inc(k=3) == 4
    assert keeper.handlers["inc"](10) == 14
    assert keeper.later() == 19
    assert keeper.part.n == 19


def test_of_values_is_called_here(keeper: Any) -> None:
    assert keeper.up() == "ABC"
