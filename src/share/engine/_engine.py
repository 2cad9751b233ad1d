"""What a share asks of whatever keeps its log: six operations, the same for every engine.

An adapter says how *its* engine does eight small things (the abstract methods); all that has to be right in the same
way everywhere (the fence, an append without an answer, gaps, the lease, blobs in pieces) is here, once.
"""

import logging
import re
import secrets
import struct
import threading
import time
import zlib
from abc import ABC, abstractmethod
from typing import NamedTuple, Self

from share.errors import CorruptDataError, EngineError, EngineLostError, FencedError, ShareError

__all__ = ["PIECE", "Engine", "GapError", "Queued", "Record"]

log = logging.getLogger(__name__)

PIECE = 512 * 1024  # bytes of a blob that are stored at a time: servers limit what they take at once
RETRY = 0.05  # seconds between two attempts of an append that got no answer

INLINE, ASIDE = b"\0", b"\1"  # whether a record is in the log, or in a blob that the log names
QUEUED = re.compile("queued/[0-9a-f]{24}")  # the blob of a message that is too large for the queue itself
_BLOB = struct.Struct("<IQI")  # pieces, bytes, checksum


class Record(NamedTuple):
    """One record of the log."""

    number: int  # 1 is the first; each is one more than the one before
    data: bytes


class Queued(NamedTuple):
    """One message of the queue."""

    place: int  # grows from message to message
    sender: str
    number: int  # the sender's own
    data: bytes


class GapError(ShareError, LookupError):
    """Records have been trimmed that a reader has not read; ``first`` is the first that there is.

    Whoever trimmed them has put aside before what stands for them.
    """

    def __init__(self, after: int, first: int) -> None:
        super().__init__(f"the records {after + 1} to {first - 1} are no longer in the log")
        self.first = first


