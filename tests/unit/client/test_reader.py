"""A reader of nodes follows what another process publishes: at every commit it has what the model has."""

import multiprocessing
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parent))

from node_writer import compare, write

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
        process.join(20)
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
