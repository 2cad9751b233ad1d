"""Context managers and asynchronous generators of methods: their steps are commands, and they are as in Python."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from typing import Any

import pytest
from forked import in_child
from manager_classes import Holder, Pool

from share import Share


@pytest.fixture(params=["object", "part"])
def pool(shared: Share, request: pytest.FixtureRequest) -> Any:
    if request.param == "object":
        shared.pool = Pool()
        return shared.pool
    shared.holder = Holder()
    return shared.holder.pool


def state(pool: Any) -> tuple[list[str], list[str], list[str]]:
    return list(pool.free), list(pool.used), list(pool.log)


def test_a_context_manager(pool: Any) -> None:
    with pool.lent() as one:
        assert one == "b"
        assert state(pool) == (["a"], ["b"], [])
        with pool.lent() as other:
            assert other == "a"
    assert state(pool) == (["a", "b"], [], [])


def test_its_exceptions(pool: Any) -> None:
    for thrown in ZeroDivisionError("x"), StopIteration("x"), RuntimeError("x"), SystemExit(3):
        with pytest.raises(type(thrown)) as caught, pool.lent():
            assert pool.used == ["b"]
            raise thrown
        assert caught.value is thrown
    with pool.lent():
        raise KeyError("swallowed")
    assert state(pool) == (["a", "b"], [], ["KeyError('swallowed')"])
    with pytest.raises(LookupError, match="renamed"), pool.renamed():
        raise ValueError
    with pytest.raises(IndexError), pool.lent(), pool.lent(), pool.lent():
        pass
    assert pool.used == []


def test_an_exception_that_cannot_travel(pool: Any) -> None:
    error = ZeroDivisionError(threading.Lock())
    with pytest.raises(ZeroDivisionError) as caught, pool.lent():
        raise error
    assert caught.value is error
    assert pool.used == []


def test_it_decorates_no_function(pool: Any) -> None:
    with pytest.raises(TypeError, match="write `with`"):
        pool.lent()(print)()


def test_it_is_left_when_its_process_dies(pool: Any, shared: Share) -> None:
    def enter() -> None:
        pool.lent().__enter__()
        os.kill(os.getpid(), signal.SIGKILL)

    assert os.WIFSIGNALED(os.waitpid(in_child(enter), 0)[1])
    assert shared.wait_for(lambda: list(pool.free) == ["a", "b"], timeout=60)
    assert state(pool) == (["a", "b"], [], [])


def run(main: Callable[[], Any]) -> Any:
    return asyncio.run(asyncio.wait_for(main(), 60))


def test_an_asynchronous_context_manager(pool: Any) -> None:
    async def main() -> None:
        async with pool.lent_later() as one:
            assert one == "b"
            assert state(pool) == (["a"], ["b"], [])
        for thrown in ZeroDivisionError("x"), StopIteration("x"), StopAsyncIteration("x"), RuntimeError("x"):
            with pytest.raises(type(thrown)) as caught:
                async with pool.lent_later():
                    raise thrown
            assert caught.value is thrown
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(None) as limit, pool.lent_later():
                limit.reschedule(0)
                await asyncio.sleep(60)

    run(main)
    assert state(pool) == (["a", "b"], [], [])


def test_an_asynchronous_generator_that_writes(pool: Any) -> None:
    async def main() -> None:
        steps = pool.emptied()
        assert list(pool.free) == ["a", "b"]
        assert await anext(steps) == "b"
        assert list(pool.free) == ["a"]
        assert await steps.asend("sent") == "a"
        with pytest.raises(ZeroDivisionError):
            await steps.athrow(ZeroDivisionError)
        with pytest.raises(StopAsyncIteration):
            await anext(steps)
        await steps.aclose()

    run(main)
    assert state(pool) == ([], [], ["sent", "closed"])


def test_one_that_is_not_begun_or_not_ended(pool: Any, shared: Share) -> None:
    async def main() -> None:
        steps = pool.emptied()
        await steps.aclose()
        assert [x async for x in steps] == []
        with pytest.raises(KeyError):
            await pool.emptied().athrow(KeyError)
        async for name in pool.emptied():
            assert name == "b"
            break
        async for name in pool.names():
            assert name == "a"

    run(main)
    shared.flush()
    assert state(pool) == (["a"], [], ["closed"])


def test_steps_do_not_overlap(pool: Any) -> None:
    async def main() -> None:
        steps = pool.emptied()
        found = await asyncio.gather(anext(steps), anext(steps), return_exceptions=True)
        assert found[0] == "b"
        assert isinstance(found[1], RuntimeError)

    run(main)


def test_an_asynchronous_iterator(pool: Any) -> None:
    async def main() -> list[str]:
        return [name async for name in pool]

    assert run(main) == ["b", "a"]


def test_what_only_reads_runs_in_the_loop_of_the_caller(pool: Any) -> None:
    async def main() -> Any:
        asyncio.get_running_loop().name = "mine"  # type: ignore[attr-defined]
        return await pool.first()

    assert run(main) == ("a", "mine")


def test_a_plain_method_that_returns_a_coroutine(pool: Any) -> None:
    async def main() -> Any:
        waiting = pool.taken_later()
        assert asyncio.iscoroutine(waiting)
        return await waiting, await pool.taken_later.aio()

    assert run(main) == ("b", "a")
    pool.free.extend("cd")
    assert pool.taken_later.call() == "d"
    assert pool.taken_later.submit().result(60) == "c"
