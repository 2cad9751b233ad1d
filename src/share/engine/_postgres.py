"""The engine on PostgreSQL: three tables, and the compare-and-set of an append in one statement."""

import contextlib
import errno
import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NoAnswer
from typing import Any

from share.engine._engine import Engine, Record
from share.errors import EngineError, EngineLostError

__all__ = ["PostgresEngine"]

AT_A_TIME = 64  # records that one read gives
LOOK = 0.01  # seconds between two looks of a reader who waits

TABLES = """
SELECT pg_advisory_xact_lock(1936220530);
CREATE TABLE IF NOT EXISTS share_streams (
    share text, stream text, trimmed bigint NOT NULL, last bigint NOT NULL, PRIMARY KEY (share, stream));
CREATE TABLE IF NOT EXISTS share_records (
    share text, stream text, number bigint, data bytea NOT NULL, PRIMARY KEY (share, stream, number));
CREATE TABLE IF NOT EXISTS share_keys (
    share text, key text, version bigint NOT NULL, data bytea NOT NULL, PRIMARY KEY (share, key));
"""
STREAM = "INSERT INTO share_streams VALUES (%(share)s, %(stream)s, 0, 0) ON CONFLICT DO NOTHING"
# The row of the stream is locked until the record is committed, so records become visible in their order.
APPEND = """
WITH moved AS (
    UPDATE share_streams SET last = last + 1
    WHERE share = %(share)s AND stream = %(stream)s AND (%(expected)s::bigint IS NULL OR last = %(expected)s)
    RETURNING last)
INSERT INTO share_records SELECT %(share)s, %(stream)s, last, %(data)s FROM moved RETURNING number
"""
TRIM = """
WITH moved AS (
    UPDATE share_streams SET trimmed = greatest(trimmed, least(%(upto)s, last))
    WHERE share = %(share)s AND stream = %(stream)s)
DELETE FROM share_records WHERE share = %(share)s AND stream = %(stream)s AND number <= %(upto)s
"""


