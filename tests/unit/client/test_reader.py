"""A reader of nodes follows what another process publishes: at every commit it has what the model has."""

import multiprocessing
import pickle
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parent))

from node_writer import write
from recorded_programs import compare

from share._control import Control
from share.client._replica import Reader
from share.client._session import Session


class Follower:
    """The writer, told what to do, and a reader."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        name, self.names = connection.recv()
        self.session = Session(Control.attach(name))
        self.reader = Reader(self.session.control)

    def go(self, commands: int = 1) -> tuple[Any, dict[str, tuple[int, int]], list[int]]:
        self.connection.send(commands)
        found: tuple[Any, dict[str, tuple[int, int]], list[int]] = self.connection.recv()
        return found


@contextmanager
def following(seed: int, least_log: int = 256, program: str = "Lists") -> Iterator[Follower]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=write, args=(theirs, seed, least_log, program))
    process.start()
    theirs.close()
    try:
        yield Follower(ours)
        ours.send(None)
    finally:
        ours.close()
        process.join(120)
        process.kill()
    assert process.exitcode == 0


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("least_log", [0, 256, 1 << 14])
def test_the_reader_has_what_the_model_has(seed: int, least_log: int) -> None:
    with following(seed, least_log) as follower:
        for i in range(60):
            plain, roots, _ = follower.go(1 + i % 3)
            pairs = [
                (follower.reader.read(follower.session, *root), plain[name]) for name, root in roots.items()
            ]
            compare(pairs)
            if i % 2:
                # What all names hold, by way of their table.
                compare([(follower.reader.read(follower.session, follower.names, 0), plain)])


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("least_log", [0, 4096])
def test_who_reads_meanwhile_sees_one_commit(threads: int, least_log: int) -> None:
    with following(threads, least_log) as follower:
        control = follower.session.control
        follower.go(5)
        follower.connection.send(-150)
        ready, seen, failed = threading.Event(), [], []

        def read() -> None:
            try:
                while not ready.is_set():
                    before = control.position()
                    data = follower.reader.read(follower.session, follower.names, 0, pickle.dumps)
                    seen.append((before, control.position(), data))
            except BaseException as error:
                failed.append(error)
                raise

        workers = [threading.Thread(target=read) for _ in range(threads)]
        for worker in workers:
            worker.start()
        try:
            history = follower.connection.recv()
        finally:
            ready.set()
            for worker in workers:
                worker.join()
        assert not failed
        models: dict[int, list[bytes]] = {}
        for position, data in history:
            models.setdefault(position, []).append(data)
        for first, last, data in {(first, last, data) for first, last, data in seen}:
            found = pickle.loads(data)
            # A commit that publishes nothing new leaves several of these the same.
            for position in range(min(first, max(models)), last + 1):
                if any(is_same(found, pickle.loads(model)) for model in models.get(position, ())):
                    break
            else:
                raise AssertionError(f"read between {first} and {last}: {found!r}")


def is_same(found: Any, model: Any) -> bool:
    try:
        compare([(found, model)])
    except AssertionError:
        return False
    return True