class Engine(ABC):
    """A log of records, a queue of messages, a lease, and blobs, for one share.

    The operations are :meth:`append`, :meth:`read`, :meth:`last`, :meth:`lease`, the queue (:meth:`send`,
    :meth:`receive`) and blobs (:meth:`blob`, :meth:`set_blob`); :meth:`trim`, :meth:`forget` and :meth:`blobs` throw
    away what is needed no more. Times are in seconds, sizes in bytes. An engine belongs to the process that made it,
    and may be used by all of its threads.

    All of them raise :class:`EngineLostError` when there is no answer, and :class:`EngineError` when the engine says
    no (the disk is full, say), in which case nothing has changed.
    """

    limit: int | None = None  # bytes of the largest record that goes into the log itself
    lag = 0.0  # for how many seconds an answer can be older than one before, as of another server

    def __init__(self) -> None:
        self._token = secrets.token_bytes(8)  # tells our records from those of any other home
        self._appending = threading.Lock()
        self._told: int | None = None  # the last number that may be expected: our own last one
        self._unsettled: tuple[bytes, bytes] | None = (
            None  # an append without an answer: its data, what was sent
        )
        self._fenced = ""
        self._has_appended = False
        self._short_since: float | None = None  # since when the log has been said to end too early
        self._closed = False  # there will be no answer any more
        self._lease_seen: int | None = None
        self._lease_since = 0.0

    # -- the log -------------------------------------------------------------------------------------------

    def append(self, data: bytes, expected: int, timeout: float = 10.0) -> int:
        """Stores a record, if the log still ends where the caller knows it to end.

        One append is under way at a time, and nothing but what the engine has told can be expected (by ``last``
        before the first append, by the append before after that). So a home whose place another one has taken never
        gets a record into the log: the first refused append ends it.

        An append without an answer, or with answers that contradict each other, is repeated until ``timeout``. Each
        time that one is refused, the log is read to see whether an attempt before was stored. It is stored once or not
        at all.

        Args:
            data: the record.
            expected: the number of the log's last record; 0 if there is none.
            timeout: how long to try.

        Returns:
            The record's number, ``expected + 1``.

        Raises:
            FencedError: somebody else has appended. The record is not in the log, and no later one will be.
            EngineLostError: it was not to be learned in time whether the record is in the log. The same append has to
                be repeated before any other is made.
            EngineError: it cannot be stored; the log is as before.
            ValueError: ``expected`` was not told by the engine.
        """
        with self._appending:
            if self._fenced:
                raise FencedError(self._fenced)
            if expected != self._told:
                raise ValueError(f"the engine told {self._told} as the last number, not {expected}")
            if self._unsettled is not None and self._unsettled[0] != data:
                raise ValueError("it is not known whether the append before was stored: repeat it first")
            is_unknown = self._unsettled is not None
            sent = self._unsettled[1] if self._unsettled is not None else self._wrapped(data, expected + 1)
            until = time.monotonic() + timeout
            while True:
                self._unsettled = data, sent  # whatever ends this, Ctrl-C too, until the outcome is known
                try:
                    if not self._append("log", sent, expected):
                        self._find(sent, expected + 1)
                    break
                except FencedError as error:
                    self._unsettled, self._fenced = None, str(error)
                    raise
                except EngineError as error:
                    if not is_unknown:
                        self._unsettled = None
                        raise
                    failure = EngineLostError(f"record {expected + 1} may have been stored before: {error}")
                    failure.__cause__ = error
                except EngineLostError as error:
                    failure = error
                is_unknown = True
                if self._closed or time.monotonic() >= until:
                    raise failure
                time.sleep(RETRY)
            self._unsettled = self._short_since = None
            self._told, self._has_appended = expected + 1, True
            return expected + 1

    def _find(self, sent: bytes, number: int) -> None:
        """Finds a record that was refused in the log all the same, stored by an attempt before.

        Raises:
            FencedError: another home's is there.
            EngineLostError: neither can be seen, perhaps not yet.
        """
        try:
            there = self._record(number)
            if there == sent:
                return
            first, last = self._bounds("log")
        except EngineError as error:
            raise EngineLostError(
                f"record {number} was refused, and what is there cannot be read: {error}"
            ) from error
        if there is not None or number < first:
            raise FencedError(
                f"another home has stored record {number} of this share: this one has been replaced"
            )
        self._check_end(last, number - 1)
        raise EngineLostError(f"record {number} was refused, and is not in the log yet")

    def _record(self, number: int) -> bytes | None:
        """What is stored as a record of the log, if anything is."""
        return next((data for found, data in self._read("log", number - 1, 0) if found == number), None)

    def _check_end(self, last: int, number: int) -> None:
        """Raises an error if the log ends before a record that was once there.

        Raises:
            FencedError: it is lost.
            EngineLostError: it is, or who answers does not know it yet.
        """
        if number <= last:
            self._short_since = None
            return
        now = time.monotonic()
        if self._short_since is None:
            self._short_since = now
        lost = f"the log ends with record {last}: record {number} is of a future that was lost"
        if now - self._short_since >= self.lag:
            raise FencedError(lost)
        raise EngineLostError(f"{lost}, or the server that says so is behind the others")

    def _wrapped(self, data: bytes, number: int) -> bytes:
        if self.limit is None or len(data) < self.limit - 16:
            return self._token + INLINE + data
        name = f"record/{number}/{secrets.token_hex(8)}"
        self.set_blob(name, data)
        return self._token + ASIDE + name.encode()

    def read(self, after: int, wait: float = 0.0) -> list[Record]:
        """The records behind one, in order: some at a time, at least one if there is any.

        Args:
            after: the number of the last record that is known; 0 for none.
            wait: for how long to wait for one if there is none.

        Raises:
            GapError: the next record has been trimmed.
            FencedError: the log ends before ``after``: what is known there is of a future that was lost.
            EngineLostError: the same, but another of the engine's servers may know more.
        """
        found = self._read("log", after, wait)
        if not found:
            first, last = self._bounds("log")
            if after + 1 < first:
                raise GapError(after, first)
            self._check_end(last, after)
        elif found[0].number != after + 1:
            raise GapError(after, found[0].number)
        records = []
        for number, (stored, sent) in enumerate(found, after + 1):
            if stored != number:
                raise CorruptDataError(
                    f"record {number} is missing in the log, where record {stored} is next"
                )
            records.append(Record(number, self._unwrapped(number, sent)))
        return records

    def _unwrapped(self, number: int, sent: bytes) -> bytes:
        kind, data = sent[8:9], sent[9:]
        if kind == INLINE:
            return data
        aside = self.blob(data.decode(errors="replace")) if kind == ASIDE else None
        if aside is not None:
            return aside
        first, _ = self._bounds("log")
        if number < first:
            raise GapError(number - 1, first)  # trimmed meanwhile
        raise CorruptDataError(f"record {number} of the log is damaged, or a blob of it is missing")

    def last(self) -> int:
        """The number of the last record; 0 if none was ever stored."""
        _, last = self._bounds("log")
        with self._appending:
            if not self._has_appended and self._unsettled is None:
                self._told = last
        return last

    def first(self) -> int:
        """The number of the first record that has not been trimmed, be it there already or not."""
        return self._bounds("log")[0]

    def trim(self, upto: int) -> None:
        """Throws away all records up to a number, and what was stored aside for them."""
        self._trim("log", upto)
        for name in self.blobs("record/"):
            if int(name.split("/")[1]) <= upto:
                self.set_blob(name, None)

    # -- the lease -----------------------------------------------------------------------------------------

    def lease(self, holder: str, seconds: float) -> bool:
        """Takes the lease if it is free, or keeps it; with ``seconds=0`` gives it up.

        It says who should be home, for as long as nobody doubts it; what a home may store is decided by ``append``
        alone. Nobody's clock is compared with another's: the lease is free when its holder has given it up, or has
        not kept it for as long as it said, by the clock of the one who looks, from when that one first looked.

        Args:
            holder: a name of the caller's own.
            seconds: how long it lasts, from before this call.

        Returns:
            Whether the caller holds it now.
        """
        began = time.monotonic()
        version, data = self._get("lease") or (0, b"")
        if version != self._lease_seen:
            self._lease_seen, self._lease_since = version, time.monotonic()
        lasts, _, owner = data.decode().partition(" ")
        if owner not in ("", holder) and began - self._lease_since < float(lasts):
            return False
        if not seconds and owner != holder:
            return False
        kept = self._set("lease", f"{seconds} {holder}".encode() if seconds else b"0 ", version)
        return kept and seconds > 0

    def leaseholder(self) -> str:
        """Who took the lease last, and has not given it up since."""
        _, data = self._get("lease") or (0, b"")
        return data.decode().partition(" ")[2]

    # -- the queue -----------------------------------------------------------------------------------------

    def send(self, sender: str, number: int, data: bytes) -> None:
        """Puts a message into the queue.

        When this returns it is stored, at least once; when it raises ``EngineLostError``, perhaps. So a sender numbers
        its messages and repeats those without an answer, and the receiver takes of each sender only the next number.

        Args:
            sender: who sends.
            number: the message's number among those of the sender.
            data: what is sent, of any size.
        """
        name = sender.encode()
        head = struct.pack("<QH", number, len(name)) + name
        if self.limit is not None and len(head) + len(data) >= self.limit - 16:
            aside = f"queued/{secrets.token_hex(12)}"
            self.set_blob(aside, data)
            body = ASIDE + head + aside.encode()
        else:
            body = INLINE + head + data
        self._append("queue", body, None)

    def receive(self, after: int, wait: float = 0.0) -> list[Queued]:
        """The messages behind a place, in order, some at a time; repeated ones as often as they were stored.

        Args:
            after: the place of the last message that is known; 0 for none. What has been forgotten is passed over.
            wait: for how long to wait for one if there is none.
        """
        messages: list[Queued] = []
        while not messages:
            found = self._read("queue", after, wait)
            if not found:
                break
            after, wait = found[-1].number, 0.0
            for place, body in found:
                try:
                    messages.append(self._message(place, body))
                except (CorruptDataError, ValueError, struct.error) as error:
                    # Whoever may send can send anything; the others' messages behind it go on.
                    log.warning("the message at %d of the queue is damaged, and left out: %s", place, error)
        return messages

    def _message(self, place: int, body: bytes) -> Queued:
        number, size = struct.unpack_from("<QH", body, 1)
        sender, data = body[11 : 11 + size].decode(), body[11 + size :]
        if body[:1] == ASIDE:
            name = data.decode()
            aside = self.blob(name) if QUEUED.fullmatch(name) else None
            if aside is None:
                raise CorruptDataError("what was stored aside for it is missing")
            data = aside
        elif body[:1] != INLINE or len(body) < 11 + size:
            raise CorruptDataError("it is of no known form")
        return Queued(place, sender, number, data)

    def forget(self, upto: int) -> None:
        """Throws away all messages of the queue up to a place: those that a stored commit has consumed, no others."""
        aside: list[str] = []
        place = self._bounds("queue")[0] - 1
        while place < upto:
            found = self._read("queue", place, 0)
            if not found:
                break
            place = found[-1].number
            for number, body in found:
                if number <= upto and body[:1] == ASIDE and len(body) > 11:
                    name = body[11 + struct.unpack_from("<H", body, 9)[0] :].decode(errors="replace")
                    if QUEUED.fullmatch(name):  # and nothing else, whatever a stranger sends
                        aside.append(name)
        self._trim("queue", upto)
        for name in aside:
            self.set_blob(name, None)

    # -- blobs ---------------------------------------------------------------------------------------------

    def set_blob(self, name: str, data: bytes | None) -> None:
        """Stores a blob of any size in pieces, all of it or nothing; ``None`` throws it away.

        A blob is stored once, under a name that is never used again.

        Args:
            name: letters, digits, ``-`` and ``/``.
            data: its content.
        """
        if data is None:
            pieces = self._keys(f"piece/{name}/")
            self._delete(f"blob/{name}")
            for key in pieces:
                self._delete(key)
            return
        view = memoryview(data)
        count = (len(data) + PIECE - 1) // PIECE
        for i in range(count):
            self._set(f"piece/{name}/{i}", bytes(view[i * PIECE : (i + 1) * PIECE]), None)
        # Whoever finds this finds all pieces.
        self._set(f"blob/{name}", _BLOB.pack(count, len(data), zlib.crc32(data)), None)

    def blob(self, name: str) -> bytes | None:
        """The content of a blob; ``None`` if there is no such blob.

        Raises:
            CorruptDataError: a part of it is missing or damaged.
        """
        found = self._get(f"blob/{name}")
        if found is None:
            return None
        if len(found[1]) != _BLOB.size:
            raise CorruptDataError(f"the blob {name} is damaged")
        count, size, checksum = _BLOB.unpack(found[1])
        pieces = []
        for i in range(count):
            piece = self._get(f"piece/{name}/{i}")
            if piece is None:
                if self._get(f"blob/{name}") is None:
                    return None  # thrown away meanwhile
                raise CorruptDataError(f"piece {i} of the blob {name} is missing")
            pieces.append(piece[1])
        data = b"".join(pieces)
        if len(data) != size or zlib.crc32(data) != checksum:
            raise CorruptDataError(f"the blob {name} is damaged")
        return data

    def blobs(self, prefix: str = "") -> list[str]:
        """The names of the blobs that begin with something, in order; those that are only half there, too."""
        whole = {key.removeprefix("blob/") for key in self._keys(f"blob/{prefix}")}
        parts = {key.removeprefix("piece/").rpartition("/")[0] for key in self._keys(f"piece/{prefix}")}
        return sorted(whole | parts)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    # -- what an adapter has to say ------------------------------------------------------------------------

    @property
    @abstractmethod
    def not_durable(self) -> str:
        """Why what it has acknowledged could be lost with the machine's power; empty if it has shown to flush first."""

    @abstractmethod
    def close(self) -> None:
        """Ends the use of the engine by this object. It may be called again."""

    @abstractmethod
    def _append(self, stream: str, data: bytes, expected: int | None) -> int:
        """Adds to ``"log"`` or ``"queue"`` if its last number is as expected, or in any case: the new number, or 0."""

    @abstractmethod
    def _read(self, stream: str, after: int, wait: float) -> list[Record]:
        """Some of what there is behind a number, in order."""

    @abstractmethod
    def _bounds(self, stream: str) -> tuple[int, int]:
        """The first number that is not trimmed, and the last one; one more than the last, if there is nothing."""

    @abstractmethod
    def _trim(self, stream: str, upto: int) -> None:
        """Throws away what there is up to a number."""

    @abstractmethod
    def _get(self, key: str) -> tuple[int, bytes] | None:
        """A version, and what was set last."""

    @abstractmethod
    def _set(self, key: str, data: bytes, version: int | None) -> bool:
        """Sets it if its version is as given (0: there is none), or in any case. Whether it was set."""

    @abstractmethod
    def _delete(self, key: str) -> None:
        """Throws it away, if it is there."""

    @abstractmethod
    def _keys(self, prefix: str) -> list[str]:
        """All keys that begin so."""
