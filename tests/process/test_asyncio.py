"""``aio``: calls from an event loop, without a thread each, and futures beside other threads."""

import asyncio
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from classes import Counter, Failing, Gate, Log

from share import Share, ShareClosedError, ShareFullError, ShareTimeoutError

PATIENCE = 100


class Big:
    """Answers that do not fit into the ring of responses."""

    def __init__(self) -> None:
        self.n = 0

    def page(self, size: int) -> bytes:
        self.n += 1
        return b"x" * size

    def next(self) -> int:
        self.n += 1
        return self.n


def run(main: Any) -> Any:
    async def limited() -> Any:
        async with asyncio.timeout(PATIENCE):
            return await main()

    return asyncio.run(limited())


def test_ten_thousand_calls_at_once(shared: Share) -> None:
    """Each gets its own answer, in the order of the calls, and the loop goes on meanwhile."""
    shared.counter = Counter()
    shared.flush()
    longest = 0.0

    async def main() -> list[int]:
        nonlocal longest
        tasks = [asyncio.create_task(shared.counter.next.aio()) for _ in range(10_000)]

        async def tick() -> None:
            nonlocal longest
            while True:
                start = time.monotonic()
                await asyncio.sleep(0)
                longest = max(longest, time.monotonic() - start)

        ticking = asyncio.create_task(tick())
        results = await asyncio.gather(*tasks)
        ticking.cancel()
        return results

    before = threading.active_count()
    assert run(main) == list(range(1, 10_001))
    assert threading.active_count() <= before + 1


def test_errors_and_large_answers(shared: Share) -> None:
    shared.failing, shared.big = Failing(), Big()

    async def main() -> None:
        with pytest.raises(LookupError, match="so"):
            await shared.failing.fail_with_answer.aio("so")
        pages = await asyncio.gather(*(shared.big.page.aio(n) for n in range(500, 5000, 500)))
        assert [len(page) for page in pages] == list(range(500, 5000, 500))
        with pytest.raises(TypeError):
            await shared.big.page.aio()

    run(main)


def test_a_full_ring_does_not_stop_the_loop(no_process_left: None, tmp_path: Path) -> None:
    """The calls wait in their turn; one that is cancelled before there is room is never executed."""
    with Share(ring=64) as shared:
        shared.gate, shared.log = Gate(), Log()
        shared.flush()
        path = tmp_path / "open"
        shared.gate.enter(str(path))
        for i in range(55):
            shared.log.write.send("before", i)

        async def main() -> None:
            words: list[Any] = [[i] for i in range(20)]
            tasks = [asyncio.create_task(shared.log.write.aio("now", word)) for word in words]
            await asyncio.sleep(0.05)
            assert not any(task.done() for task in tasks)
            bridge = shared.session_of().bridge
            assert bridge.unsent
            tasks.pop().cancel()
            words[18].append("changed after the call")
            path.touch()
            assert await asyncio.gather(*tasks) == [None] * 19

        run(main)
        assert shared.log.all()[55:] == [("now", [i]) for i in range(19)]
        assert shared.errors == []


def test_cancelling_drops_the_answer_and_not_the_command(shared: Share, tmp_path: Path) -> None:
    shared.gate, shared.big = Gate(), Big()
    shared.flush()
    path = tmp_path / "open"

    async def main() -> None:
        shared.gate.enter(str(path))
        task = asyncio.create_task(shared.big.page.aio(100_000))
        await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.sleep(0)
        path.touch()
        assert await shared.big.next.aio() == 2

    run(main)


def test_closing_ends_calls(no_process_left: None, tmp_path: Path) -> None:
    path = tmp_path / "open"
    with Share(ring=64) as shared:
        shared.gate = Gate()
        shared.flush()

        async def main() -> list[Any]:
            shared.gate.enter(str(path))
            for _ in range(55):
                shared.gate.mark.send()
            tasks = [asyncio.create_task(shared.gate.mark.aio()) for _ in range(30)]
            await asyncio.sleep(0.05)
            closing = asyncio.to_thread(shared.close)
            path.touch()
            await closing
            return await asyncio.gather(*tasks, return_exceptions=True)

        for result in run(main):
            assert result is None or isinstance(result, ShareClosedError)


def test_futures_beside_a_thread_that_calls(shared: Share) -> None:
    """Large answers that one thread takes from the ring while another waits for them."""
    shared.big = Big()
    shared.flush()
    big = shared.big
    stop, wrong = threading.Event(), []

    def call() -> None:
        while not stop.is_set():
            try:
                big.next.call()
            except BaseException as error:
                wrong.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    try:
        for _ in range(150):
            futures = [big.page.submit(20_000) for _ in range(20)]
            assert {len(future.result(PATIENCE)) for future in futures} == {20_000}
    finally:
        stop.set()
        thread.join()
    assert wrong == []


def test_calls_that_could_not_wait_take_no_place(shared: Share) -> None:
    """A call that fails before it is queued leaves the count of answers under way as it was."""
    import resource
    import signal

    from share import ShareMemoryError

    shared.log, shared.big = Log(), Big()
    shared.flush()
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        for _ in range(300):
            with pytest.raises(ShareMemoryError):
                shared.big.next.call()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    futures = [shared.big.page.submit(900) for _ in range(500)]
    assert [len(future.result(PATIENCE)) for future in futures] == [900] * 500


def test_timeout_counts_the_wait_for_room(no_process_left: None, tmp_path: Path) -> None:
    path = tmp_path / "open"
    with Share(ring=64) as shared:
        shared.gate = Gate()
        shared.flush()
        shared.gate.enter(str(path))
        with pytest.raises(ShareTimeoutError):
            for _ in range(70):  # the first few find room, and time out waiting for their answer
                shared.gate.mark.send()
                if shared.health().backlog >= 62:
                    shared.gate.mark.call(timeout=0.05)
        with pytest.raises(ShareTimeoutError, match="has not been queued"):
            for _ in range(4):
                try:
                    shared.gate.mark.call(timeout=0.05)
                except ShareTimeoutError as error:
                    if "stays queued" not in str(error):
                        raise
        path.touch()


def test_on_full_raise(no_process_left: None, tmp_path: Path) -> None:
    path = tmp_path / "open"
    with Share(ring=64, on_full="raise") as shared:
        shared.gate = Gate()
        shared.flush()
        shared.gate.enter(str(path))
        sent = 0
        with pytest.raises(ShareFullError, match="no room"):
            while sent < 100:
                shared.gate.mark()
                sent += 1
        path.touch()
        shared.flush()
        assert shared.gate.passed == 1 + 100 * sent
    with pytest.raises(ValueError, match="on_full"):
        Share(on_full="sometimes")  # type: ignore[arg-type]