class PostgresEngine(Engine):
    """An engine in a database of PostgreSQL, for any number of shares: tables are made when they are not there.

    Args:
        url: ``postgresql://user@host/database``, or whatever else libpq takes.
        share: the share's name.
        answer: for how long, in seconds, to wait for any one answer.

    Raises:
        EngineLostError: there is no server.
        EngineError: it refuses the user, or to make tables.
        ModuleNotFoundError: ``psycopg`` is missing.
    """

    limit = 1 << 26

    def __init__(self, url: str, share: str, answer: float = 5.0) -> None:
        super().__init__()
        self._url, self._share, self._answer = url, share, answer
        self._db: Any = None
        self._wire: socket.socket | None = None  # the connection's socket, by a number of our own
        self._worker = ThreadPoolExecutor(1, "share-postgres")  # so that a wait for the server can be ended
        try:
            self._do(TABLES)
            for stream in ("log", "queue"):
                self._do(
                    "INSERT INTO share_streams VALUES (%(share)s, %(stream)s, 0, 0) ON CONFLICT DO NOTHING",
                    stream=stream,
                )
        except BaseException:
            self.close()
            raise

    @property
    def not_durable(self) -> str:
        for setting in ("fsync", "synchronous_commit"):
            ((value,),) = self._do(f"SHOW {setting}")
            if value == "off":
                return f"the server's setting {setting} is off: set it to on"
        return ""

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._worker.submit(self._disconnect)
            self._worker.shutdown()

    # -- talking to it ---------------------------------------------------------------------------------------

    def _do(self, statement: str, **arguments: Any) -> list[tuple[Any, ...]]:
        """What a statement gives; it is a transaction of its own."""
        import psycopg

        if self._closed:
            raise EngineLostError("this engine has been closed")
        if arguments:
            arguments["share"] = self._share
        work = self._worker.submit(self._execute, statement, arguments)
        try:
            try:
                return work.result(self._answer)
            except NoAnswer:
                work.cancel()
                self._hang_up()
                raise EngineLostError(f"PostgreSQL has not answered for {self._answer} s") from None
        except psycopg.Error as error:
            state = error.sqlstate or ""
            if not state or state.startswith(("08", "40", "57P")):
                raise EngineLostError(f"PostgreSQL does not answer: {error}") from error
            code = errno.ENOSPC if state == "53100" else errno.EREMOTEIO
            raise EngineError(code, f"PostgreSQL: {error}") from error

    def _execute(self, statement: str, arguments: dict[str, Any]) -> list[tuple[Any, ...]]:
        """In the worker."""
        import psycopg

        if self._db is None:
            self._db = psycopg.connect(
                self._url, autocommit=True, connect_timeout=max(2, round(self._answer))
            )
            self._wire = socket.socket(fileno=os.dup(self._db.fileno()))
        try:
            cursor = self._db.execute(statement, arguments or None, binary=bool(arguments))
            return cursor.fetchall() if cursor.description else []
        finally:
            if self._db.broken:
                self._disconnect()

    def _disconnect(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    def _hang_up(self) -> None:
        """Ends the worker's wait for the server: it finds its connection broken."""
        wire = self._wire
        if wire is not None:
            with contextlib.suppress(OSError):  # it has ended meanwhile
                wire.shutdown(socket.SHUT_RDWR)

    # -- the adapter -----------------------------------------------------------------------------------------

    def _append(self, stream: str, data: bytes, expected: int | None) -> int:
        found = self._do(APPEND, stream=stream, data=data, expected=expected)
        return int(found[0][0]) if found else 0

    def _read(self, stream: str, after: int, wait: float) -> list[Record]:
        until = time.monotonic() + wait
        while True:
            found = self._do(
                "SELECT number, data FROM share_records WHERE share = %(share)s AND stream = %(stream)s "
                "AND number > %(after)s ORDER BY number LIMIT %(limit)s",
                stream=stream,
                after=after,
                limit=AT_A_TIME,
            )
            left = until - time.monotonic()
            if found or left <= 0:
                return [Record(number, data) for number, data in found]
            time.sleep(min(left, LOOK))

    def _bounds(self, stream: str) -> tuple[int, int]:
        ((trimmed, last),) = self._do(
            "SELECT trimmed, last FROM share_streams WHERE share = %(share)s AND stream = %(stream)s",
            stream=stream,
        )
        return trimmed + 1, last

    def _trim(self, stream: str, upto: int) -> None:
        self._do(TRIM, stream=stream, upto=upto)

    def _get(self, key: str) -> tuple[int, bytes] | None:
        found = self._do(
            "SELECT version, data FROM share_keys WHERE share = %(share)s AND key = %(key)s", key=key
        )
        return (found[0][0], found[0][1]) if found else None

    def _set(self, key: str, data: bytes, version: int | None) -> bool:
        if version:
            statement = (
                "UPDATE share_keys SET version = version + 1, data = %(data)s "
                "WHERE share = %(share)s AND key = %(key)s AND version = %(version)s RETURNING 1"
            )
        else:
            statement = "INSERT INTO share_keys VALUES (%(share)s, %(key)s, 1, %(data)s) ON CONFLICT " + (
                "DO NOTHING RETURNING 1"
                if version == 0
                else "(share, key) DO UPDATE SET version = share_keys.version + 1, data = excluded.data RETURNING 1"
            )
        return bool(self._do(statement, key=key, data=data, version=version))

    def _delete(self, key: str) -> None:
        self._do("DELETE FROM share_keys WHERE share = %(share)s AND key = %(key)s", key=key)

    def _keys(self, prefix: str) -> list[str]:
        found = self._do(
            "SELECT key FROM share_keys WHERE share = %(share)s AND starts_with(key, %(prefix)s)",
            prefix=prefix,
        )
        return [key for (key,) in found]
