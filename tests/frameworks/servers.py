"""Programs under real frameworks: started as their users do, reached through a socket in a folder of the test's own."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import share

APPS = Path(__file__).parent / "apps"
SOURCE = str(Path(share.__file__).parents[1])
PATIENCE = 120  # seconds; who needs longer hangs


def surroundings(name, **more):
    return {**os.environ, "PYTHONPATH": f"{SOURCE}:{APPS}:{APPS.parent}", "SHARE_NAME": name, **more}


def wait_for(condition, what):
    end = time.monotonic() + PATIENCE
    while not (value := condition()):
        assert time.monotonic() < end, f"gave up waiting for {what}"
        time.sleep(0.01)
    return value


class Items(list):
    def fail(self):
        raise ValueError("on purpose")

    def append_when(self, item, path):
        while not os.path.exists(path):
            time.sleep(0.001)
        self.append(item)


class Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=PATIENCE)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Server:
    """A running server and its clients."""

    def __init__(self, folder, name, *arguments, ready="/"):
        self.ready = ready
        self.socket = folder / "http.sock"
        self.log = (folder / "log").open("w+")
        self.process = subprocess.Popen(
            [sys.executable, *(str(a).format(socket=self.socket) for a in arguments)],
            env=surroundings(name, HOME=str(folder)),
            cwd=APPS, stdout=self.log, stderr=self.log, start_new_session=True,
        )  # fmt: skip
        wait_for(self.answers, "the server to answer")

    def answers(self):
        assert self.process.poll() is None, self.messages()
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.get(self.ready)
        return None

    def messages(self):
        self.log.flush()
        return Path(self.log.name).read_text()

    def get(self, path):
        """The JSON that a path gives. Raises OSError or HTTPException where a server has gone meanwhile."""
        with contextlib.closing(Connection(self.socket)) as connection:
            connection.request("GET", path)
            response = connection.getresponse()
            body = response.read()
            assert response.status == 200, f"{response.status}: {body!r}\n{self.messages()}"
            return json.loads(body)

    def hits(self, count, path="/hit", lost=()):
        """What so many requests of four clients give; those that end with an exception of ``lost`` are left out."""

        def one(_):
            try:
                return self.get(path)
            except lost:
                return None

        with ThreadPoolExecutor(4) as clients:
            return [found for found in clients.map(one, range(count)) if found is not None]

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(PATIENCE)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.log.close()
