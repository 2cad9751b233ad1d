"""The life of a share in this process: starting its coordinator, attaching, ending."""

import atexit
import errno
import logging
import os
import select
import socket
import sys
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

from share import _protocol, _runtime, cerial
from share._control import Control
from share._names import base_of, bury, give_name, new_name, sweep, take_name
from share._process import pidfd_of
from share._program import start_program, surroundings
from share.client._attachment import set_registration_hook
from share.client._namespace import resolver_for
from share.client._nested import node_resolver_for
from share.client._rescue import rescuer_for
from share.client._session import Session
from share.errors import (
    CoordinatorLostError,
    EngineError,
    SegmentError,
    ShareClosedError,
    ShareError,
    WouldDeadlockError,
)

__all__ = ["attach_session", "end", "leave", "named_session", "open_session", "start_session"]

log = logging.getLogger("share")

PATIENCE = 10.0  # seconds for which a journal may be in use by somebody who opens the same share

_lock = threading.RLock()
_sessions: "weakref.WeakValueDictionary[str, Session]" = weakref.WeakValueDictionary()
# Coordinators that this process started for shares without an owner.
_children: dict[str, int] = {}
# Those of them that went on when this process left; they are its children, whose end it has to take note of.
_going_on: set[int] = set()
# Who hands the coordinators' log records to handlers here, for shares that want that.
_receivers: dict[str, Any] = {}
# Sessions of shares that this process only uses. Kept, because a worker gets the share anew with every task.
_attached: dict[str, Session] = {}


def start_session(
    ring: int, options: dict[str, Any], public: str | None = None, journal: Any = None
) -> Session:
    """Creates a share's memory, starts its coordinator, and gives the owner's session."""
    if public is not None and journal is not None and _lives(public):
        raise _is_taken(public)  # and has the journal open, perhaps
    control = _create(ring, options, public, False, journal)
    if public is not None and not _publish_name(control.name, public):
        raise _is_taken(public)
    if options.get("logging"):
        from share.client._records import RecordReceiver

        _receivers[control.name] = RecordReceiver(control.name)
    return _start(control, public)


def _is_taken(public: str) -> FileExistsError:
    return FileExistsError(
        f"a share named {public!r} exists already: Share.attach({public!r}) joins it, "
        f"Share.open({public!r}) joins or creates it"
    )


def _lives(public: str) -> bool:
    base = base_of(public)
    return base is not None and not _is_stale(base, public)


def open_session(ring: int, options: dict[str, Any], public: str, journal: Any = None) -> Session:
    """Joins the share of that name, or creates it. It lives until the last process that has opened it leaves."""
    until = time.monotonic() + PATIENCE
    while True:
        base = base_of(public)
        if base is not None:
            session = _join_named(base, public)
            if session is not None:
                return session
        try:
            control = _create(ring, options, public, True, journal)
        except EngineError as error:
            # Somebody who opens the same share may just be looking into the journal, or about to give it its name.
            if error.errno != errno.EBUSY or time.monotonic() > until:
                raise
            continue
        if _publish_name(control.name, public):
            return _start(control, public)


def named_session(public: str) -> Session:
    """Joins the share of that name. Raises SegmentError if there is none."""
    base = base_of(public)
    session = None if base is None else _join_named(base, public)
    if session is None:
        raise SegmentError(
            errno.ENOENT,
            f"there is no share named {public!r}: Share({public!r}) creates it, Share.open({public!r}) does either",
        )
    return session


def _create(
    ring: int, options: dict[str, Any], public: str | None, until_last: bool, journal: Any = None
) -> Control:
    start = identity = None
    found: dict[str, Any] = {}
    name = new_name()
    if journal is not None:
        where, share, durable = journal
        holder = f"{name} on {socket.gethostname()}"
        start, identity, number = _look_into(where, share, durable, holder)
        found = {"where": where, "share": share, "durable": durable, "number": number, "holder": holder}
        found = {"journal": found}
    options = {**options}
    there = surroundings(options.pop("executable", None))
    configuration = cerial.dumps({**there, "name": public, **options, **found})
    return Control.create(name, ring, configuration, until_last, start, identity)


def _look_into(where: str, share: str, durable: str, holder: str) -> tuple[int, str | None, int]:
    """Of a log that no home has: a position behind all in it, whose state it is, its last record."""
    from share.engine._commits import last_position
    from share.engine._places import await_lease, is_file, open_place, shown_place

    with open_place(where, share) as engine:
        what = shown_place(where, share)
        if not is_file(where):
            if durable == "engine" and engine.not_durable:
                raise EngineError(errno.ENOTSUP, f"{what} would not be durable: {engine.not_durable}")
            await_lease(engine, holder, what)
        identity = engine.blob("identity")
        number = engine.last()
        if identity is None and number:
            raise EngineError(errno.EINVAL, f"{what} holds the state of no share")
        return last_position(engine) + 1, None if identity is None else identity.decode(), number


