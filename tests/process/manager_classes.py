"""Classes with context managers and asynchronous generators made by methods."""

import asyncio
import contextlib


class Pool:
    def __init__(self):
        self.free, self.used, self.log = ["a", "b"], [], []

    @contextlib.contextmanager
    def lent(self):
        one = self.free.pop()
        self.used.append(one)
        try:
            yield one
        except KeyError as error:
            self.log.append(repr(error))
        finally:
            self.used.remove(one)
            self.free.append(one)

    @contextlib.contextmanager
    def renamed(self):
        try:
            yield
        except ValueError as error:
            raise LookupError("renamed") from error

    @contextlib.asynccontextmanager
    async def lent_later(self):
        one = self.free.pop()
        await asyncio.sleep(0)
        self.used.append(one)
        try:
            yield one
        finally:
            await asyncio.sleep(0)
            self.used.remove(one)
            self.free.append(one)

    async def emptied(self):
        try:
            while self.free:
                await asyncio.sleep(0)
                got = yield self.free.pop()
                if got:
                    self.log.append(got)
        finally:
            self.log.append("closed")

    async def names(self):
        for name in self.free:
            await asyncio.sleep(0)
            yield name

    def __aiter__(self):
        return self

    async def __anext__(self):
        if not self.free:
            raise StopAsyncIteration
        return self.free.pop()

    async def taken(self):
        await asyncio.sleep(0)
        return self.free.pop()

    def taken_later(self):
        return self.taken()

    async def first(self):
        await asyncio.sleep(0)
        return self.free[0], asyncio.get_running_loop().name


class Holder:
    def __init__(self):
        self.pool = Pool()
