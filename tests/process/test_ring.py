"""The rings between processes: each record exactly once and in order, whatever is killed, on both ways to wait."""

import os
import subprocess
import sys
from collections.abc import Iterator
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path

import pytest

from share.primitives import MPSCRing, SPSCRing

PROGRAMS = Path(__file__).with_name("ring_programs.py")
CELLS = 512


WAYS = {"futex": ("0", "0"), "naps": ("1", "1"), "mixed": ("0", "1")}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> tuple[str, str]:
    """SHARE_NO_FUTEX of the consumer and of the producers."""
    return WAYS[request.param]


@pytest.fixture
def memory() -> Iterator[SharedMemory]:
    memory = SharedMemory(create=True, size=max(MPSCRing.size_for(CELLS), SPSCRing.size_for(CELLS * 64)))
    yield memory
    memory.close()
    memory.unlink()


def start(no_futex: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, str(PROGRAMS), *map(str, arguments)]
    return subprocess.Popen(
        command,
        env={**os.environ, "SHARE_NO_FUTEX": no_futex},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.parametrize(("kind", "producers", "count"), [("mpsc", 4, 250_000), ("spsc", 1, 250_000)])
def test_every_record_arrives_once_and_in_order(
    memory: SharedMemory, way: tuple[str, str], kind: str, producers: int, count: int
) -> None:
    if kind == "mpsc":
        MPSCRing(memory.buf, CELLS, create=True).detach()
    else:
        SPSCRing(memory.buf, CELLS * 64, create=True).detach()
    path = f"/dev/shm/{memory.name}"
    consumer = start(way[0], "consume", kind, path, producers, count)
    children = [start(way[1], "produce", kind, path, i, count) for i in range(producers)]
    said = consumer.communicate()[0]
    for child in children:
        if consumer.returncode != 0:
            child.kill()
        assert child.communicate()[0] == ""
    assert said == f"received {producers * count}\n"
    assert [child.returncode for child in children] == [0] * producers


@pytest.mark.parametrize("kind", ["mpsc", "spsc"])
def test_a_producer_killed_at_a_random_moment_never_wedges_the_ring(way: tuple[str, str], kind: str) -> None:
    seed = int.from_bytes(os.urandom(4), "little")
    said = start(way[1], "kill", kind, 200, seed).communicate()[0]
    assert said.startswith("rounds 200 "), f"seed {seed}: {said}"