def _publish_name(name: str, public: str) -> bool:
    """Gives a new share a user's name. False: a living share has it; the new one is removed again."""
    given = False
    try:
        given = give_name(name, public)
        if not given and (other := base_of(public)) is not None:
            given = _is_stale(other, public) and take_name(name, public, other)
        return given
    finally:
        if not given:
            sweep(name)


def _is_stale(name: str, public: str) -> bool:
    try:
        return Control.attach(name).stale()
    except SegmentError:
        return base_of(public) == name  # its control segment is gone, only the link is left


def _join_named(base: str, public: str) -> Session | None:
    """This process's session for a share that is alive; None if it is dead or ending."""
    try:
        session = attach_session(base)
    except SegmentError as error:
        if error.errno == errno.ENOENT:
            return None
        raise
    control = session.control
    try:
        if not control.stale() and not control.closed:
            session.join()
            return session
    except ShareClosedError:
        pass
    _attached.pop(base, None)
    _wait_for_end(control, public)
    return None


def _wait_for_end(control: Control, public: str) -> None:
    """Until an ending share has removed its name, or is proven unable to."""
    while base_of(public) == control.name and not control.stale():
        time.sleep(0.002)  # it is removing files, which nothing tells us of


def _start(control: Control, public: str | None) -> Session:
    name = control.name
    _note_ended()
    try:
        pid = start_program(cerial.loads(control.configuration()), name, control.role)
        control.note_started(control.role, pid)
    except BaseException:
        sweep(name, public)
        _end_receiver(name)
        raise
    session = Session(control)
    session.adopt_entry(0)
    # The callbacks must not refer to the session. They run when the last Share and proxy of this share are gone in
    # this process, and at interpreter exit.
    if control.until_last:
        with _lock:
            _attached[name] = session
            _children[name] = pid
        weakref.finalize(session, _forget, name)
    else:
        session.owner_state = (pid, os.getpid(), public)
        weakref.finalize(session, end, control, pid, os.getpid(), public)
    session = _register(name, session)
    if control.has_journal:
        _await_restored(session, pid, public)
    return session


def _await_restored(session: Session, pid: int, public: str | None) -> None:
    """Waits until what is in the journal is there; raises why it cannot be."""
    from share.client._commands import await_stored

    try:
        await_stored(session)
    except BaseException:
        if session.owner_state is not None:
            state, session.owner_state = session.owner_state, None
            end(session.control, *state)
        else:
            leave(session)
        raise


def attach_session(name: str) -> Session:
    """This process's session for a share that another process owns (or that this one already has)."""
    if name == _runtime.coordinator_of:
        raise WouldDeadlockError(
            f"share {name}: its coordinator cannot be a user of it, it would wait for itself"
        )
    with _lock:
        session = _sessions.get(name)
        if session is None:
            for other, kept in list(_attached.items()):
                if kept.control.closed:
                    del _attached[other]
            session = _attached[name] = _register(name, Session(Control.attach(name)))
            weakref.finalize(session, _forget, name)
        return session


def _register(name: str, session: Session) -> Session:
    with _lock:
        if session.control.has_journal:
            _note_identity(name, session.control.identity)
        _sessions[name] = session
        _protocol.resolvers[name] = resolver_for(session)
        _protocol.node_resolvers[name] = node_resolver_for(session)
        session.control.rescuer = rescuer_for(session)
    return session


def _note_identity(name: str, identity: str) -> None:
    """References in a journal's state have the name of the share that it first was."""
    other = _sessions.get(_protocol.now_called.get(identity, ""))
    if other is not None and other.name != name and not other.control.closed and not other.control.stale():
        raise ShareError(
            f"this process uses another share of the same journal, or of a copy of it: {other.name}; close that first"
        )
    _protocol.now_called[identity] = name


def _forget(name: str) -> None:
    _protocol.resolvers.pop(name, None)
    _protocol.node_resolvers.pop(name, None)


def _leave_all() -> None:
    """At the end of this process: its entries need not wait for the proof of its death."""
    for session in list(_sessions.values()):
        if session.owner_state is None:
            session.leave()
            _bury_if_lost(session.control)


def _registered() -> None:
    # Children of multiprocessing end without running atexit's functions, and forget what their parent had arranged
    # for its own end; so each process arranges it when it first registers anywhere.
    global _arranged_in
    if _arranged_in != os.getpid():
        _arranged_in = os.getpid()
        atexit.register(_leave_all)
        util = sys.modules.get("multiprocessing.util")
        if util is not None:
            util.Finalize(None, _leave_all, exitpriority=-100)


