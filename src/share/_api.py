"""The public face: ``Share``, ``shareable`` and what goes with them."""

import warnings
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self, TypeVar, cast

from share import _runtime
from share._lifecycle import attach_session, end, leave, named_session, open_session, start_session
from share._names import check_name
from share._options import check_full, check_kept, check_writes, coordinator_options
from share.client._namespace import Namespace, is_detached, reserve
from share.client._proxy import plain
from share.client._responses import with_traceback
from share.client._session import Session
from share.client._snapshots import snapshot
from share.errors import CoordinatorLostError, EngineError, EngineLostError, ShareClosedError

if TYPE_CHECKING:
    import os

    from share.client._changes import Changes

__all__ = ["FailedCommand", "Health", "Share", "plain", "shareable"]

T = TypeVar("T", bound=type)
R = TypeVar("R")
S = TypeVar("S", bound="Share")
_ALL = object()
_shares: "weakref.WeakValueDictionary[str, Share]" = weakref.WeakValueDictionary()


def shareable(cls: T) -> T:
    """Class decorator: analyses the class now instead of when its first instance is shared.

    The class itself is returned, unchanged. Raises AnalysisError if the class cannot be shared as it is.

    >>> @shareable
    ... class Counter:
    ...     def __init__(self):
    ...         self.n = 0
    ...     def increment(self):
    ...         self.n += 1
    >>> Counter().n
    0
    """
    from share.analysis import draft

    if not isinstance(cls, type):
        raise TypeError(f"@shareable decorates a class, not {cls!r}")
    draft(cls)
    return cls


class FailedCommand(NamedTuple):
    """A queued command that raised while nobody waited for it."""

    position: int  # the command's end position
    command: str  # "Class.method", or the name that was assigned; "?" if there was no memory for more
    error: BaseException
    traceback: str  # as the coordinator saw it

    def __str__(self) -> str:
        return f"{self.command}: {type(self.error).__name__}: {message_of(self.error)}"


def message_of(error: BaseException) -> str:
    """What an exception says, unless its class's own code raises in turn."""
    try:
        return str(error)
    except Exception:
        return "(it cannot be shown)"


class Health(NamedTuple):
    """How a share is doing, as read from shared memory without asking anybody."""

    state: Literal["starting", "running", "lost", "closed"]
    coordinator: int  # process id, 0 if there is none
    backlog: int  # ring cells that are queued and not yet committed
    commit: int  # the commit position
    running_for: float  # seconds for which the present group of commands has been running; 0.0 if idle
    memory: int  # bytes of shared memory, the control segment not counted


