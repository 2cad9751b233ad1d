"""The engine of one machine: a file of SQLite, written ahead and flushed with each append."""

import ctypes
import errno
import fcntl
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from share.engine._engine import Engine, Record
from share.errors import CorruptDataError, EngineError, EngineLostError

__all__ = ["JournalEngine"]

APPLICATION = 0x73686172  # "shar": what SQLite notes in the file's header
VERSION = 1
LOOK = 0.01  # seconds between two looks whether the lock is free
AT_A_TIME = 1 << 20  # bytes that one read gives, or a little more

TABLES = """
CREATE TABLE log (number INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE queue (number INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE trimmed (stream TEXT PRIMARY KEY, upto INTEGER NOT NULL);
CREATE TABLE keys (key TEXT PRIMARY KEY, version INTEGER NOT NULL, data BLOB NOT NULL);
INSERT INTO trimmed VALUES ('log', 0), ('queue', 0);
"""


_in_use: "weakref.WeakSet[JournalEngine]" = weakref.WeakSet()


class JournalEngine(Engine):
    """An engine in a file, for one process at a time.

    The file's lock is its fence: nobody else can open it while this object is open, and the lock goes with the
    process, however that ends. A forked child has neither. Beside the file there is another, with ``-wal`` at its end,
    which belongs to it.

    Args:
        path: the file; it is made, for this user only, if it is not there.
        create: make it if it is not there.
        patience: for how long to wait, in seconds, if another process has it open.

    Raises:
        EngineError: the file is in use, is not a journal, or cannot be opened; ``errno`` says which.
        CorruptDataError: the file is damaged.
    """

    limit = 1 << 26

    def __init__(self, path: str | os.PathLike[str], create: bool = True, patience: float = 0.5) -> None:
        super().__init__()
        self.path = Path(path).absolute()
        self._using = threading.RLock()
        self._appended = threading.Condition(self._using)
        self._db: sqlite3.Connection | None = None
        self._lock = -1
        self._outcome = ""  # why it is not known what the file holds
        if not self.path.exists():
            if not create:
                raise EngineError(errno.ENOENT, f"there is no journal {self.path}")
            try:
                os.close(os.open(self.path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
            except OSError as error:
                raise EngineError(
                    error.errno, f"the journal {self.path} cannot be made: {error.strerror}"
                ) from error
        elif self.path.is_dir():
            raise EngineError(errno.EISDIR, f"{self.path} is a directory, not a journal")
        self._take_lock(patience)
        try:
            with self._errors():
                self._db = sqlite3.connect(
                    self.path, timeout=patience, isolation_level=None, check_same_thread=False
                )
                self._open(self._db)
        except BaseException:
            self.close()
            raise

    def _take_lock(self, patience: float) -> None:
        """A lock of our own: SQLite's goes when anybody in this process opens and closes the file, to copy it, say."""
        until = time.monotonic() + patience
        try:
            self._lock = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise EngineError(
                error.errno, f"the journal {self.path} cannot be opened: {error.strerror}"
            ) from error
        _in_use.add(self)
        while True:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except OSError as error:
                if time.monotonic() < until and error.errno == errno.EWOULDBLOCK:
                    time.sleep(LOOK)
                    continue
                self.close()
                raise EngineError(errno.EBUSY, self._busy()) from error

    def _after_fork(self) -> None:
        """In a forked child: the file is its parent's.

        The connection is never closed here, not even at the child's end: SQLite would take it for the file's last, and
        throw away the file beside it, into which the parent writes.
        """
        self._using = threading.RLock()  # another thread may have held it
        self._appended = threading.Condition(self._using)
        if self._db is not None:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._db))
            self._db = None
        self.close()

    def _busy(self) -> str:
        return f"the journal {self.path} is in use by another process, or twice in this one"

    def _open(self, db: sqlite3.Connection) -> None:
        db.execute("PRAGMA locking_mode=EXCLUSIVE")  # before all else: so no third file is needed
        (application,) = db.execute("PRAGMA application_id").fetchone()
        (version,) = db.execute("PRAGMA user_version").fetchone()
        (tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if application != APPLICATION and (application or tables):
            raise EngineError(errno.EINVAL, f"{self.path} is a database, but not a journal of a share")
        if application and version != VERSION:
            raise EngineError(
                errno.EINVAL,
                f"the journal {self.path} has format {version}, this library knows {VERSION}: use the same version",
            )
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        db.execute("BEGIN IMMEDIATE")
        if not application:
            for statement in TABLES.split(";"):
                db.execute(statement)
            db.execute(f"PRAGMA application_id={APPLICATION}")
            db.execute(f"PRAGMA user_version={VERSION}")
        db.execute("COMMIT")

    @property
    def not_durable(self) -> str:
        with self._transaction() as db:
            (mode,) = db.execute("PRAGMA journal_mode").fetchone()
            (flushes,) = db.execute("PRAGMA synchronous").fetchone()
        return (
            ""
            if (mode, flushes) == ("wal", 2)
            else f"SQLite works with journal_mode={mode}, synchronous={flushes}"
        )

    def close(self) -> None:
        with self._using:
            self._closed = True
            if self._db is not None:
                self._db.close()
                self._db = None
            if self._lock >= 0:
                os.close(self._lock)
                self._lock = -1

    # -- for those who look after the file -------------------------------------------------------------------

    def check(self) -> list[str]:
        """What SQLite finds wrong with the file; nothing, if all is well."""
        with self._transaction() as db:
            found = [row[0] for row in db.execute("PRAGMA integrity_check(20)")]
        return [] if found == ["ok"] else found

    def shrink(self) -> None:
        """Gives the room of what was thrown away back to the file system."""
        with self._transaction(begin=False) as db:
            db.execute("VACUUM")
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    # -- the adapter -----------------------------------------------------------------------------------------

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Errors of SQLite as ours."""
        try:
            yield
        except (UnicodeDecodeError, TypeError) as error:  # SQLite hands out what cannot be in a journal
            raise CorruptDataError(f"the journal {self.path} is damaged: {error}") from error
        except sqlite3.Error as error:
            name = getattr(error, "sqlite_errorname", "")
            if name in ("SQLITE_CORRUPT", "SQLITE_NOTADB"):
                raise CorruptDataError(f"the journal {self.path} is damaged, or is none: {error}") from error
            if name in ("SQLITE_BUSY", "SQLITE_LOCKED"):
                raise EngineError(errno.EBUSY, self._busy()) from error
            if name == "SQLITE_FULL":
                raise EngineError(
                    errno.ENOSPC, f"the disk is full: nothing could be added to the journal {self.path}"
                ) from error
            if name.startswith("SQLITE_IOERR"):
                # A flush that failed may have written. What the file holds shows when it is opened again.
                self._outcome = f"the journal {self.path} could not be written ({name}): open it again"
                self._closed = True
                raise EngineLostError(self._outcome) from error
            raise EngineError(errno.EIO, f"the journal {self.path}: {error} ({name})") from error

    @contextmanager
    def _transaction(self, begin: bool = True) -> Iterator[sqlite3.Connection]:
        with self._using, self._errors():
            if self._db is None:
                raise EngineLostError(f"the journal {self.path} has been closed")
            if self._outcome:
                raise EngineLostError(self._outcome)
            if begin:
                self._db.execute("BEGIN")
            try:
                yield self._db
                if begin:
                    self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def _ends(self, db: sqlite3.Connection, stream: str) -> tuple[int, int]:
        (trimmed,) = db.execute("SELECT upto FROM trimmed WHERE stream=?", (stream,)).fetchone()
        (last,) = db.execute(f"SELECT max(number) FROM {stream}").fetchone()
        return trimmed + 1, trimmed if last is None else last

    def _append(self, stream: str, data: bytes, expected: int | None) -> int:
        with self._transaction() as db:
            _, last = self._ends(db, stream)
            if expected is not None and last != expected:
                return 0
            db.execute(f"INSERT INTO {stream} VALUES (?, ?)", (last + 1, data))
        with self._appended:
            self._appended.notify_all()
        return last + 1

    def _read(self, stream: str, after: int, wait: float) -> list[Record]:
        until = time.monotonic() + wait
        with self._appended:
            while True:
                with self._transaction() as db:
                    found, size = [], 0
                    rows = db.execute(
                        f"SELECT number, data FROM {stream} WHERE number>? ORDER BY number", (after,)
                    )
                    for number, data in rows:
                        found.append(Record(number, bytes(memoryview(data))))
                        size += len(data)
                        if size > AT_A_TIME:
                            break
                    rows.close()
                if found or not self._appended.wait(until - time.monotonic()):
                    return found

    def _bounds(self, stream: str) -> tuple[int, int]:
        with self._transaction() as db:
            return self._ends(db, stream)

    def _trim(self, stream: str, upto: int) -> None:
        with self._transaction() as db:
            first, last = self._ends(db, stream)
            db.execute("UPDATE trimmed SET upto=? WHERE stream=?", (max(first - 1, min(upto, last)), stream))
            db.execute(f"DELETE FROM {stream} WHERE number<=?", (upto,))

    def _get(self, key: str) -> tuple[int, bytes] | None:
        with self._transaction() as db:
            found = db.execute("SELECT version, data FROM keys WHERE key=?", (key,)).fetchone()
            return (int(found[0]), bytes(memoryview(found[1]))) if found else None

    def _set(self, key: str, data: bytes, version: int | None) -> bool:
        with self._transaction() as db:
            found = db.execute("SELECT version FROM keys WHERE key=?", (key,)).fetchone()
            before = found[0] if found else 0
            if version is not None and version != before:
                return False
            db.execute("INSERT OR REPLACE INTO keys VALUES (?, ?, ?)", (key, before + 1, data))
            return True

    def _delete(self, key: str) -> None:
        with self._transaction() as db:
            db.execute("DELETE FROM keys WHERE key=?", (key,))

    def _keys(self, prefix: str) -> list[str]:
        with self._transaction() as db:
            return [
                row[0]
                for row in db.execute("SELECT key FROM keys WHERE substr(key, 1, ?)=?", (len(prefix), prefix))
            ]


def _after_fork() -> None:
    for engine in list(_in_use):
        engine._after_fork()


os.register_at_fork(after_in_child=_after_fork)
