"""A bound method that an object keeps of a part is of the part as it is now, also if both pickle themselves."""

from collections.abc import Iterator
from typing import Any

import pytest
from forked import all_well, in_child

from share import Share
from share.analysis import writes


class Rows:
    """Is made anew when it is loaded."""

    def __init__(self, rows: Any = ()) -> None:
        self.rows = [*rows]

    def __reduce__(self) -> Any:
        return Rows, (self.rows,)

    def put(self, row: int) -> None:
        self.rows.append(row)

    def all(self) -> list[int]:
        return [*self.rows]


class Table(dict[int, int]):
    """So is this, and it keeps a method of its rows."""

    def __init__(self, items: Any = ()) -> None:
        super().__init__(items)
        self.rows = Rows(self)
        self.look = self.rows.all

    def __reduce__(self) -> Any:
        return Table, (dict(self),)

    def add(self, n: int) -> None:
        self[n] = n
        self.rows.put(n)

    @writes()
    def seen(self) -> Any:
        return self.look(), self.rows.all(), self.look.__self__ is self.rows  # type: ignore[attr-defined]


@pytest.fixture
def shared() -> Iterator[Share]:
    with Share() as made:
        yield made


def test_it_is_of_the_part_as_it_is_now(shared: Share) -> None:
    shared.table = Table()
    for n in range(6):
        shared.table.add(n)
        assert shared.table.seen() == ([*range(n + 1)], [*range(n + 1)], True)


def test_so_it_is_in_another_process(shared: Share) -> None:
    shared.table = Table()

    def look() -> None:
        assert shared.table.seen() == ([*range(n)], [*range(n)], True)
        shared.table.add(n)

    shared.table.add(0)
    for n in range(1, 7, 2):
        assert all_well([in_child(look)])
        assert shared.table.seen() == ([*range(n + 1)], [*range(n + 1)], True)
        shared.table.add(n + 1)
