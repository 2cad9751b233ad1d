"""What a command that fails leaves behind: everything as it was, also what is held in ways that are seldom used."""

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest
from forked import all_well, in_child

from share import NotShareableError, Share, plain


class Record:
    """It holds a tuple with something in it that can change, and something without a cell of its own."""

    def __init__(self) -> None:
        self.n = 0
        self.pair: Any = ([1], 2)
        self.other: Any = None
        self.spare: Any = None

    def count(self) -> int:
        self.n += 1
        return self.n

    def add_extra(self) -> None:
        setattr(self, "ex" + "tra", [1])

    def replace_all(self) -> None:
        self.n = 7
        self.pair = ([8], 9)
        self.other = open(os.devnull)  # noqa: SIM115  not shareable


def fail(record: Record) -> None:
    record.n = 5
    raise KeyError("on purpose")


def fail_after_replacing(record: Record) -> None:
    record.pair = 5
    del record.extra  # type: ignore[attr-defined]
    raise KeyError("on purpose")


def is_as_it_was(share: Share) -> bool:
    """Here and for a process that begins to read now."""

    def look() -> None:
        assert plain(share.record).pair == ([1], 2)
        assert plain(share.record).extra == [1]

    look()
    return all_well([in_child(look)])


@pytest.mark.parametrize("command", [fail, fail_after_replacing])
def test_a_transaction_that_raises_keeps_what_tuples_hold(
    command: Callable[[Any], None], shared: Share
) -> None:
    shared.record = Record()
    shared.record.add_extra()
    part, extra = shared.record.pair[0], shared.record.extra
    with pytest.raises(KeyError):
        shared.transact(command, shared.record)
    assert is_as_it_was(shared)
    assert shared.record.count() == 1
    assert is_as_it_was(shared)
    os.kill(shared.health().coordinator, signal.SIGKILL)
    assert shared.record.count() == 2
    assert is_as_it_was(shared)
    part.append(3)
    extra.append(4)
    assert (shared.record.pair, shared.record.extra) == (([1, 3], 2), [1, 4])


def test_a_command_that_cannot_be_published_keeps_what_tuples_hold(shared: Share) -> None:
    shared.record = Record()
    shared.record.add_extra()
    with pytest.raises(NotShareableError, match="only regular files"):
        shared.record.replace_all.call()
    assert is_as_it_was(shared)
    assert shared.record.count() == 1
    assert is_as_it_was(shared)


def test_undoing_keeps_what_other_objects_hold(shared: Share) -> None:
    """An object to which the one that is undone refers is filled anew, too."""
    shared.record, shared.other = Record(), Record()
    shared.other.add_extra()
    shared.record.other, shared.record.spare = shared.other, [shared.other]
    with pytest.raises(KeyError):
        shared.transact(fail, shared.record)
    shared.other.count()
    assert (plain(shared.other).pair, plain(shared.other).extra) == (([1], 2), [1])
