"""The life of a share in this process: starting its coordinator, attaching, ending."""

import logging
import os
import select
import sys
import threading
import weakref
from typing import Any

from share import _protocol, cerial
from share._control import Control
from share._names import new_name, sweep
from share.client._namespace import resolver_for
from share.client._session import Session

__all__ = ["attach_session", "end", "start_session"]

log = logging.getLogger("share")

_lock = threading.RLock()
_sessions: "weakref.WeakValueDictionary[str, Session]" = weakref.WeakValueDictionary()
# Sessions of shares that this process only uses. Kept, because a worker gets the share anew with every task.
_attached: dict[str, Session] = {}
os.register_at_fork(
    before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release
)

# The coordinator is a program of its own. It is told the owner's sys.path, so that it finds share itself and the
# modules of the user's classes, and needs nothing of the owner's main module.
_PROGRAM = "import sys; sys.path[:] = {path!r}; from share.coordinator.main import main; main({name!r})"


def start_session(ring: int, options: dict[str, Any]) -> Session:
    """Creates a share's memory, starts its coordinator, and gives the owner's session."""
    name = new_name()
    main = sys.modules.get("__main__")
    configuration = cerial.dumps(
        {
            "argv": sys.argv[:] if hasattr(sys, "argv") else [""],
            "main_file": getattr(main, "__file__", None),
            "log_level": logging.getLogger("share").level or None,
            **options,
        }
    )
    control = Control.create(name, ring, configuration)
    try:
        pid = _spawn(name)
        control.started(pid)
    except BaseException:
        sweep(name)
        raise
    session = Session(control)
    session.adopt_entry(0)
    session.owner_state = pid
    # The callback must not refer to the session. It runs when the last Share and proxy of this share are gone in
    # this process, and at interpreter exit.
    weakref.finalize(session, end, control, pid, os.getpid())
    return _register(name, session)


def attach_session(name: str) -> Session:
    """This process's session for a share that another process owns (or that this one already has)."""
    with _lock:
        session = _sessions.get(name)
        if session is None:
            for other, kept in list(_attached.items()):
                if kept.control.closed:
                    del _attached[other]
            session = _attached[name] = _register(name, Session(Control.attach(name)))
            weakref.finalize(session, _leave, name)
        return session


def _register(name: str, session: Session) -> Session:
    with _lock:
        _sessions[name] = session
        _protocol.resolvers[name] = resolver_for(session)
    return session


def _leave(name: str) -> None:
    _protocol.resolvers.pop(name, None)


def _spawn(name: str) -> int:
    path = [entry if entry else os.getcwd() for entry in sys.path]
    arguments = [sys.executable, *_interpreter_flags(), "-c", _PROGRAM.format(path=path, name=name)]
    # Descriptors of ours are not inheritable, so none but the standard streams is passed on; reading a terminal
    # is the owner's business.
    return os.posix_spawn(
        sys.executable,
        arguments,
        os.environ,
        file_actions=[(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)],
        setsigmask=[],
    )


def _interpreter_flags() -> list[str]:
    import subprocess

    flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    return flags


def end(control: Any, pid: int, owner_pid: int) -> None:
    """Closes the share: everything queued is executed, then the coordinator unlinks all memory and ends."""
    if os.getpid() != owner_pid:
        return  # a forked child: the share is its parent's
    _protocol.resolvers.pop(control.name, None)
    control.close_ring()
    _join(pid, control)
    sweep(control.name)  # nothing is left unless the coordinator was killed


def _join(pid: int, control: Any) -> None:
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        descriptor = -1
    try:
        while descriptor >= 0:
            poller = select.poll()
            poller.register(descriptor, select.POLLIN)
            if poller.poll(5000):
                break
            log.warning(
                "share %s: closing, waiting for the coordinator (pid %d) to finish %d queued cells",
                control.name, pid, control.backlog(),
            )  # fmt: skip
        os.waitpid(pid, 0)
    except ChildProcessError:
        pass  # somebody else has waited for all children
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def _attach_unknown(name: str) -> None:
    attach_session(name)


_protocol.attach_unknown = _attach_unknown
