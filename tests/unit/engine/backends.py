"""Servers for the tests of engines: each can be connected to, killed, started again, stopped and woken."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from share import EngineLostError
from share.engine import Engine, JournalEngine, MemoryEngine, MemoryServer, NatsEngine

PATIENCE = 60.0  # seconds that a server may take on a busy machine


class Backend:
    """Something that engines are connected to."""

    is_exclusive = False  # for one engine at a time
    can_stop = False

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

    def close(self) -> None:
        for engine in self.engines:
            engine.close()
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

    def run(self, command: list[str], **options: Any) -> None:
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, **options
            )

    def signal(self, number: int) -> None:
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        if self.process is not None:
            self.process.wait()
            self.process = None

    def stop(self) -> None:
        """Returns when all of it stands still."""
        assert self.process is not None
        self.signal(signal.SIGSTOP)
        _, status = os.waitpid(self.process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        for child in psutil.Process(self.process.pid).children(recursive=True):
            while child.status() != psutil.STATUS_STOPPED:
                time.sleep(0.001)

    def wake(self) -> None:
        self.signal(signal.SIGCONT)

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
}
