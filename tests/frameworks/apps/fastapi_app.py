"""The same with coroutines: a call that waits does not block the event loop."""

import os

from fastapi import FastAPI

from share import Share, aio

app = FastAPI()
shared = Share.open(os.environ["SHARE_NAME"])


class Hits:
    def __init__(self) -> None:
        self.n = 0
        self.by: dict[int, int] = {}

    def hit(self, pid: int) -> int:
        self.n += 1
        self.by[pid] = self.by.get(pid, 0) + 1
        return self.n


hits: Hits = shared.setdefault("hits", Hits())


@app.get("/")
async def state() -> dict[str, object]:
    return {"n": hits.n, "by": dict(hits.by), "pid": os.getpid()}


@app.get("/hit")
async def hit() -> dict[str, int]:
    return {"n": await aio(hits.hit, os.getpid()), "pid": os.getpid()}
