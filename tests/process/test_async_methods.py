"""``async def`` methods that write run to their end in the coordinator; the caller awaits the result."""

import asyncio
import inspect
from typing import Any

import pytest
from async_classes import Fetcher, Holder

from share import Share


@pytest.fixture
def fetcher(shared: Share) -> Any:
    shared.fetcher = Fetcher()
    return shared.fetcher


def test_it_is_awaited(fetcher: Any) -> None:
    async def main() -> Any:
        waiting = fetcher.fetch(5)
        assert inspect.isawaitable(waiting)
        return await waiting, await fetcher.last(), await fetcher.store(2)

    assert asyncio.run(main()) == (5, 5, None)
    assert (fetcher.n, list(fetcher.got)) == (7, [5, 2])


def test_it_is_atomic(fetcher: Any) -> None:
    async def main() -> None:
        await asyncio.gather(*(fetcher.fetch(1) for _ in range(50)))

    asyncio.run(main())
    assert fetcher.n == 50


def test_the_other_ways_to_call_it(fetcher: Any, shared: Share) -> None:
    assert fetcher.fetch.call(1) == 1
    assert fetcher.fetch.submit(1).result(60) == 2
    fetcher.fetch.send(1)
    shared.flush()
    assert fetcher.n == 3


def test_what_it_raises(fetcher: Any) -> None:
    async def main() -> None:
        await fetcher.fail()

    with pytest.raises(LookupError, match="after a sleep"):
        asyncio.run(main())
    assert fetcher.n == 1


def test_async_with(fetcher: Any) -> None:
    async def main() -> None:
        async with fetcher as inside:
            assert inside is fetcher
            assert fetcher.inside == 1
            raise KeyError("suppressed")

    asyncio.run(main())
    assert fetcher.inside == 0


def test_of_a_part(shared: Share) -> None:
    shared.holder = Holder()

    async def main() -> Any:
        return await shared.holder.part.fetch(3)

    assert asyncio.run(main()) == 3
    assert shared.holder.part.n == 3
