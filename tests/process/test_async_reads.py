"""Reads of an event loop: they wait for what is queued, and the loop goes on meanwhile."""

import asyncio
import os
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from share import Share, ShareClosedError


class Gate:
    """Writes when a file is there."""

    def __init__(self) -> None:
        self.n = 0
        self.items: list[int] = []

    def pass_through(self, path: str) -> None:
        while not os.path.exists(path):
            time.sleep(0.001)
        self.n += 1
        self.items.append(self.n)

    def both(self) -> tuple[int, int]:
        return self.n, len(self.items)


def run(main: Callable[[], Any]) -> Any:
    async def limited() -> Any:
        async with asyncio.timeout(100):
            return await main()

    return asyncio.run(limited())


def whatever_happens(shared: Any) -> Any:
    try:
        return shared.gate.n
    except BaseException:
        return "failed"


READS: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "attribute": (lambda shared: shared.gate.n, 1),
    "method": (lambda shared: shared.gate.both(), (1, 1)),
    "part": (lambda shared: shared.gate.items[0], 1),
    "snapshot": (lambda shared: shared.snapshot(shared.gate).items, [1]),
    "name": (lambda shared: shared.other, 5),
    "caught": (whatever_happens, 1),
    "names": (lambda shared: sorted(shared), ["gate", "other"]),
}


@pytest.mark.parametrize("kind", READS)
def test_the_loop_goes_on(shared: Share, tmp_path: Path, kind: str) -> None:
    shared.gate, shared.other = Gate(), 4
    path = tmp_path / "open"
    read, expected = READS[kind]
    read(shared) if kind != "part" else None

    async def main() -> None:
        shared.gate.pass_through(str(path))  # queued; it ends only when this loop goes on
        shared.other = 5
        reading = asyncio.ensure_future(shared.aget(lambda: read(shared)))
        await asyncio.sleep(0.01)
        assert not reading.done()
        path.write_text("")
        assert await reading == expected

    run(main)


def test_waiting_for_what_is_queued_behind_others_does_not_stop_the_loop(
    shared: Share, tmp_path: Path
) -> None:
    shared.gate = Gate()
    shared.flush()
    path = tmp_path / "open"

    async def main() -> None:
        shared.gate.pass_through(str(path))  # queued; it ends only when this loop goes on
        waiting = asyncio.ensure_future(shared.wait_for_async(lambda: shared.gate.n))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        path.write_text("")
        assert await waiting == 1
        later = asyncio.ensure_future(shared.wait_for_async(lambda: shared.gate.n == 2))
        await asyncio.sleep(0.01)
        assert not later.done()
        shared.gate.pass_through(str(path))
        assert await later is True

    run(main)


def test_what_does_not_wait(shared: Share) -> None:
    shared.gate = Gate()
    shared.flush()

    async def main() -> None:
        assert await shared.aget(lambda: shared.gate.n) == 0
        assert await shared.aget(lambda: 7) == 7
        with pytest.raises(RuntimeError, match="only reads"):
            await shared.aget(lambda: shared.gate.pass_through.call("/"))
        with pytest.raises(ZeroDivisionError):
            await shared.aget(lambda: 1 // shared.gate.n)
        assert shared.gate.both.call() == (0, 0)

    run(main)


def test_it_ends_though_others_write_all_the_time(shared: Share) -> None:
    shared.n = 0
    ended = threading.Event()

    def write() -> None:
        while not ended.is_set():
            shared.n += 1

    writer = threading.Thread(target=write)
    writer.start()

    async def main() -> None:
        last = -1
        for _ in range(50):
            n = await shared.aget(lambda: shared.n)
            assert n >= last
            last = n

    try:
        run(main)
    finally:
        ended.set()
        writer.join()


def test_what_ends_it(shared: Share, tmp_path: Path) -> None:
    shared.gate = Gate()
    shared.gate.pass_through(str(tmp_path / "open"))

    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await shared.aget(lambda: shared.gate.n)
        (tmp_path / "open").write_text("")
        assert await shared.aget(lambda: shared.gate.n) == 1
        gate = shared.gate
        shared.close()
        with pytest.raises(ShareClosedError):
            await shared.aget(lambda: gate.n)

    run(main)


@pytest.mark.parametrize("kind", [list, tuple, deque, set, frozenset, dict.fromkeys, OrderedDict.fromkeys])
def test_iterating_takes_turns_with_the_loop(shared: Share, kind: Callable[[Any], Any]) -> None:
    shared.holder = Gate()
    shared.holder.items = kind(range(30_000))
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    async def main() -> None:
        counting = asyncio.ensure_future(count())
        seen = []
        async for number in shared.holder.items:
            seen.append(number)
            if number % 10_000 == 0:
                time.sleep(0.002)  # so that the iteration takes longer than a turn
        counting.cancel()
        assert sorted(seen) == list(range(30_000))

    if kind in (tuple, frozenset):
        with pytest.raises(TypeError, match="async for"):  # a value
            run(main)
    else:
        run(main)
        assert turns >= 1


def test_iterating_over_views(shared: Share, tmp_path: Path) -> None:
    shared.gate, shared.table = Gate(), {"a": 1}

    async def main() -> None:
        keys = shared.table.keys()
        assert [key async for key in keys] == ["a"]
        shared.gate.items.append(5)
        shared.gate.pass_through(str(tmp_path / "open"))

        async def read() -> list[Any]:
            return [item async for item in await shared.aget(lambda: shared.gate.items)]

        reading = asyncio.ensure_future(read())
        await asyncio.sleep(0.01)
        assert not reading.done()
        (tmp_path / "open").touch()
        assert await reading == [5, 1]
        assert [item async for item in shared.table.items()] == [("a", 1)]
        assert [value async for value in shared.table.values()] == [1]

    run(main)
