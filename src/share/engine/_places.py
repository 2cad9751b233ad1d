"""Where a share is stored: a file of this machine, or a name on a server."""

import errno
import re
import time
from urllib.parse import parse_qs, urlsplit

from share.engine._engine import Engine
from share.engine._journal import JournalEngine
from share.errors import EngineError

__all__ = ["LEASE", "await_lease", "check_place", "is_file", "open_place", "shown_place"]

LEASE = 5.0  # seconds after which a home that is not heard of may be replaced
PATIENCE = 10.0  # seconds for which a new home waits for that
LOOK = 0.1  # seconds between two looks at the lease
NATS = ("nats", "tls", "ws", "wss")
POSTGRES = ("postgresql", "postgres")


def is_file(where: str) -> bool:
    """Whether it is a file's path, and no server's address."""
    return re.match(r"[a-z]+://", where) is None


def check_place(url: str, share: str | None) -> str:
    """The name; raises ValueError if that is no address of a server, or no name that all servers take."""
    if is_file(url) or urlsplit(url).scheme not in (*NATS, *POSTGRES):
        raise ValueError(f"engine is 'nats://host' or 'postgresql://user@host/database', not {url!r}")
    if share is None or not re.fullmatch(r"[\w-]+", share, re.ASCII):
        raise ValueError(f"a share on an engine has a name of letters, digits, - and _, not {share!r}")
    if urlsplit(url).scheme in NATS:
        _nats_options(url)
    return share


def open_place(where: str, share: str, create: bool = True, patience: float = 0.5) -> Engine:
    """The engine of a share.

    Args:
        where: a path, or the address of a server.
        share: the share's name on the server.
        create: make the file if it is not there.
        patience: for how long to wait, in seconds, if another process has the file.

    Raises:
        EngineError: it is in use, or refuses.
        EngineLostError: there is no server.
        ModuleNotFoundError: its client library is missing.
    """
    if is_file(where):
        return JournalEngine(where, create, patience)
    if urlsplit(where).scheme in POSTGRES:
        from share.engine._postgres import PostgresEngine

        return PostgresEngine(where, share)
    from share.engine._nats import NatsEngine

    replicas, monitor = _nats_options(where)
    return NatsEngine(where.partition("?")[0], share, replicas=replicas, monitor=monitor)


def _nats_options(url: str) -> tuple[int, str | None]:
    """What stands behind the address: ``?replicas=3&monitor=http://host:8222``."""
    found = parse_qs(url.partition("?")[2], keep_blank_values=True, strict_parsing="?" in url)
    unknown = found.keys() - {"replicas", "monitor"}
    if unknown:
        raise ValueError(f"the address of a NATS server takes replicas and monitor, not {sorted(unknown)}")
    replicas = found.get("replicas", ["1"])[-1]
    if not re.fullmatch("[1-9]", replicas):
        raise ValueError(f"replicas is a number of servers, not {replicas!r}")
    return int(replicas), found.get("monitor", [None])[-1]


def shown_place(where: str, share: str) -> str:
    """How messages call it: without passwords."""
    if is_file(where):
        return f"the journal {where}"
    return f"share {share} on {re.sub('[^/,]*@', '', where.partition('?')[0])}"


def await_lease(engine: Engine, holder: str, what: str) -> None:
    """Takes the lease of the home; waits until that of one that has gone is over.

    Raises:
        EngineError: there is a home (``errno`` is EBUSY).
    """
    until = time.monotonic() + PATIENCE
    while not engine.lease(holder, LEASE):
        if time.monotonic() > until:
            raise EngineError(errno.EBUSY, f"{what} has a home already: {engine.leaseholder()}")
        time.sleep(LOOK)
