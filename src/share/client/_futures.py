"""Futures for calls: one thread a process and share, started by the first ``submit``, ``aio`` or ``wait_for_async``."""

import asyncio
import itertools
import os
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import Future
from typing import Any

from share._protocol import Filled, Finished
from share.client import _waiting
from share.client._attachment import NoRoom, WouldWait
from share.client._noted import Watch, noted
from share.client._proxy import session_of
from share.client._sending import caught_up
from share.errors import ShareClosedError

__all__ = ["call_in_loop", "each", "future_of", "get_in_loop", "wait_for_async"]

_lock = threading.Lock()
_END = object()
READS = 8  # of an event loop's, each after a wait, before a thread reads
TURN = 0.001  # seconds for which an iteration keeps an event loop
IDLE_LOOKS = 6  # a bridge without work ends after so many sleeps


class Ticket:
    """Who gets a response that no thread waits for: a future of a thread, or one of an event loop."""

    __slots__ = ("future", "loop", "position", "unsent")

    def __init__(self, future: Any, loop: asyncio.AbstractEventLoop | None, unsent: Any = None) -> None:
        self.future, self.loop = future, loop
        self.unsent = unsent  # the command, while it waits for room
        self.position = 0


class Bridge:
    """Hands responses and changes over to those who wait for them without a thread of their own."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self.unsent: deque[Ticket] = deque()
        self.watches: dict[Ticket, Watch] = {}
        self.thread: threading.Thread | None = None

    # -- for those who wait ---------------------------------------------------------------------------

    def start(self) -> None:
        """Sees to it that there is a thread."""
        if self.thread is None:
            with _lock:
                if self.thread is None:
                    self.thread = threading.Thread(target=self._serve, name="share-futures", daemon=True)
                    self.thread.start()

    def send_later(self, ticket: Ticket) -> None:
        """Queues a command as soon as there is room, after those that already wait."""
        self.unsent.append(ticket)
        self.start()
        _waiting.rouse(self.session.control)

    def watch(self, ticket: Ticket, watch: Watch) -> None:
        """Completes the ticket's future when something that was noted has changed."""
        self.watches[ticket] = watch
        self.start()
        _waiting.rouse(self.session.control)

    def withdraw(self, ticket: Ticket) -> None:
        """The future has been cancelled: a command that still waits for room is never sent."""
        self.watches.pop(ticket, None)
        if ticket.unsent is not None:
            ticket.unsent = None
            try:
                self.unsent.remove(ticket)
            except ValueError:
                pass  # just being sent

    # -- the thread -----------------------------------------------------------------------------------

    def _serve(self) -> None:
        control, idle = self.session.control, 0
        while True:
            try:
                c = control.position()
                classes = 0
                for watch in list(self.watches.values()):
                    classes |= watch.classes
                announced = _waiting.bridge_announce(control, classes, bool(self.unsent))
                if self._work():
                    idle = 0
                    continue
                if control.closed:
                    raise ShareClosedError(f"share {self.session.name} was closed before this was done")
                busy = self.session.expects or self.unsent or self.watches
                if self.session.expects and _waiting.bridge_spin(control, c):
                    continue
                if not _waiting.bridge_sleep(control, *announced):
                    idle = 0
                    continue
                _waiting.look_after(control)
                idle = 0 if busy else idle + 1
            except BaseException as error:
                self.fail_all(error)
                idle = IDLE_LOOKS
            if idle >= IDLE_LOOKS:
                with _lock:
                    if not (self.session.expects or self.unsent or self.watches):
                        self.thread = None
                        return
                idle = 0

    def _work(self) -> bool:
        """Delivers what is there and sends what finds room; whether there was anything."""
        batches: dict[Any, list[Any]] = {}
        done = False
        for ticket, position, kind, data in self.session.take_delivered():
            done = True
            if ticket.future.done():
                self.session.drop(position, kind)  # cancelled
                continue
            try:
                result, error = self.session.unwrap(position, kind, data), None
                if type(result) is Filled and ticket.loop is None:
                    result = result.value
                if type(result) is Finished:
                    result = result.value
            except BaseException as raised:
                result, error = None, raised
            _finish(batches, ticket, result, error)
        while self.unsent and self.session.has_room():
            try:
                ticket = self.unsent.popleft()
            except IndexError:
                break  # withdrawn
            unsent = ticket.unsent
            if unsent is None:
                continue
            try:
                position = self.session.resend(unsent)
            except NoRoom:
                self.unsent.appendleft(ticket)
                break
            except BaseException as error:
                _finish(batches, ticket, None, error)
            else:
                ticket.unsent, ticket.position = None, position
                self.session.expect(position, ticket)
            done = True
        for ticket, watch in list(self.watches.items()):
            if _waiting.is_changed(watch) and self.watches.pop(ticket, None) is not None:
                _finish(batches, ticket, None, None)
                done = True
        _hand_over(batches)
        return done

    def fail_all(self, error: BaseException) -> None:
        """Nothing of what is awaited will come."""
        batches: dict[Any, list[Any]] = {}
        tickets = [*self.session.take_expected(), *self.unsent, *self.watches]
        self.unsent.clear()
        self.watches.clear()
        for ticket in tickets:
            _finish(batches, ticket, None, error)
        _hand_over(batches)


