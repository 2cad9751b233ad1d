"""What is kept and logged of failed commands."""

import logging
from typing import Any

import pytest

from share.coordinator._failures import Failure, FailureBook, FailureLog, describe


def record(position: int, serial: int) -> Any:
    return position, serial, "Box.fail", b"", ""


def test_each_process_is_owed_its_own() -> None:
    """What others do does not make them forgotten; beyond a bound they are counted."""
    book = FailureBook()
    book.add(record(1, 7), 0)
    for position in range(2, 500):
        book.add(record(position, 8), 0)
    assert len(book.recent) == book.KEPT
    assert book.owed[7] == ([record(1, 7)], 0, 1)
    records, more, last = book.owed[8]
    assert (len(records), more, last) == (book.OWED, 498 - book.OWED, 499)


def test_what_has_been_told_is_not_owed() -> None:
    book = FailureBook()
    for position in range(1, 100):
        book.add(record(position, 7), 0)
    book.add(record(100, 7), 99)
    assert book.owed[7] == ([record(100, 7)], 0, 100)
    assert book.forget(7) and not book.forget(7) and not book.owed


def test_an_older_state_can_be_taken_up() -> None:
    book, other = FailureBook(), FailureBook()
    book.add(record(1, 7), 0)
    before = book.state()
    other.load(book.published())
    book.add(record(2, 7), 0)
    book.restore(before)
    assert book.owed[7] == other.owed[7] == ([record(1, 7)], 0, 1) and book.recent == other.recent
    other.load((5, 7))  # there was no memory for more
    assert other.owed[7].last == 5
    other.load(None)
    assert not other.recent and not other.owed


class Clock:
    """A clock that is moved by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Any:
    """The lines that the log has got since the last look."""
    caplog.set_level(logging.ERROR, "share.coordinator")

    def look() -> list[str]:
        found = [message.getMessage() for message in caplog.records]
        caplog.clear()
        return found

    return look


def failure(place: int = 1) -> Failure:
    return Failure(
        b"", "Traceback\n  and so on\nValueError: no", "ValueError: no", ("ValueError", "file", place)
    )


def test_the_traceback_comes_once_a_place(lines: Any) -> None:
    log = FailureLog(Clock())
    for place in (1, 1, 2, 1):
        assert not log.note("Box.fail", failure(place))
    first, again, other, third = lines()
    assert "Traceback" in first and "Traceback" in other
    assert again == "queued command Box.fail failed as before, 2 times now: ValueError: no"
    assert "3 times" in third and "\n" not in third


def test_a_flood_is_counted(lines: Any) -> None:
    """So many lines at once, then so many each second; of the rest only the number is told, at most once a second."""
    clock = Clock()
    log = FailureLog(clock)
    for _ in range(1000):
        log.note("Box.fail", failure())
    assert len(lines()) == log.AT_ONCE
    assert log.summary() and not lines()
    clock.now = 1.5
    assert not log.summary()
    assert lines() == [f"{1000 - log.AT_ONCE} more queued commands failed: Box.fail ({1000 - log.AT_ONCE})"]
    assert not log.summary(True) and not lines()
    for step in range(100):
        clock.now = 2 + step / 10
        for number in range(100):
            log.note(f"Box.fail_{number % 7}", failure(number))
    log.summary(True)
    assert 80 < len(lines()) <= log.AT_ONCE + 11 + 10 * log.EACH_SECOND


def test_handlers_that_raise(caplog: pytest.LogCaptureFixture) -> None:
    """A handler of the user's that raises is nothing to the coordinator."""

    class Raising(logging.Handler):
        def handle(self, record: logging.LogRecord) -> bool:
            raise SystemExit

    handler = Raising()
    logging.getLogger("share").addHandler(handler)
    try:
        FailureLog(Clock()).note("Box.fail", failure())
    finally:
        logging.getLogger("share").removeHandler(handler)
    caplog.clear()


def test_large_errors_are_cut() -> None:
    """What a user puts into an exception does not travel at any size."""
    found = describe(ValueError("x" * 1_000_000))
    assert len(found.data) < 1000 and len(found.text) < 21_000 and len(found.line) < 250
