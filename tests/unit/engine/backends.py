"""Servers for the tests of engines: each can be connected to, killed, started again, stopped and woken."""

import contextlib
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from share import EngineError, EngineLostError
from share.engine import Engine, JournalEngine, MemoryEngine, MemoryServer, NatsEngine, PostgresEngine

PATIENCE = 60.0  # seconds that a server may take on a busy machine


class Backend:
    """Something that engines are connected to."""

    is_exclusive = False  # for one engine at a time
    can_stop = False
    is_kept = False  # for the next test, as it takes long to make
    share = "shop"  # its name; of one that is kept, another one for each test

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.engines: list[Engine] = []

    def connect(self) -> Engine:
        """One more client. Where there can be only one, the one before ends."""
        if self.is_exclusive:
            for engine in self.engines:
                engine.close()
        engine = self.connected()
        self.engines.append(engine)
        return engine

    def connected(self) -> Engine:
        raise NotImplementedError

    def start(self) -> None:
        """Starts it, again perhaps."""

    def kill(self) -> None:
        """Ends it at once."""

    def release(self) -> None:
        """Ends what a test has made."""
        for engine in self.engines:
            engine.close()
        self.engines = []

    def close(self) -> None:
        self.release()
        self.kill()


class Memory(Backend):
    def start(self) -> None:
        if not hasattr(self, "server"):
            self.server = MemoryServer()
        self.server.is_down = False

    def kill(self) -> None:
        self.server.is_down = True

    def connected(self) -> Engine:
        return MemoryEngine(self.server)


class Journal(Backend):
    is_exclusive = True

    def connected(self) -> Engine:
        return JournalEngine(self.folder / "shop.db")


class Server(Backend):
    """A server that is a process of its own group."""

    can_stop = True
    process: subprocess.Popen[bytes] | None = None
    is_stopped = False

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.stopped: list[psutil.Process] = []

    def run(self, command: list[str], **options: Any) -> None:
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, **options
            )

    def stop(self) -> None:
        """Returns when all of it stands still: first who makes children, then these."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)
        _, status = os.waitpid(self.process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        self.stopped = psutil.Process(self.process.pid).children(recursive=True)
        for child in self.stopped:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.suspend()
                while child.status() not in {psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE}:
                    time.sleep(0.001)
        self.is_stopped = True

    def wake(self) -> None:
        assert self.process is not None
        for child in self.stopped:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.resume()
        self.process.send_signal(signal.SIGCONT)
        self.is_stopped = False

    def kill(self) -> None:
        if self.process is None:
            return
        if self.process.poll() is None and not self.is_stopped:
            self.stop()
        for child in self.stopped:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        self.process.kill()
        self.process.wait()
        for child in self.stopped:
            with contextlib.suppress(psutil.NoSuchProcess):
                while child.status() != psutil.STATUS_ZOMBIE:  # whoever reaps them may take his time
                    time.sleep(0.001)
        self.process, self.stopped, self.is_stopped = None, [], False

    def patiently(self, connect: Callable[[], Engine]) -> Engine:
        until = time.monotonic() + PATIENCE
        while True:
            try:
                return connect()
            except EngineLostError as error:
                if self.process is None or self.process.poll() is not None:
                    raise RuntimeError((self.folder / "log").read_text()) from error
                if time.monotonic() > until:
                    raise
                time.sleep(0.02)


class Nats(Server):
    """NATS JetStream that flushes each record."""

    flushes = "always"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.port, self.monitor = free_ports(2)

    def start(self) -> None:
        program = nats_server()
        config = self.folder / "nats.conf"
        config.write_text(
            f'listen: "127.0.0.1:{self.port}"\nhttp: "127.0.0.1:{self.monitor}"\n'
            f'jetstream {{ store_dir: "{self.folder}/store", sync_interval: {self.flushes} }}\n'
        )
        self.run([program, "-c", str(config)])

    def connected(self) -> Engine:
        return self.patiently(
            lambda: NatsEngine(
                f"nats://127.0.0.1:{self.port}", "shop", monitor=f"http://127.0.0.1:{self.monitor}"
            )
        )


class LazyNats(Nats):
    """The same with the server's own default: it flushes now and then."""

    flushes = "2m"


class Cluster(Backend):
    """Three NATS servers, each record on all of them. A kill is one of a server, each time another one."""

    is_kept = True

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.ports, self.routes = free_ports(6)[:3], free_ports(3)
        self.servers = [Server(folder) for _ in range(3)]
        self.next = 0

    def start(self) -> None:
        program = nats_server()
        routes = ", ".join(f'"nats://127.0.0.1:{port}"' for port in self.routes)
        for i, server in enumerate(self.servers):
            if server.process is not None:
                continue
            config = self.folder / f"{i}.conf"
            config.write_text(
                f'server_name: "s{i}"\nlisten: "127.0.0.1:{self.ports[i]}"\n'
                f'jetstream {{ store_dir: "{self.folder}/{i}", sync_interval: always }}\n'
                f'cluster {{ name: "c", listen: "127.0.0.1:{self.routes[i]}", routes: [{routes}] }}\n'
            )
            server.run([program, "-c", str(config)])

    def kill(self) -> None:
        self.servers[self.next % 3].kill()
        self.next += 1

    def connected(self) -> Engine:
        url = ",".join(f"nats://127.0.0.1:{port}" for port in self.ports)
        until = time.monotonic() + PATIENCE
        while True:
            try:
                return NatsEngine(url, self.share, replicas=3)
            except (EngineLostError, EngineError):  # they have not found each other yet
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)

    def close(self) -> None:
        self.release()
        for server in self.servers:
            server.kill()


