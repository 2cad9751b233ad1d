"""The commits of a share in an engine: who may add to them, how far they are stored, and what brings the state back."""

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from share.engine._engine import Engine, GapError
from share.engine._records import (
    BASE,
    COMMIT,
    EPOCH,
    SLOTS,
    SLOTS_BASE,
    CommitRecord,
    decoded,
    encoded,
)
from share.errors import (
    CorruptDataError,
    EngineError,
    EngineLostError,
    FencedError,
    ShareError,
    ShareTimeoutError,
)

__all__ = ["CommitLog", "Restored", "restore"]

log = logging.getLogger(__name__)

RETRY = 0.5  # seconds until a record that could not be stored is tried again, if nobody asks for it
LEAST = 1 << 20  # bytes of commits that are not worth a snapshot, however small the state is


@dataclass
class Restored:
    """What an engine has of a share: cells as they were at a snapshot, and what was added to them since.

    ``share.state.State.load(bases, changes, next_id)`` makes the state of it, ``Replica`` loads one and applies the
    other. Without any ``commits`` there is no state yet.

    Attributes:
        bases: whole cells, by number.
        changes: what has been added to cells since, in order.
        next_id: more than any id of a node that was given out.
        position: D, the position of the last commit that is stored.
        epoch: of the last home; 0 if there was none.
        number: of the last record of the log.
        commits: how many records there are beside the snapshot.
        size: bytes of the changes.
        base_size: bytes of the bases.
        home: who has taken over last, if that is not behind a snapshot.
        is_of_slots: whether these are slots of a share (see ``_images``), not cells of a ``State``.
    """

    bases: dict[int, bytes] = field(default_factory=dict)
    changes: dict[int, bytes] = field(default_factory=dict)
    next_id: int = 1
    position: int = 0
    epoch: int = 0
    number: int = 0
    commits: int = 0
    size: int = 0
    base_size: int = 0
    home: str = ""
    is_of_slots: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing was ever committed."""
        return not self.bases and not self.changes


def restore(engine: Engine) -> Restored:
    """Reads all that an engine has of a share, up to the end of its log.

    Raises:
        CorruptDataError: something is damaged or missing.
        EngineLostError: the engine does not answer.
    """
    while True:
        try:
            return _restore(engine)
        except GapError:  # the home has made a snapshot meanwhile
            continue


def _restore(engine: Engine) -> Restored:
    found = Restored(number=engine.first() - 1)
    if found.number:
        data = engine.blob(base_name(found.number))
        if data is None:
            first = engine.first()
            if first - 1 != found.number:
                raise GapError(found.number, first)
            raise CorruptDataError(f"the snapshot up to record {found.number} is missing")
        record = decoded(data, f"the snapshot up to record {found.number}")
        if record.kind not in {BASE, SLOTS_BASE}:
            raise CorruptDataError(f"the snapshot up to record {found.number} is none")
        take(found, record)
        found.bases, found.base_size = record.cells, len(data)
        found.is_of_slots = record.kind == SLOTS_BASE
    changes: dict[int, list[bytes]] = defaultdict(list)
    last = engine.last()
    while found.number < last:
        for number, data in engine.read(found.number):
            if number > last:
                break  # what is stored meanwhile is somebody else's
            record = decoded(data, f"record {number} of the log")
            if record.kind not in {EPOCH, COMMIT, SLOTS, SLOTS_BASE}:
                raise CorruptDataError(f"record {number} of the log is of an unknown kind {record.kind}")
            if not (changes or found.bases):
                found.is_of_slots = record.kind in {SLOTS, SLOTS_BASE}
            elif record.kind != EPOCH and (record.kind != COMMIT) != found.is_of_slots:
                raise CorruptDataError(f"record {number} of the log is of another kind than those before it")
            if record.epoch <= found.epoch if record.kind == EPOCH else record.epoch != found.epoch:
                raise CorruptDataError(
                    f"record {number} of the log is of epoch {record.epoch}, after {found.epoch}"
                )
            take(found, record)
            found.number = number
            if record.kind == EPOCH:
                found.home = record.cells.get(0, b"").decode(errors="replace")
            elif record.kind == SLOTS_BASE:  # whatever was before it
                found.bases, found.base_size = record.cells, len(data)
                found.commits, found.size = 0, 0
                changes.clear()
            else:
                found.commits += 1
                found.size += len(data)
                for cell, added in record.cells.items():
                    changes[cell].append(added)
    found.changes = {cell: b"".join(parts) for cell, parts in changes.items()}
    return found


def last_position(engine: Engine) -> int:
    """The position of the last commit that is stored; 0 if there is none."""
    first, last = engine.first(), engine.last()
    if last >= first:
        return max(
            decoded(data, f"record {number} of the log").position for number, data in engine.read(last - 1)
        )
    data = engine.blob(base_name(last)) if last else None
    return 0 if data is None else decoded(data, f"the snapshot up to record {last}").position


def take(found: Restored, record: CommitRecord) -> None:
    """Moves what was found up to a record."""
    found.epoch, found.position = record.epoch, max(found.position, record.position)
    found.next_id = max(found.next_id, record.next_id)


def base_name(number: int) -> str:
    """The blob with the state as it was after a record. So the first record that is left names it."""
    return f"base/{number}"


class CommitLog:
    """The home's end of the log: it takes commits at once, and stores them in order behind.

    Whoever waits appends, else a thread does, one record at a time; what has been committed while an append was under
    way goes into the next one. ``durable`` says how far it has come.

    When the engine says no, or nothing, what was committed stays here, and is tried again: at intervals, and whenever
    somebody waits. Whoever waits gets the error. When there is more of it than ``limit``, :meth:`commit` waits too.
    """

    def __init__(self, engine: Engine, restored: Restored, limit: int) -> None:
        self.epoch = restored.epoch
        self.limit = limit
        self._engine = engine
        self._number = restored.number
        self._size, self._base_size = restored.size, restored.base_size
        self._committed = self._durable = restored.position
        self._next_id = restored.next_id
        self._base_kind = SLOTS_BASE if restored.is_of_slots else BASE
        self._changed = threading.Condition()
        self._waiting: list[Mapping[int, bytes]] = []  # commits that no record holds yet
        self._waiting_bytes = 0
        self._under_way: tuple[bytes, int, int] | None = None  # a record, its position, bytes of its commits
        self._error: ShareError | None = None  # of the last attempt
        self._attempts = 0  # that have begun
        self._asked = False  # somebody waits for an attempt
        self._is_storing = False  # one is under way
        self._closing = False
        self._thread = threading.Thread(target=self._store, name="share-commits", daemon=True)
        self._thread.start()

    @classmethod
    def open(cls, engine: Engine, home: str, limit: int = 1 << 26) -> tuple["CommitLog", Restored]:
        """Takes a share over: from here on no former home of it can store anything.

        Args:
            engine: the share's. It has not been used to append before.
            home: who takes over, for those who read the log.
            limit: bytes of commits that may be under way.

        Returns:
            The log, and what it holds.

        Raises:
            FencedError: somebody else took over at the same time.
            CorruptDataError: what the engine has is damaged; nothing was taken over.
        """
        restored = restore(engine)
        restored.epoch += 1
        begin = encoded(EPOCH, restored.epoch, restored.position, restored.next_id, {0: home.encode()})
        restored.number = engine.append(begin, restored.number)
        return cls(engine, restored, limit), restored

    @property
    def durable(self) -> int:
        """D: everything up to this position is stored."""
        return self._durable

    @property
    def wants_snapshot(self) -> bool:
        """Whether the commits since the last snapshot are longer than that, so that a new one is worth its cost."""
        return self._size > max(LEAST, self._base_size)

    def commit(self, position: int, changes: Mapping[int, bytes], next_id: int) -> None:
        """Takes what a commit has added to cells, to be stored behind all that came before.

        Args:
            position: the commit position after it, more than that of the commit before.
            changes: the bytes, by number of the cell.
            next_id: more than any id of a node that was given out so far.

        Raises:
            FencedError: another home has taken over.
            EngineError: there is too much that could not be stored, and it still cannot. This commit was not taken.
            EngineLostError: the same, for want of an answer.
        """
        size = sum(map(len, changes.values()))
        with self._changed:
            if self._closing:
                raise EngineLostError("this log has been closed")
            if position <= self._committed:
                raise ValueError(f"commit {position} comes after {self._committed}")
            self._check_fence()
            before = self._attempts
            while self._waiting_bytes and self._waiting_bytes + size > self.limit:
                self._await_attempt(before, None)
            self._waiting.append(changes)
            self._waiting_bytes += size
            self._committed, self._next_id = position, next_id
            self._changed.notify_all()

    def wait(self, position: int, timeout: float | None = None) -> None:
        """Waits until a position is stored.

        Raises:
            EngineError: it could not be stored now, the disk is full, say. It is kept, and will be tried again.
            EngineLostError: the engine does not answer; the same.
            FencedError: another home has taken over; it was not stored and never will be.
            ShareTimeoutError: it takes too long.
            ValueError: nothing with this position was committed.
        """
        until = None if timeout is None else time.monotonic() + timeout
        with self._changed:
            if position > self._committed:
                raise ValueError(f"position {position} has not been committed, only {self._committed}")
            before = self._attempts
            while self._durable < position:
                self._await_attempt(before, until)

    def flush(self, timeout: float | None = None) -> None:
        """Waits until all that was committed is stored; raises what ``wait`` raises."""
        self.wait(self._committed, timeout)

    def snapshot(self, bases: Mapping[int, bytes]) -> None:
        """Stores the whole state, and throws away the commits that it contains.

        Args:
            bases: all cells, as they are after the last commit.

        Raises:
            EngineError: there is no room for it, or not everything could be stored before. The log is as before.
            EngineLostError: no answer; the same.
        """
        self.flush()
        data = encoded(self._base_kind, self.epoch, self._committed, self._next_id, bases)
        number = self._number
        # In this order a reader finds at each moment what the first record that is left goes on from.
        self._engine.set_blob(base_name(number), data)
        self._engine.trim(number)
        for name in self._engine.blobs("base/"):
            if int(name.partition("/")[2]) < number:  # a greater one is of a home that has replaced this one
                self._engine.set_blob(name, None)
        self._size, self._base_size = 0, len(data)

    def close(self, timeout: float | None = None) -> None:
        """Waits until everything is stored, and ends. The engine stays open.

        Raises:
            ShareError: not everything could be stored, as in ``wait``. It has ended all the same.
        """
        try:
            self.flush(timeout)
        finally:
            with self._changed:
                self._closing = True
                self._changed.notify_all()
            self._thread.join()

    # -- behind ----------------------------------------------------------------------------------------------

    def _check_fence(self) -> None:
        if isinstance(self._error, FencedError):
            raise FencedError(
                f"{self._error}; what was committed here after position {self._durable} is not stored"
            )

    def _await_attempt(self, before: int, until: float | None) -> None:
        """Waits for something to happen; raises if an attempt that began after ``before`` has failed."""
        self._check_fence()
        if self._closing:
            raise EngineLostError("this log has been closed")
        if self._error is not None and self._attempts > before:
            raise self._error
        if until is None and not self._is_storing:
            self._attempt()  # here, which spares waking up another thread
            return
        self._asked = True
        self._changed.notify_all()
        left = None if until is None else until - time.monotonic()
        if left is not None and left <= 0:
            raise ShareTimeoutError(f"not stored in time: what was committed after position {self._durable}")
        self._changed.wait(left)

    def _store(self) -> None:
        """The thread: appends what nobody waits for, until it is closed or fenced."""
        with self._changed:
            while True:
                while self._is_storing or not (self._closing or self._waiting or self._under_way):
                    self._changed.wait()
                if self._error is not None and not self._asked and not self._closing:
                    self._changed.wait(RETRY)
                    if self._is_storing:
                        continue
                has_failed = isinstance(self._error, FencedError) or (
                    self._closing and self._error is not None
                )
                if has_failed or (self._closing and not (self._waiting or self._under_way)):
                    return
                if self._waiting or self._under_way:
                    self._attempt()

    def _attempt(self) -> None:
        """Appends one record, in the thread that calls it, and notes what came of it; others go on meanwhile."""
        if self._under_way is None:
            self._under_way = self._taken()
        data, position, size = self._under_way
        self._attempts += 1
        self._is_storing, self._asked, self._error = True, False, None
        error: ShareError | None = EngineLostError("the append was interrupted")
        self._changed.release()
        try:
            self._engine.append(data, self._number)
            error = None
        except (EngineError, EngineLostError, FencedError) as failure:
            error = failure
            log.warning("commits after position %d are not stored yet: %s", self._durable, failure)
        except Exception as failure:
            error = EngineLostError(f"the engine has failed: {type(failure).__name__}: {failure}")
            log.exception("commits after position %d are not stored yet", self._durable)
        finally:
            self._changed.acquire()
            self._is_storing, self._error = False, error
            if error is None:
                self._under_way = None
                self._number += 1
                self._durable = position
                self._waiting_bytes -= size
                self._size += len(data)
            self._changed.notify_all()

    def _taken(self) -> tuple[bytes, int, int]:
        """All commits that wait, as one record."""
        cells: dict[int, list[bytes]] = defaultdict(list)
        for changes in self._waiting:
            for cell, data in changes.items():
                cells[cell].append(data)
        self._waiting = []
        joined = {cell: b"".join(parts) for cell, parts in cells.items()}
        size = sum(map(len, joined.values()))
        return encoded(COMMIT, self.epoch, self._committed, self._next_id, joined), self._committed, size
