"""Failed commands: what is told of them, to whom, and how much of it.

What users' exceptions do while they are looked at (their ``__str__``, ``__reduce__``, properties) stays in here.
"""

import logging
import time
import traceback
from collections.abc import Callable
from typing import Any, NamedTuple

from share import _runtime
from share._protocol import decode_bytes, encode, failed_records
from share.errors import ShareError

__all__ = ["Failure", "FailureBook", "FailureLog", "Owed", "class_name", "describe", "line_of"]

log = logging.getLogger("share.coordinator")

MOST_TEXT = 20_000  # characters of a traceback that travel
MOST_BYTES = 100_000  # of an encoded exception
_traceback_of = BaseException.__dict__["__traceback__"].__get__
class_name: Callable[[type], str] = type.__dict__["__qualname__"].__get__  # whatever its metaclass says


class Failure(NamedTuple):
    """An exception as it travels and as it is shown."""

    data: bytes  # the exception, encoded
    text: str  # with its traceback
    line: str  # in one line
    place: tuple[Any, ...]  # where it was raised


def describe(error: BaseException, reduce: Any = None, kept: bool = True) -> Failure:
    """What can be told of any exception. If it cannot travel, a ShareError that says the same does.

    So it does if the exception is large, and is to be kept, and not an answer.
    """
    line = line_of(error)
    text = _guarded(lambda: "".join(traceback.format_exception(error)), "")
    if not text:
        text = _guarded(lambda: "".join(traceback.format_tb(_traceback_of(error))), "") + line + "\n"
    data = _guarded(lambda: _encoded(error, reduce, kept), b"") or encode(ShareError(line), "exception")
    place = (class_name(type(error)), *_guarded(lambda: _place(error), ()))
    return Failure(data, _cut(text), line, place)


def line_of(error: BaseException) -> str:
    """An exception in one line."""
    kind = class_name(type(error))
    message = _guarded(lambda: str.__str__(str(error)), "(it cannot be shown)")
    return _cut(f"{kind}: {message}".partition("\n")[0], 200) if message else kind


def _guarded(look: Callable[[], Any], otherwise: Any) -> Any:
    """What looking at an exception gives, unless its class's code raises in turn."""
    try:
        return look()
    except BaseException:
        return otherwise


def _cut(text: str, most: int = MOST_TEXT) -> str:
    return text if len(text) <= most else f"{text[: most // 2]} ... {text[-most // 2 :]}"


def _encoded(error: BaseException, reduce: Any, kept: bool) -> bytes:
    data = encode(error, "exception", reduce)
    sound = (not kept or len(data) <= MOST_BYTES) and isinstance(decode_bytes(data), BaseException)
    return data if sound else b""


def _place(error: BaseException) -> tuple[str, int]:
    trace = _traceback_of(error)
    while trace.tb_next is not None:
        trace = trace.tb_next
    return trace.tb_frame.f_code.co_filename, trace.tb_lineno


class Owed(NamedTuple):
    """What a process is still to hear of its queued commands at its next ``flush``."""

    records: list[Any]
    more: int  # failures without a record, all of them later
    last: int  # position of the last failure


