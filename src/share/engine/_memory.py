"""An engine in memory, for tests: it is lost with its process, and answers are lost where the test says so."""

import threading
from collections import defaultdict

from share.engine._engine import Engine, Record
from share.errors import EngineError, EngineLostError

__all__ = ["MemoryEngine", "MemoryServer"]


class MemoryServer:
    """What several engines of one process share.

    Attributes:
        faults: for each of the next appends ``"lost"`` (not stored, no answer), ``"stored"`` (stored, no answer),
            ``"full"`` (refused) or ``""``.
        is_down: nothing is answered.
    """

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.trimmed: dict[str, int] = defaultdict(int)
        self.records: dict[str, list[bytes]] = defaultdict(list)
        self.keys: dict[str, tuple[int, bytes]] = {}
        self.versions = 0
        self.faults: list[str] = []
        self.is_down = False


class MemoryEngine(Engine):
    """An engine on a :class:`MemoryServer`."""

    def __init__(self, server: MemoryServer) -> None:
        super().__init__()
        self._server = server

    @property
    def not_durable(self) -> str:
        return "it is in memory"

    def close(self) -> None:
        self._closed = True

    def _up(self) -> MemoryServer:
        if self._closed:
            raise EngineLostError("this engine has been closed")
        if self._server.is_down:
            raise EngineLostError("the server is down")
        return self._server

    def _append(self, stream: str, data: bytes, expected: int | None) -> int:
        server = self._up()
        with server.changed:
            fault = server.faults.pop(0) if server.faults else ""
            if fault == "lost":
                raise EngineLostError("no answer")
            if fault == "full":
                raise EngineError(28, "there is no room")
            records = server.records[stream]
            last = server.trimmed[stream] + len(records)
            if expected is not None and last != expected:
                return 0
            records.append(data)
            server.changed.notify_all()
            if fault == "stored":
                raise EngineLostError("no answer")
            return last + 1

    def _read(self, stream: str, after: int, wait: float) -> list[Record]:
        server = self._up()
        with server.changed:
            server.changed.wait_for(lambda: self._behind(stream, after), wait)
            return self._behind(stream, after)

    def _behind(self, stream: str, after: int) -> list[Record]:
        trimmed = self._server.trimmed[stream]
        start = max(after, trimmed)
        return [
            Record(start + i + 1, data)
            for i, data in enumerate(self._server.records[stream][start - trimmed :][:256])
        ]

    def _bounds(self, stream: str) -> tuple[int, int]:
        server = self._up()
        with server.changed:
            trimmed = server.trimmed[stream]
            return trimmed + 1, trimmed + len(server.records[stream])

    def _trim(self, stream: str, upto: int) -> None:
        server = self._up()
        with server.changed:
            records = server.records[stream]
            count = min(max(0, upto - server.trimmed[stream]), len(records))
            del records[:count]
            server.trimmed[stream] += count

    def _get(self, key: str) -> tuple[int, bytes] | None:
        return self._up().keys.get(key)

    def _set(self, key: str, data: bytes, version: int | None) -> bool:
        server = self._up()
        with server.changed:
            if version is not None and server.keys.get(key, (0, b""))[0] != version:
                return False
            server.versions += 1
            server.keys[key] = server.versions, data
            return True

    def _delete(self, key: str) -> None:
        self._up().keys.pop(key, None)

    def _keys(self, prefix: str) -> list[str]:
        with self._server.changed:
            return [key for key in self._up().keys if key.startswith(prefix)]