class Share(Namespace):
    """A namespace that several processes share: what is assigned to it is live in all of them.

    Plain values (numbers, strings, tuples of values, ...) come back as themselves; any other instance comes back
    as a proxy, whose methods do what the class's methods do. One coordinator process executes every write, in one
    order; reads go to shared memory and are never stale.

    >>> with Share() as shared:
    ...     shared.answer = 42
    ...     shared.answer
    42

    Args:
        name: None for a share that is reached by passing it on; else other programs of this user can reach it with
            :meth:`attach` and :meth:`open`.
        writes: None queues writes and returns at once, but for deletions of attributes and for assignments that may
            raise (through a setter, a ``__setattr__`` or a ``__setitem__`` that does more than to store the value):
            they wait, and raise where they are. ``"queue"`` queues these too; ``"wait"`` makes every write return
            only after its commit.
        on_full: what a command does that finds no room in the ring: ``"wait"`` for it, or ``"raise"`` ShareFullError.
        ring: cells (64 bytes each) of the command ring, a power of two.
        check: compare all state after every command, to find writes that the class's plan misses.
        slow_after: seconds after which a method that still runs in the coordinator is reported: in the log, with the
            coordinator's stack, and in :attr:`errors` once it has ended. None: never.
        max_run: seconds after which a command that still runs is given up: the coordinator is replaced, and the command
            is skipped and reported as PoisonedCommandError. (Compiled code that does not let other threads run
            cannot be given up.) None: never.
        executable: path of the Python that runs the coordinator. None: the one that runs this process; where that is
            another program (uWSGI, an application that embeds Python), the one that belongs to it.
        logging: hand what methods log in the coordinator to the handlers of this process, by a thread of its own.
            Without it the coordinator writes it, to this process's standard error or output, with the level and format
            of the root logger.
        on_new_code: what a process does whose class has other code than where an object of it was shared, because its
            file has been changed: ``"raise"`` ClassChangedError, or ``"upgrade"`` the share to what is in the file.
        journal: a file in which everything that is committed is stored: the share goes on where the last one with
            that file stopped, be it closed, killed, or lost with its machine. None: the share lives in memory alone.
        engine: the same with a server in the place of the file, so that another machine can go on with the share of
            that name: ``"nats://host?monitor=http://host:8222"`` or ``"postgresql://user@host/database"``.
        durable: with a journal or an engine, ``"engine"`` stores a commit before anybody sees it; ``"local"`` stores it
            behind, so that nobody waits for that, and the last moments before the loss of a machine may be lost
            with it (:meth:`flush` with ``durable=True`` waits).

    Raises:
        ShareError: there is no such Python.
        EngineError: the journal is in use, or the share has a home (``errno`` is EBUSY); it is none, or cannot be read
            or written; or the server does not flush what it stores (ENOTSUP).
        EngineLostError: the server does not answer.
        ModuleNotFoundError: the client library of the engine is missing.
        CorruptDataError: the journal is damaged.
        FileExistsError: a share of that name is alive. (Remains of a crashed one are removed.)
        ShareMemoryError: there is not enough shared memory.

    Passing a Share or a proxy to another process (as an argument, through a pool or a queue) attaches that process.
    Use it as a context manager or call :meth:`close`: both execute everything queued and remove all shared memory.
    """

    def __new__(cls, name: str | None = None, **options: Any) -> Self:
        return super().__new__(cls) if _runtime.coordinator_of is None else _stand_in(cls)

    def __init__(
        self,
        name: str | None = None,
        *,
        writes: Literal["queue", "wait"] | None = None,
        on_full: Literal["wait", "raise"] = "wait",
        ring: int = 16384,
        check: bool = False,
        slow_after: float | None = 30.0,
        max_run: float | None = None,
        executable: str | None = None,
        logging: bool = False,
        on_new_code: Literal["raise", "upgrade"] = "raise",
        journal: "str | os.PathLike[str] | None" = None,
        engine: str | None = None,
        durable: Literal["engine", "local"] = "engine",
    ) -> None:
        public = None if name is None else check_name(name)
        kept = check_kept(journal, engine, public, durable)
        waits, raises = check_writes(writes), check_full(on_full)
        options = {
            **coordinator_options(check, slow_after, max_run, executable, on_new_code),
            "logging": bool(logging),
        }
        session = start_session(ring, options, public, kept)
        session.writes_wait, session.on_full_raises = waits, raises
        session.assignments_queue = writes == "queue"
        super().__init__(session)
        _shares[session.name] = self

    @classmethod
    def attach(
        cls,
        name: str,
        *,
        writes: Literal["queue", "wait"] | None = None,
        on_full: Literal["wait", "raise"] = "wait",
    ) -> Self:
        """Joins the share that another program of this user has made under that name.

        Raises:
            SegmentError: there is none of that name (``errno`` is ENOENT), or it is damaged, of another user, another
                pid namespace or another version of this library.
        """
        if _runtime.coordinator_of is not None:
            return _stand_in(cls)
        return _share_of(cls, named_session(check_name(name)), writes, on_full)

    @classmethod
    def open(
        cls,
        name: str,
        *,
        writes: Literal["queue", "wait"] | None = None,
        on_full: Literal["wait", "raise"] = "wait",
        ring: int = 16384,
        check: bool = False,
        slow_after: float | None = 30.0,
        max_run: float | None = None,
        executable: str | None = None,
        linger: float = 0,
        on_new_code: Literal["raise", "upgrade"] = "raise",
        journal: "str | os.PathLike[str] | None" = None,
        engine: str | None = None,
        durable: Literal["engine", "local"] = "engine",
    ) -> Self:
        """Joins the share of that name, or creates it if there is none; for programs without a common parent.

        Such a share has no owner: it lives until the last process that uses it has left (closed it, ended or died),
        and for ``linger`` seconds more; whoever opens it in that time finds it as it was left. ``ring``, ``check``,
        ``slow_after``, ``max_run``, ``executable``, ``linger``, ``on_new_code``, ``journal``, ``engine`` and
        ``durable`` count only for the one that creates it.
        """
        if _runtime.coordinator_of is not None:
            return _stand_in(cls)
        if not linger >= 0:
            raise ValueError(f"linger must be at least 0 seconds, not {linger!r}")
        options = {
            **coordinator_options(check, slow_after, max_run, executable, on_new_code),
            "linger": float(linger),
        }
        public = check_name(name)
        kept = check_kept(journal, engine, public, durable)
        return _share_of(cls, open_session(ring, options, public, kept), writes, on_full)

    # -- state of the share ---------------------------------------------------------------------------

    def flush(self, timeout: float | None = None, *, durable: bool = False) -> None:
        """Waits until everything queued so far, by any process, is committed; with ``durable``, until it is stored.

        Then raises what this process's own queued commands have raised since the last flush: the exception
        itself if there is one, an ExceptionGroup if there are several.

        Raises:
            ShareMemoryError: commands have failed, perhaps of other processes, and there is no room for their errors.
            ShareTimeoutError: not done after ``timeout`` seconds.
            ShareClosedError, CoordinatorLostError: it never will be.
            EngineError, EngineLostError: with ``durable``, it cannot be stored now, the disk is full, say. It is kept,
                and will be tried again.
            ValueError: ``durable`` of a share without a journal or engine.
        """
        session = self.session_of()
        if session.control.closed:
            raise session.closed_error()
        if durable:
            if not session.control.has_journal:
                raise ValueError(
                    "only a share with a journal or an engine can be durable: Share(journal=...)"
                )
            from share.client._commands import await_stored

            try:
                await_stored(session, timeout)
            except (EngineError, EngineLostError):
                self._raise_errors()  # of commands that could not be stored
                raise
        session.wait_for(session.control.tail(), timeout)
        self._raise_errors()

    @property
    def restore_point(self) -> int | None:
        """The commit position up to which everything is stored; None without a journal or engine."""
        control = self.session_of().control
        return control.durable() if control.has_journal else None

    def _raise_errors(self) -> None:
        mine, more = self.take_owed_errors()
        if not mine:
            return
        errors = [with_traceback(error, text) for _, _, _, error, text in mine]
        if len(errors) == 1 and not more:
            raise errors[0]
        rest = f"; here are the first {len(errors)}, and {more} more" if more else ""
        raise BaseExceptionGroup(f"{len(errors) + more} queued commands failed{rest}", errors)

    @property
    def errors(self) -> list[FailedCommand]:
        """The last 100 queued commands, of any process, that raised while nobody waited for them; oldest first."""
        return [FailedCommand(p, command, error, text) for p, _, command, error, text in self.read_errors()]

    def health(self) -> Health:
        """How the share is doing; never waits and never raises."""
        control = self.session_of().control
        pid = control.coordinator_pid()
        state: Literal["starting", "running", "lost", "closed"]
        if control.closed:
            state = "closed"
        elif control.lost:
            state = "lost"
        else:
            state = "running" if pid else "starting"
        memory = control.memory()
        return Health(state, pid, control.backlog(), control.position(), control.running_for(), memory)

    def clear(self) -> None:
        """Queues the deletion of everything in the share."""
        self.remove_all()

    @contextmanager
    def waiting(self) -> Iterator[Self]:
        """A block in which every write of this thread returns only after its commit, or raises its error."""
        session = self.session_of()
        session.waiting(1)
        try:
            yield self
        finally:
            session.waiting(-1)

    def snapshot(self, *objects: Any) -> Any:
        """Plain, deep copies of shared objects, all as they are at one commit position: nothing comes between them.

        Takes proxies of objects, of containers, or of parts of them. One object gives one copy, several a tuple.
        References to other shared objects stay proxies.

        Raises:
            DeletedObjectError: one of them, or the path of a part, no longer exists.

        >>> with Share() as shared:
        ...     shared.a, shared.b = [1], {"k": [2]}
        ...     shared.snapshot(shared.a, shared.b["k"])
        ([1], [2])
        """
        return snapshot(*objects)

    # -- several steps as one --------------------------------------------------------------------------

    def update(self, obj: Any, /, **attributes: Any) -> None:
        """Queues the assignment of several attributes of a shared object, or of a part of one, as one command.

        Nobody sees one of them without the others.
        """
        from share.client._commands import update

        update(self.session_of(), obj, attributes)

    def cas(self, obj: Any, attribute: str, expected: Any, new: Any) -> bool:
        """Assigns the attribute ``new`` if it equals ``expected``, in one step; whether it did."""
        from share.client._commands import cas

        return cas(self.session_of(), obj, attribute, expected, new)

    def apply(self, obj: Any, attribute: str, function: Callable[..., R], *args: Any) -> R:
        """Replaces an attribute by ``function(attribute, *args)``, computed in this process; returns the new value.

        If the attribute has changed meanwhile, the function is called again with a copy of the new one. So a long
        computation holds nobody up, and no change is lost.
        """
        from share.client._commands import apply

        found: R = apply(self.session_of(), obj, attribute, function, args)
        return found

    def transact(self, function: Callable[..., R], *args: Any, timeout: float | None = None) -> R:
        """Has the coordinator run ``function(*args)`` as one command: all of it happens, or nothing.

        Proxies among the arguments are the objects themselves there, which the function may read and change; nothing
        comes in between. Returns what it returns. If it raises, everything that it has changed through them is as
        before, and the exception is raised here.

        Raises:
            ShareTimeoutError: not done after ``timeout`` seconds. It stays queued, unless there was no room.

        >>> def move(a, b, amount):
        ...     a["money"] -= amount
        ...     b["money"] += amount
        ...     if a["money"] < 0:
        ...         raise ValueError("not enough money")
        >>> with Share() as shared:
        ...     shared.a, shared.b = {"money": 100}, {"money": 0}
        ...     shared.transact(move, shared.a, shared.b, 60)
        ...     try:
        ...         shared.transact(move, shared.a, shared.b, 60)
        ...     except ValueError as error:
        ...         print(error, shared.a["money"], shared.b["money"])
        not enough money 40 60
        """
        from share.client._commands import transact

        found: R = transact(self.session_of(), function, args, timeout)
        return found

    # -- waiting for changes --------------------------------------------------------------------------

    def wait_for(self, predicate: Callable[[], R], timeout: float | None = None) -> R:
        """Waits until the predicate gives a true value, and returns it.

        The predicate only reads: attributes, properties, methods that read, of objects of this share. What it reads
        is noted, and it is called again when a commit has changed some of that, or when a process whose
        :attr:`ProcessId.alive` it has read has died. The wait takes no processor time.

        Raises:
            ShareTimeoutError: it is still false after ``timeout`` seconds.
            ValueError: it is false and has read nothing of this share, or something of another one.
            RuntimeError: it sends a command.

        >>> with Share() as shared:
        ...     shared.jobs = []
        ...     shared.jobs.append("sweep")
        ...     shared.wait_for(lambda: len(shared.jobs))
        1
        """
        from share.client._waiting import wait_for

        found: R = wait_for(self.session_of().control, predicate, timeout)
        return found

    async def wait_for_async(self, predicate: Callable[[], R]) -> R:
        """As :meth:`wait_for`, in an event loop, which goes on meanwhile. ``asyncio.timeout`` limits it.

        The predicate may be called by another thread, as the function of :meth:`aget`.
        """
        from share.client._futures import wait_for_async

        found: R = await wait_for_async(self.session_of(), predicate)
        return found

    async def aget(self, function: Callable[[], R]) -> R:
        """What ``function()`` gives, which reads objects of this share, for event loops.

        A read waits for what is queued before it and may change what it reads. Here the loop goes on meanwhile. The
        function may be called several times, and perhaps by another thread. It raises RuntimeError if it sends a
        command. Where nothing is queued, an ordinary read is as good and faster.
        """
        from share.client._futures import get_in_loop

        found: R = await get_in_loop(self.session_of(), function)
        return found

    def wait_then(
        self,
        predicate: Callable[[], Any],
        method: Callable[..., R],
        *args: Any,
        timeout: float | None = None,
        **kwargs: Any,
    ) -> R:
        """Waits until the predicate is true, and has the method called at that moment; returns its result.

        The predicate is looked at here, as in :meth:`wait_for`, and once more in the coordinator, in one step with
        the method of a shared object: so nobody else comes in between. Those who wait for the same are served in the
        order of arrival; one that dies, or gives up, loses its place.

        Raises:
            ShareTimeoutError: after ``timeout`` seconds. The method has not been called.

        >>> with Share() as shared:
        ...     shared.jobs = ["sweep"]
        ...     shared.wait_then(lambda: len(shared.jobs) > 0, shared.jobs.pop, timeout=5)
        'sweep'
        """
        from share.client._commands import wait_then

        found: R = wait_then(self.session_of(), predicate, method, args, kwargs, timeout)
        return found

    def changes(self, obj: Any, name: Any = _ALL, /) -> "Changes":
        """An iterator, and asynchronous iterator, over what commits change in a shared object, or in a part of one.

        The first is the state as it is; then it waits for commits. Each :class:`Change` says which attributes have
        changed (of a container or a part: that it has, as a whole), and what they are. So ``copy = change.apply(copy)``
        for each of them keeps a copy of the object as it is at ``change.position``. A slow iterator does not see each
        commit, but what several have come to; ``change.gap`` says so. Nothing is kept for an iterator, so that it
        holds nobody up and needs no closing.

        Args:
            obj: an object of this share, a container, or a part of one.
            name: of an attribute, or a key of a dict: only what changes there.

        Iterating raises DeletedObjectError when the object, or the part, has gone, and ShareClosedError with the share.

        >>> with Share() as shared:
        ...     shared.lights = {"hall": "on"}
        ...     changes = shared.changes(shared.lights, "hall")
        ...     first = next(changes)
        ...     shared.lights["hall"] = "off"
        ...     first.value, next(changes).value
        ('on', 'off')
        """
        from share.client._changes import ALL, Changes

        return Changes(self.session_of(), obj, ALL if name is _ALL else name)

    # -- ending ---------------------------------------------------------------------------------------

    def close(self) -> None:
        """Executes everything queued, ends the coordinator and removes all shared memory.

        In a process that does not own the share this only ends its own use of it. Closing twice does nothing.
        """
        session = self.session_of()
        self.detach()
        if session.owner_state is not None:
            pid, session.owner_state = session.owner_state, None
            end(session.control, *pid)
        else:
            leave(session)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        session = self.session_of()
        if session.owner_state is None and not session.control.until_last:
            return  # a user's block does not end the owner's share
        try:
            if error is None:
                self.flush()
        finally:
            self.close()

    def __del__(self) -> None:
        try:
            session = self.session_of()
            unclosed = session is not None and session.owner_state is not None
        except (AttributeError, TypeError):
            return  # __init__ raised
        if unclosed:
            warnings.warn(
                f"unclosed share {session.name}: use `with Share() as shared:` or call shared.close()",
                ResourceWarning, stacklevel=2, source=self,
            )  # fmt: skip

    def __reduce__(self) -> Any:
        return attach_share, (self.session_of().name,)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.__reduce__()

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: Any) -> Self:
        return self

    def __dir__(self) -> list[str]:
        names: list[str] = []
        try:
            names = self.present_names()
        except (ShareClosedError, CoordinatorLostError):
            pass
        return sorted({*object.__dir__(self), *names})

    def __repr__(self) -> str:
        session = self.session_of()
        health = self.health()
        role = "owner" if session.owner_state is not None else "user"
        return f"<Share {session.name}: {health.state}, {role}, {health.backlog} cells queued>"


def attach_share(name: str) -> Any:
    """The Share of that name in this process; what a pickled Share becomes."""
    if _runtime.coordinator_of == name:
        return _runtime.inside
    share = _shares.get(name)
    return _share_of(Share, attach_session(name), None) if share is None else share


_runtime.attach = attach_share


def _stand_in(cls: type[S]) -> S:
    """What a coordinator gets that imports a module which makes, opens or attaches a share at its top level."""
    from share.coordinator._inside import StandIn

    return StandIn()  # type: ignore[return-value] # whatever is done with a Share can be done with it


def _share_of(
    cls: type[S], session: Session, writes: Literal["queue", "wait"] | None, on_full: str = "wait"
) -> S:
    """This process's Share for a session; of the class, if there is none yet."""
    waits, raises = check_writes(writes), check_full(on_full)
    share = _shares.get(session.name)
    if share is None or is_detached(share):
        share = _shares[session.name] = Namespace.__new__(cls)
        Namespace.__init__(share, session)
    session.writes_wait = session.writes_wait or waits
    session.on_full_raises = session.on_full_raises or raises
    session.assignments_queue = session.assignments_queue or writes == "queue"
    return cast("S", share)


reserve(name for name in dir(Share))