_arranged_in = 0
set_registration_hook(_registered)


def leave(session: Session) -> None:
    """Ends this process's use of a share that it does not own."""
    with _lock:
        _attached.pop(session.name, None)
        pid = _children.pop(session.name, None)
    session.leave()
    _bury_if_lost(session.control)
    if pid is not None:
        # We started the coordinator, so it is our child; if we were the last, see it end.
        lingers = cerial.loads(session.control.configuration()).get("linger")
        _join(session.control, pid, lambda: not lingers and not session.control.in_use())


def end(control: Any, pid: int, owner_pid: int, public: str | None = None) -> None:
    """Closes the share: everything queued is executed, then the coordinator unlinks all memory and ends."""
    if os.getpid() != owner_pid:
        return  # a forked child: the share is its parent's
    _protocol.resolvers.pop(control.name, None)
    _protocol.node_resolvers.pop(control.name, None)
    control.close_ring()
    try:
        control.await_closed()  # by the coordinator or, if that has been killed, by a successor of it
    except CoordinatorLostError as error:
        log.error("share %s is closed without having executed everything: %s", control.name, error)
    _join(control, pid)
    sweep(control.name, public)  # nothing is left unless the coordinator was killed
    _end_receiver(control.name)


def _end_receiver(name: str) -> None:
    receiver = _receivers.pop(name, None)
    if receiver is not None:
        receiver.finish()


def _bury_if_lost(control: Control) -> None:
    """What a share leaves whose coordinator could not be replaced is removed by the last one to leave it."""
    if control.lost and not control.closed:
        bury(control, cerial.loads(control.configuration())["name"])


def _join(control: Any, pid: int, ending: Callable[[], bool] = lambda: True) -> None:
    """Waits for the end of the coordinator, while the share is ending; ``pid`` is the one that was our child."""
    descriptor = pidfd_of(control.coordinator_word())
    try:
        while descriptor >= 0 and ending():
            poller = select.poll()
            poller.register(descriptor, select.POLLIN)
            if poller.poll(5000):
                break
            log.warning("share %s: closing, waiting for the coordinator to end", control.name)
    finally:
        if descriptor >= 0:
            os.close(descriptor)
    try:
        # Blocks only where there are no pidfds. A killed coordinator of ours has long been a zombie.
        if os.waitpid(pid, 0 if ending() else os.WNOHANG) == (0, 0):
            _going_on.add(pid)
    except ChildProcessError:
        pass  # somebody else has waited for all children


def _note_ended() -> None:
    for pid in list(_going_on):
        try:
            if os.waitpid(pid, os.WNOHANG) == (0, 0):
                continue
        except ChildProcessError:
            pass  # it was our parent's, or somebody else has waited
        _going_on.discard(pid)


def _attach_unknown(name: str) -> None:
    attach_session(name)


def _make_generator(key: tuple[int, int], proxy: Any, kind: str) -> Any:
    from share.client._generators import remote

    return remote(key, proxy, kind)


_protocol.attach_unknown = _attach_unknown
_protocol.make_generator = _make_generator


# -- forks --------------------------------------------------------------------------------------------
#
# A share without an owner lives as long as its processes. A forked child is one from the fork on, though its parent
# may end at once, as it does where a program makes itself a daemon: the parent goes on when the child is registered.

_forking: list[tuple[list[Session], int, int]] = []


def _before_fork() -> None:
    _lock.acquire()
    joined: list[Session] = []
    reading = writing = -1
    caller = sys._getframe().f_back
    # A child that subprocess makes becomes another program.
    if caller is None or caller.f_globals.get("__name__") != "subprocess":
        joined = [s for s in _sessions.values() if s.control.until_last and s.identity is not None]
    if joined:
        try:
            reading, writing = os.pipe()
        except OSError:
            pass  # no descriptor left: then it is a user once it has sent or read something
    _forking.append((joined, reading, writing))


def _after_fork_in_parent() -> None:
    _, reading, writing = _forking.pop()
    try:
        if writing >= 0:
            os.close(writing)
            # Its end is that of the child's use of it, which may be its death.
            poller = select.poll()
            poller.register(reading, 0)
            poller.poll(5000)
    finally:
        if reading >= 0:
            os.close(reading)
        _lock.release()


def _after_fork_in_child() -> None:
    joined, reading, writing = _forking.pop()
    try:
        for session in joined:
            try:
                session.join()
            except ShareError:
                pass  # it is ending, or has no room for more
    finally:
        if writing >= 0:
            os.close(reading)
            os.close(writing)
        _lock.release()


# Behind those of Session, which makes a child forget what its parent is.
os.register_at_fork(
    before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child
)
