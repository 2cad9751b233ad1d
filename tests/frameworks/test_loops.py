"""Other event loops: uvloop and anyio as asyncio's own; trio through threads."""

import asyncio

import pytest

from share import Share


class Account:
    def __init__(self):
        self.money, self.log = 0, []

    def add(self, amount):
        self.money += amount
        self.log.append(amount)
        return self.money

    async def add_later(self, amount):
        return self.add(amount)

    async def drained(self):
        while self.log:
            yield self.log.pop(0)


async def use(shared):
    account = shared.account
    assert await account.add.aio(1) == 1
    assert await account.add_later(1) == 2
    assert [amount async for amount in account.drained()] == [1, 1]
    changes = shared.changes(account, "money")
    assert (await anext(changes)).value == 2
    account.add.send(1)
    assert (await anext(changes)).value == 3
    assert await shared.aget(lambda: account.money) == 3
    assert await shared.wait_for_async(lambda: account.money > 2)
    answers = await asyncio.gather(*(account.add.aio(1) for _ in range(1000)))
    assert answers == list(range(4, 1004))
    return "used"


@pytest.fixture
def shared():
    with Share() as shared:
        shared.account = Account()
        yield shared


def test_uvloop(shared):
    assert pytest.importorskip("uvloop").run(use(shared)) == "used"


def test_anyio(shared):
    assert pytest.importorskip("anyio").run(use, shared) == "used"


def test_trio(shared):
    trio = pytest.importorskip("trio")

    async def main():
        with pytest.raises(RuntimeError, match="to_thread"):
            await shared.account.add.aio(1)
        return await trio.to_thread.run_sync(shared.account.add, 1), await shared.aget(
            lambda: shared.account.money
        )

    assert trio.run(main) == (1, 1)
