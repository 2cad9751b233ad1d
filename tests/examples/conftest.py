"""Runs an example as a user would, and knows every process and every segment that belongs to it."""

import contextlib
import os
import pty
import re
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def living(session):
    """The processes of a terminal session that have not ended."""
    found = []
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):
            state, _, _, sid = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:4]
            if int(sid) == session and state not in "ZX":
                found.append(pid)
    return found


class Example:
    """A running example. It has a session of its own, so that what it starts can be told from all else."""

    def __init__(self, name, *args):
        self.terminal, inner = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, EXAMPLES / name, *args],
            stdout=subprocess.PIPE, stderr=inner, text=True, start_new_session=True,
        )  # fmt: skip
        os.close(inner)
        self.errors = ""

    def read_until(self, pattern):
        """Reads what the example writes to its terminal until the pattern is found; False if it ends before."""
        while not re.search(pattern, self.errors):
            try:
                data = os.read(self.terminal, 4096)
            except OSError:  # EIO: nobody has the terminal open any more
                return False
            self.errors += data.decode()
        return True

    def segments(self):
        """The shared-memory segments that the example's processes have mapped."""
        found = set()
        for pid in living(self.process.pid):
            with contextlib.suppress(OSError):
                found.update(re.findall(r"/dev/shm/(share_\w+)", Path(f"/proc/{pid}/maps").read_text()))
        return found

    def signal_all(self, number):
        os.killpg(self.process.pid, number)

    def kill_owner(self):
        self.process.kill()

    def wait(self):
        """Waits until all processes of the example have ended. Returns the exit code and the output."""
        output = self.process.stdout.read()
        code = self.process.wait()
        while pids := living(self.process.pid):
            poller = select.poll()
            with contextlib.suppress(ProcessLookupError):
                descriptor = os.pidfd_open(pids[0])
                poller.register(descriptor, select.POLLIN)
                poller.poll()
                os.close(descriptor)
        self.read_until("(?!)")  # the rest
        return code, output

    def end(self):
        for pid in living(self.process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()
        os.close(self.terminal)


@pytest.fixture
def start():
    """Starts an example; whatever of it is left at the end of the test is killed."""
    running = []

    def start(name, *args):
        running.append(Example(name, *args))
        return running[-1]

    yield start
    for example in running:
        example.end()
