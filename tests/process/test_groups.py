"""When a busy coordinator commits, and what it does beside executing."""

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from programs import wait_for

from share import Share


class Worker:
    """Slow commands."""

    def __init__(self) -> None:
        self.n = 0

    def work(self, seconds: float) -> None:
        time.sleep(seconds)
        self.n += 1

    def wait_for(self, started: str, path: str) -> None:
        Path(started).touch()
        while not os.path.exists(path):
            time.sleep(0.001)

    def add(self) -> None:
        self.n += 1

    def put(self, data: bytes) -> None:
        self.n += len(data)


@pytest.mark.parametrize("of_a_part", [False, True])
def test_slow_commands_are_committed_by_time(shared: Share, tmp_path: Path, of_a_part: bool) -> None:
    """However few they are, nobody waits for the group: a kill repeats none that has long been executed."""
    shared.workers = {"a": [Worker()]} if of_a_part else None
    shared.worker = Worker()
    shared.flush()
    worker = shared.workers["a"][0] if of_a_part else shared.worker
    control = shared.session_of().control
    start = control.position()
    for _ in range(3):
        worker.work(0.1)
    end = control.tail()
    worker.wait_for.send(str(tmp_path / "started"), str(tmp_path / "go"))
    wait_for((tmp_path / "started").exists)
    committed = control.position()
    (tmp_path / "go").touch()
    shared.flush()
    assert start < committed <= end
    assert worker.n == 3


def fork(function: Any, *args: Any) -> int:
    """A child that does that and ends."""
    child = os.fork()
    if child == 0:
        try:
            function(*args)
        finally:
            os._exit(0)
    return child


def test_entries_are_given_back_under_load() -> None:
    """Short-lived processes come and go while the ring is never empty."""
    with Share(ring=1024) as shared:
        shared.worker = Worker()
        shared.flush()
        worker, control = shared.worker, shared.session_of().control

        def keep_busy() -> None:
            while True:
                worker.work(0.0002)

        busy = [fork(keep_busy) for _ in range(2)]
        wait_for(lambda: shared.health().backlog > 700, "a full ring")
        try:
            for _ in range(40):
                os.waitpid(fork(worker.add), 0)
            wait_for(lambda: len(control.processes()) <= 5, "entries that are given back")
        finally:
            for child in busy:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)


def test_a_process_that_leaves_and_comes_back(shared: Share) -> None:
    """Each registration is its own: nothing of the one before makes the next seem gone."""
    shared.worker = Worker()
    shared.flush()

    def come_and_go() -> None:
        for _ in range(30):
            shared.worker.add.call()
            shared.session_of().leave()

    children = [fork(come_and_go) for _ in range(4)]
    for child in children:
        os.waitpid(child, 0)
    assert shared.worker.n == 120
    wait_for(lambda: len(shared.session_of().control.processes()) == 2, "entries that are given back")


def test_a_command_of_several_entries_is_not_overtaken_for_ever() -> None:
    """Beside small ones that keep the ring full."""
    with Share(ring=1024) as shared:
        shared.worker = Worker()
        shared.flush()
        worker = shared.worker

        def keep_busy() -> None:
            while True:
                worker.work(0.0002)

        busy = [fork(keep_busy) for _ in range(2)]
        try:
            wait_for(lambda: shared.health().backlog > 900, "a full ring")
            for size in (2000, 7000):
                before = shared.session_of().control.position()
                worker.put(bytes(size))
                # At most what was queued, and again as much that was under way meanwhile.
                assert shared.session_of().control.tail() - before < 3 * 1024
        finally:
            for child in busy:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