def _finish(batches: dict[Any, list[Any]], ticket: Ticket, result: Any, error: BaseException | None) -> None:
    if ticket.loop is not None:
        batches.setdefault(ticket.loop, []).append((ticket.future, result, error))
    elif not ticket.future.done():
        _complete([(ticket.future, result, error)])


def _hand_over(batches: dict[Any, list[Any]]) -> None:
    """One wake-up of each event loop for all that it gets."""
    for loop, results in batches.items():
        try:
            loop.call_soon_threadsafe(_complete, results)
        except RuntimeError:
            pass  # the loop has been closed


def _complete(results: list[Any]) -> None:
    for future, result, error in results:
        if future.done():
            continue
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)


def _bridge(session: Any) -> Bridge:
    bridge: Bridge | None = session.bridge
    if bridge is None:
        with _lock:
            bridge = session.bridge
            if bridge is None:
                bridge = session.bridge = Bridge(session)
    return bridge


def _running_loop() -> asyncio.AbstractEventLoop:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise RuntimeError(
            "this is awaited in an event loop of asyncio's kind, and there is none: in trio call the method itself in "
            "a thread, `await trio.to_thread.run_sync(shared.obj.method)`"
        ) from None


def future_of(session: Any, position: int) -> "Future[Any]":
    """A future for the response of the command that ends at ``position``."""
    future: Future[Any] = Future()
    future.set_running_or_notify_cancel()
    session.expect(position, Ticket(future, None))
    _bridge(session).start()
    return future


async def call_in_loop(session: Any, send: Callable[[], int]) -> Any:
    """The result of the call that ``send`` queues. If there is no room for it, it waits here, in its turn."""
    bridge = _bridge(session)
    loop = _running_loop()
    ticket = Ticket(loop.create_future(), loop)
    session.limited(0)
    try:
        position = send()
    except NoRoom as full:
        ticket.unsent = full.args[0]
        bridge.send_later(ticket)
    else:
        session.expect(position, ticket)
        bridge.start()
    finally:
        session.limited(None)
    try:
        return await ticket.future
    except asyncio.CancelledError:
        bridge.withdraw(ticket)
        raise


async def wait_for_async(session: Any, predicate: Callable[[], Any]) -> Any:
    """The first true value that the predicate gives."""
    while True:
        value, watch = await _noted_in_loop(session, predicate)
        if value:
            return value
        _waiting.check(watch)
        await changed(session, watch)


async def changed(session: Any, watch: Any) -> None:
    """Returns when something that was noted has changed."""
    bridge = _bridge(session)
    loop = _running_loop()
    ticket = Ticket(loop.create_future(), loop)
    waiting: Awaitable[Any] = ticket.future
    bridge.watch(ticket, watch)
    try:
        await waiting
    finally:
        bridge.withdraw(ticket)


async def get_in_loop(session: Any, function: Callable[[], Any]) -> Any:
    """What a function that reads gives, which may have to wait for what is queued; the loop goes on meanwhile."""
    return (await _noted_in_loop(session, function))[0]


async def _noted_in_loop(session: Any, function: Callable[[], Any]) -> tuple[Any, Watch]:
    """The same, and what it has read."""
    for _ in range(READS):
        found, error = None, None
        session.in_loop(True)
        try:
            found = noted(session.control, function)
        except (Exception, WouldWait) as raised:
            error = raised
        finally:
            is_void = session.in_loop(False)
        if not is_void:
            if error is not None:
                raise error
            assert found is not None
            return found
        await call_in_loop(session, lambda: caught_up(session))
    # Others write what it reads all the time.
    return await asyncio.to_thread(noted, session.control, function)


async def each(container: Any, proxy: Any) -> AsyncIterator[Any]:
    """What iterating over a container, or a view of it, gives, with turns of the event loop in between."""

    def begin() -> tuple[Iterator[Any], Any]:
        items = iter(container)
        return items, next(items, _END)  # some read the state only then

    items, first = await get_in_loop(session_of(proxy), begin)
    turn = time.monotonic()
    for item in () if first is _END else itertools.chain((first,), items):
        yield item
        if time.monotonic() - turn > TURN:
            await asyncio.sleep(0)
            turn = time.monotonic()


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()  # another thread of the parent may have held the old one


os.register_at_fork(after_in_child=_after_fork)
