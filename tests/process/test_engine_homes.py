"""Shares on engines: another machine goes on with one, of two homes only one stores, and the server may go away."""

import contextlib
import errno
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from durable import end, line
from durable_programs import Ledger
from programs import HERE, SOURCE, wait_for

from share import EngineError, EngineLostError, FencedError, Share
from share.engine import _places

sys.path.append(str(HERE.parent / "unit" / "engine"))
from backends import Nats, Postgres, Server


@pytest.fixture(params=[Nats, Postgres], ids=["nats", "postgres"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    server = request.param(tmp_path)
    server.start()
    try:
        server.connect()
        yield server
    finally:
        server.close()


def url(server: Any) -> str:
    if isinstance(server, Nats):
        return f"nats://127.0.0.1:{server.port}?monitor=http://127.0.0.1:{server.monitor}"
    return f"postgresql://share@127.0.0.1:{server.port}/postgres"


@contextlib.contextmanager
def another_machine(server: Any, name: str, durable: str = "engine") -> "Iterator[subprocess.Popen[str]]":
    """A program that shares nothing with this one but the network: it has a /dev/shm of its own."""
    words = [sys.executable, str(HERE / "engine_programs.py"), "count", url(server), name, durable]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((SOURCE, str(HERE)))}
    program = subprocess.Popen(
        ["unshare", "-m", "sh", "-c", 'mount -t tmpfs none /dev/shm && exec "$@"', "sh", *words],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    try:
        yield program
    finally:
        program.kill()
        program.communicate()


def first_line(program: "subprocess.Popen[str]") -> int:
    assert program.stdout is not None
    found = program.stdout.readline()
    if not found:
        program.wait()
        assert program.stderr is not None
        complaint = program.stderr.read()
        if "unshare:" in complaint or "mount:" in complaint:
            pytest.skip("needs the right to mount a file system")
        raise AssertionError(complaint)
    return int(found)


def test_it_goes_on_where_the_last_home_stopped(server: Server) -> None:
    with Share("shop", engine=url(server)) as shared:
        shared.ledger = Ledger()
        for i in range(50):
            shared.ledger.add.send(i)
        shared.flush()
        assert shared.restore_point == shared.health().commit
    with Share.open("shop", engine=url(server)) as shared:
        assert shared.ledger.n == 50 and shared.ledger.is_whole()
        os.kill(shared.health().coordinator, signal.SIGKILL)
        assert shared.ledger.add("x") == 51  # a successor here has the lease, too
    with Share("shop", engine=url(server)) as shared:
        assert shared.ledger.n == 51 and shared.ledger.is_whole()


def test_a_second_home_is_refused(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_places, "PATIENCE", 0.5)
    with another_machine(server, "shop") as program:
        first_line(program)
        with pytest.raises(EngineError, match="has a home already: share_") as caught:
            Share("shop", engine=url(server))
        assert caught.value.errno == errno.EBUSY
        line(program)


@pytest.mark.parametrize("durable", ["engine", "local"])
def test_a_machine_is_lost(server: Server, durable: str) -> None:
    rng = random.Random(durable)
    known = 0
    for _ in range(2):
        with another_machine(server, "shop", durable) as program:
            coordinator = first_line(program)
            for _ in range(rng.randrange(5, 40)):
                known = max(known, int(line(program)))
            for pid in (coordinator, program.pid):
                os.kill(pid, signal.SIGKILL)
            known = max([known, *map(int, end(program).split())])
    with Share("shop", engine=url(server)) as shared:
        assert shared.ledger.n >= known and shared.ledger.is_whole()


def test_a_home_that_was_stopped_wakes_up_replaced(server: Server) -> None:
    with another_machine(server, "shop") as program:
        coordinator = first_line(program)
        known = int(line(program))
        os.kill(coordinator, signal.SIGSTOP)
        with Share("shop", engine=url(server)) as shared:
            n = shared.ledger.n
            os.kill(coordinator, signal.SIGCONT)
            *before, last = end(program).split()
            assert last == "fenced"
            assert max([known, *map(int, before)]) <= n  # nothing was acknowledged that is not here
            assert shared.ledger.add("x") == n + 1 and shared.ledger.is_whole()


def test_an_idle_home_hears_that_it_was_replaced(server: Server) -> None:
    # What was queued may be lost: the end of the block says so, too.
    with pytest.raises(FencedError), Share("shop", engine=url(server)) as shared:
        shared.n = 1
        shared.flush()
        coordinator = shared.health().coordinator
        os.kill(coordinator, signal.SIGSTOP)
        with another_machine(server, "shop") as program:
            first_line(program)
            os.kill(coordinator, signal.SIGCONT)
            wait_for(lambda: shared.health().state == "closed")
            with pytest.raises(FencedError, match="another home has taken over"):
                _ = shared.n
            with pytest.raises(FencedError):
                shared.n = 2
            with pytest.raises(FencedError):
                shared.flush()


def test_the_server_is_killed_and_comes_back(server: Server) -> None:
    with Share("shop", engine=url(server)) as shared:
        shared.ledger = Ledger()
        shared.flush()
        for turn in range(3):
            server.kill()
            back = threading.Timer(0.3, server.start)
            back.start()
            for i in range(20):
                shared.ledger.add.send(i)
            assert shared.ledger.add("x") == 21 * (turn + 1)
            back.join()
    with Share("shop", engine=url(server)) as shared:
        assert shared.ledger.n == 63 and shared.ledger.is_whole()


def test_the_server_stays_away(server: Server) -> None:
    with Share("shop", engine=url(server)) as shared:
        shared.ledger = Ledger()
        shared.ledger.add("x")
        server.kill()
        for _ in range(50):
            shared.ledger.add.send("y")
        with pytest.raises(EngineLostError):
            shared.ledger.add("z")
        assert shared.ledger.n == 1  # it can be read
        with pytest.raises(ExceptionGroup):
            shared.flush()
        with pytest.raises(EngineLostError):
            Share("store", engine=url(server))
        server.start()

        def is_back() -> bool:
            with contextlib.suppress(EngineLostError):
                return bool(shared.ledger.add("z") == 2)
            return False

        wait_for(is_back)
    with Share("shop", engine=url(server)) as shared:
        assert shared.ledger.n == 2 and shared.ledger.is_whole()


def test_a_server_that_does_not_flush_is_refused(tmp_path: Path) -> None:
    server = Nats(tmp_path)
    server.flushes = "2m"
    server.start()
    try:
        server.connect()
        with pytest.raises(EngineError, match="would not be durable: .*sync_interval to always") as caught:
            Share("shop", engine=url(server))
        assert caught.value.errno == errno.ENOTSUP
        with pytest.raises(EngineError, match="give the address of its monitoring port"):
            Share("shop", engine=url(server).partition("?")[0])
        with Share("shop", engine=url(server), durable="local") as shared:
            shared.n = 1
            shared.flush(durable=True)
    finally:
        server.close()


@pytest.mark.parametrize(
    ("name", "options", "complaint"),
    [
        ("shop", {"engine": "shop.db"}, "engine is 'nats://host'"),
        ("shop", {"engine": "redis://host"}, "engine is 'nats://host'"),
        (None, {"engine": "nats://host"}, "has a name of letters"),
        ("a.b", {"engine": "nats://host"}, "has a name of letters"),
        ("shop", {"engine": "nats://host", "journal": "shop.db"}, "a journal or an engine, not both"),
        ("shop", {"engine": "nats://host?replica=3"}, "takes replicas and monitor"),
        ("shop", {"engine": "nats://host?replicas=x"}, "replicas is a number"),
    ],
)
def test_what_is_no_engine(name: str | None, options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Share(name, **options)


def test_messages_have_no_passwords() -> None:
    shown = _places.shown_place("nats://ann:secret@h1:1,nats://ann:secret@h2?monitor=http://x", "shop")
    assert shown == "share shop on nats://h1:1,nats://h2"
    assert "secret" not in _places.shown_place("postgresql://ann:secret@h/db?password=secret", "shop")