class FailureBook:
    """The failures that ``Share.errors`` shows, and those that each process is owed.

    Nothing in it is ever changed, only replaced: so an older state can be taken up again.
    """

    KEPT = 100  # in all
    OWED = 50  # to each process

    def __init__(self) -> None:
        self.recent: list[Any] = []
        self.owed: dict[int, Owed] = {}

    def add(self, record: Any, told: int) -> None:
        """Enters a record. Its process has heard of all up to the position ``told``."""
        position, serial = record[:2]
        self.recent = [*self.recent[1 - self.KEPT :], record]
        if not serial:
            return
        owed = self.owed.get(serial, Owed([], 0, 0))
        if owed.last <= told:
            owed = Owed([], 0, 0)
        if len(owed.records) < self.OWED:
            owed = Owed([*owed.records, record], 0, position)
        else:
            owed = Owed(owed.records, owed.more + 1, position)
        self.owed = {**self.owed, serial: owed}

    def forget(self, serial: int) -> bool:
        """Drops what is owed to a process that has gone. Whether there was anything."""
        if serial not in self.owed:
            return False
        self.owed = {other: owed for other, owed in self.owed.items() if other != serial}
        return True

    def state(self) -> tuple[list[Any], dict[int, Owed]]:
        """What is in it now."""
        return self.recent, self.owed

    def restore(self, state: tuple[list[Any], dict[int, Owed]]) -> None:
        """Goes back to what ``state`` gave."""
        self.recent, self.owed = state

    def published(self) -> Any:
        """What the slot of errors holds."""
        return self.recent, {serial: tuple(owed) for serial, owed in self.owed.items()}

    def load(self, published: Any) -> None:
        """Takes up what a predecessor has published; None: nothing."""
        self.recent, self.owed = [], {}
        if published is None:
            return
        if isinstance(published[0], list):
            self.recent = published[0]
            self.owed = {serial: Owed(*owed) for serial, owed in published[1].items()}
        else:
            for position, serial, command, error, text in failed_records(published):
                self.add((position, serial or 0, command, encode(error, "error"), text), 0)


class FailureLog:
    """Writes failed commands into the log: a line for each, the traceback once for each place, and never a flood."""

    AT_ONCE = 20  # lines, after which ...
    EACH_SECOND = 10  # ... come so many
    PLACES = 1000  # that are remembered

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.counts: dict[Any, int] = {}  # place -> how often
        self.unsaid: dict[str, int] = {}  # command -> failures without a line
        self.allowed, self.since = float(self.AT_ONCE), clock()
        self.summary_at = 0.0

    def note(self, where: str, failure: Failure) -> bool:
        """Reports a failure. Whether there is now something that ``summary`` has to say."""
        place = (where, failure.place)
        if len(self.counts) >= self.PLACES and place not in self.counts:
            self.counts.clear()
        count = self.counts.get(place, 0) + 1
        if self._may_write():
            self.counts[place] = count
            if count == 1:
                _write(where, 1, "queued command %s failed:\n%s", where, failure.text)
            else:
                _write(
                    where,
                    count,
                    "queued command %s failed as before, %d times now: %s",
                    where,
                    count,
                    failure.line,
                )
        else:
            if count > 1:
                self.counts[place] = count
            if not self.unsaid:
                self.summary_at = self.clock() + 1
            self.unsaid[where] = self.unsaid.get(where, 0) + 1
            if len(self.unsaid) > self.PLACES:
                return self.summary(True)
        return self.summary()

    def summary(self, now: bool = False) -> bool:
        """Says how many failures had no line, once a second or at once. Whether there is still something to say."""
        if not self.unsaid or (not now and self.clock() < self.summary_at):
            return bool(self.unsaid)
        total = sum(self.unsaid.values())
        most = sorted(self.unsaid, key=lambda where: -self.unsaid[where])
        commands = ", ".join(f"{where} ({self.unsaid[where]})" for where in most[:5])
        rest = ", ..." if len(most) > 5 else ""
        _write(None, total, "%d more queued commands failed: %s%s", total, commands, rest)
        self.unsaid.clear()
        return False

    def _may_write(self) -> bool:
        now = self.clock()
        self.allowed = min(self.AT_ONCE, self.allowed + (now - self.since) * self.EACH_SECOND)
        self.since = now
        if self.allowed < 1:
            return False
        self.allowed -= 1
        return True


def _write(command: str | None, count: int, *message: Any) -> None:
    fields = {"share_name": _runtime.coordinator_of, "share_command": command, "share_failures": count}
    # Handlers may be the user's: whatever they do, the coordinator goes on.
    _guarded(lambda: log.error(*message, extra=fields), None)