class Postgres(Server):
    """PostgreSQL as it comes, for one user, who must not be root."""

    is_kept = True
    settings: tuple[str, ...] = ()

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        (self.port,) = free_ports(1)
        self.data = Path(tempfile.mkdtemp(prefix="share-postgres-"))  # where another user can get at it

    def start(self) -> None:
        if self.process is not None:
            return
        initdb, server = postgres_programs()
        self.user = unprivileged()
        try:
            if self.user:
                os.chown(self.data, self.user["user"], self.user["group"])
            subprocess.run(
                [initdb, "--version"], check=True, stdout=subprocess.DEVNULL, cwd=self.data, **self.user
            )
        except OSError as error:  # root may not become another user here, or that one may not do this
            pytest.skip(f"{NO_POSTGRES} ({error})")
        data = self.data / "data"
        if not data.exists():
            subprocess.run(
                [
                    initdb,
                    "-D",
                    data,
                    "-U",
                    "share",
                    "--auth=trust",
                    "--no-sync",
                    "--locale=C",
                    "--encoding=UTF8",
                ],
                check=True,
                stdout=subprocess.DEVNULL,
                cwd=self.data,
                **self.user,
            )
        options = (
            f"port={self.port}",
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "dynamic_shared_memory_type=mmap",  # in its folder: what it has in /dev/shm would outlive a kill
            *self.settings,
        )
        self.run(
            [server, "-D", str(data), *(word for option in options for word in ("-c", option))],
            cwd=self.data,
            **self.user,
        )

    def connected(self) -> Engine:
        return self.patiently(
            lambda: PostgresEngine(f"postgresql://share@127.0.0.1:{self.port}/postgres", self.share, answer=3)
        )

    def release(self) -> None:
        super().release()
        if self.is_stopped:
            self.kill()

    def close(self) -> None:
        super().close()
        shutil.rmtree(self.data)


class LazyPostgres(Postgres):
    """The same, not flushing before it acknowledges."""

    settings = ("synchronous_commit=off",)


NO_POSTGRES = "needs psycopg and a PostgreSQL server"


def postgres_programs() -> tuple[str, str]:
    """``initdb`` and ``postgres``: Debian's newest, those on the path, or those beside ``pg_ctl`` or ``pg_config``."""
    with contextlib.suppress(ImportError):
        import psycopg  # noqa: F401

        folders = [
            *sorted(Path("/usr/lib/postgresql").glob("[0-9]*/bin"), key=version, reverse=True),
            *(Path(folder) for folder in os.get_exec_path()),
        ]
        if program := shutil.which("pg_ctl"):
            folders.append(Path(program).resolve().parent)
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            told = subprocess.run(["pg_config", "--bindir"], check=True, capture_output=True, text=True)
            folders.append(Path(told.stdout.strip()))
        for folder in folders:
            programs = folder / "initdb", folder / "postgres"
            if all(program.is_file() for program in programs):
                return str(programs[0]), str(programs[1])
    pytest.skip(NO_POSTGRES)


def version(folder: Path) -> list[int]:
    """Of /usr/lib/postgresql/15/bin, 15."""
    return [int(part) for part in re.findall("[0-9]+", folder.parent.name)]


def unprivileged() -> dict[str, Any]:
    """For ``subprocess``: somebody who is not root."""
    if os.getuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            found = pwd.getpwnam(name)
            return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}
    pytest.skip(f"{NO_POSTGRES} (there is only root)")


def nats_server() -> str:
    """The server's program: of a wheel, or of the system."""
    with contextlib.suppress(ImportError):
        import nats  # noqa: F401

        folders = [Path(sys.executable).parent, *(Path(path) / "bin" for path in sys.path)]
        for folder in folders:
            if (folder / "nats-server").is_file():
                return str(folder / "nats-server")
        found = shutil.which("nats-server")
        if found:
            return found
    pytest.skip("needs nats-py and nats-server")


def free_ports(count: int) -> list[int]:
    """Ports of this machine that nobody uses."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


BACKENDS: dict[str, type[Backend]] = {
    "memory": Memory,
    "journal": Journal,
    "nats": Nats,
    "lazy nats": LazyNats,
    "three nats": Cluster,
    "postgres": Postgres,
    "lazy postgres": LazyPostgres,
}
