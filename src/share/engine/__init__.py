"""What keeps the commits of a share: engines, and the log of commits that they all keep in the same way.

An engine is imported from here by name, and loads what it needs (``nats-py``, ``psycopg``) when it is made.
"""

from share.engine._commits import CommitLog, Restored, restore
from share.engine._engine import PIECE, Engine, GapError, Queued, Record
from share.engine._journal import JournalEngine
from share.engine._memory import MemoryEngine, MemoryServer
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
