"""What keeps the commits of a share: engines, and the log of commits that they all keep in the same way.

The engines that talk to servers are loaded when they are first asked for.
"""

from typing import TYPE_CHECKING, Any

from share.engine._commits import CommitLog, Restored, restore
from share.engine._engine import PIECE, Engine, GapError, Queued, Record
from share.engine._journal import JournalEngine
from share.engine._memory import MemoryEngine, MemoryServer

if TYPE_CHECKING:
    from share.engine._nats import NatsEngine
    from share.engine._postgres import PostgresEngine

__all__ = [
    "PIECE",
    "CommitLog",
    "Engine",
    "GapError",
    "JournalEngine",
    "MemoryEngine",
    "MemoryServer",
    "NatsEngine",
    "PostgresEngine",
    "Queued",
    "Record",
    "Restored",
    "restore",
]


def __getattr__(name: str) -> Any:
    if name == "NatsEngine":
        from share.engine._nats import NatsEngine

        return NatsEngine
    if name == "PostgresEngine":
        from share.engine._postgres import PostgresEngine

        return PostgresEngine
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
