"""Classes with ``async def`` methods."""

import asyncio


class Fetcher:
    def __init__(self):
        self.n, self.got, self.inside = 0, [], 0

    async def fetch(self, x):
        before = self.n
        await asyncio.sleep(0.001)
        self.n = before + x
        self.got.append(x)
        return self.n

    async def store(self, x):
        await asyncio.gather(self.fetch(x), asyncio.sleep(0))

    async def last(self):
        return self.got[-1]

    async def fail(self):
        self.n += 1
        await asyncio.sleep(0)
        raise LookupError("after a sleep")

    async def __aenter__(self):
        self.inside += 1
        return self

    async def __aexit__(self, kind, error, trace):
        self.inside -= 1
        return kind is KeyError


class Holder:
    def __init__(self):
        self.part = Fetcher()
