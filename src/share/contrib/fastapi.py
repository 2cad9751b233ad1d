"""A share for FastAPI: ``FastAPI(lifespan=lifespan("shop", hits=Hits))``, and endpoints with ``shared: Shared``.

``events(shared, read)`` is a stream of server-sent events: whatever worker changes what is read, each listener of each
worker gets it.
"""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Annotated, Any

from fastapi import Depends, FastAPI
from fastapi.responses import StreamingResponse
from starlette.requests import HTTPConnection

from share import Share, ShareClosedError

__all__ = ["Shared", "changes", "events", "lifespan"]


def lifespan(
    name: str, /, *, options: dict[str, Any] | None = None, **objects: Callable[[], Any]
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """The lifespan of an application that uses the share of that name, and no longer.

    Each of ``objects`` is a class, or a function, whose result becomes the object of that name if there is none yet;
    of several workers that do this at once, one assigns. ``options`` are passed on to :meth:`share.Share.open`.
    """

    @asynccontextmanager
    async def opened(app: FastAPI) -> AsyncIterator[None]:
        with Share.open(name, **(options or {})) as found:
            for key, make in objects.items():
                if key not in found:
                    found.setdefault(key, make())
            app.state.shared = found
            yield

    return opened


def _shared(connection: HTTPConnection) -> Share:
    found: Share = connection.app.state.shared
    return found


#: An endpoint's parameter ``shared: Shared`` is the application's share.
Shared = Annotated[Share, Depends(_shared)]


async def changes(shared: Share, read: Callable[[], Any]) -> AsyncIterator[Any]:
    """What ``read()`` gives now, and again whenever a commit has changed it; of several changes at once the last.

    It only reads objects of the share, and gives values or copies. It ends with the share.
    """
    try:
        last = await shared.aget(read)
    except ShareClosedError:
        return
    yield last
    while True:
        # A tuple is true, whatever is in it.
        def changed(last: Any = last) -> tuple[Any] | None:
            value = read()
            return None if value == last else (value,)

        try:
            found = await shared.wait_for_async(changed)
        except ShareClosedError:
            return
        (last,) = found or (last,)
        yield last


def events(shared: Share, read: Callable[[], Any]) -> StreamingResponse:
    """The same as a stream of server-sent events, each of them JSON."""

    async def lines() -> AsyncIterator[str]:
        async for value in changes(shared, read):
            yield f"data: {json.dumps(value)}\n\n"

    return StreamingResponse(lines(), media_type="text/event-stream", headers={"Cache-Control": "no-cache"})
