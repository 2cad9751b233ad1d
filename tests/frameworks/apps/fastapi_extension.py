"""A FastAPI application with the extension, and a stream of events that all workers feed."""

import os

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

from share import aio
from share.contrib.fastapi import Shared, events, lifespan


class Hits:
    def __init__(self) -> None:
        self.n = 0
        self.by: dict[int, int] = {}

    def hit(self, pid: int) -> int:
        self.n += 1
        self.by[pid] = self.by.get(pid, 0) + 1
        return self.n


app = FastAPI(lifespan=lifespan(os.environ["SHARE_NAME"], hits=Hits))


@app.get("/")
async def state(shared: Shared) -> dict[str, object]:
    return {"n": shared.hits.n, "by": dict(shared.hits.by), "pid": os.getpid()}


@app.get("/hit")
async def hit(shared: Shared) -> dict[str, int]:
    return {"n": await aio(shared.hits.hit, os.getpid()), "pid": os.getpid()}


@app.get("/events")
async def stream(shared: Shared) -> StreamingResponse:
    hits = shared.hits
    return events(shared, lambda: hits.n)
