"""The coordinator program: takes the role, serves the ring until it is closed, removes every segment."""

import logging
import os
import signal
import sys
import types
from typing import Any

from share import _runtime, cerial
from share._control import Control
from share._names import sweep
from share.errors import SegmentError

from ._loop import Loop
from ._recovery import recover
from ._store import Store
from ._watch import Watch

__all__ = ["main"]

log = logging.getLogger("share.coordinator")


def main(name: str, role: int) -> None:
    """Runs the coordinator of the share of that name until the share is closed.

    ``role`` is the role word of the process that started this one: only exactly that word is replaced.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the owner, who decides
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())  # both were blocked until here
    try:
        control = Control.attach(name)
    except SegmentError:
        return  # the owner closed the share before we were up
    options = cerial.loads(control.configuration())
    _prepare(options)
    _runtime.coordinator_of = name
    entry = control.take_role(role)
    if entry < 0:
        return  # whoever started us has itself been replaced: touch nothing
    if control.closed:
        sweep(name, options.get("name"))  # our predecessor died after its last command
        return
    try:
        store = Store(control, options.get("check", False))
        _runtime.inside = _view(store)
        recover(control, store)
        loop = Loop(control, store, entry)
        signal.signal(signal.SIGTERM, lambda *_: control.close_ring())
        watch = Watch(control, loop, options.get("slow_after"))
        loop.watch = watch.add
        if not control.until_last:
            watch.add(control.owner_word())
        loop.serve()
        loop.close()
        sweep(name, options.get("name"))
    except BaseException:
        # Everything stays as it is: a waiting client starts another coordinator, which begins at C.
        log.critical("share %s: the coordinator ends because of an error of its own", name, exc_info=True)
        raise
    finally:
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()


def _prepare(options: dict[str, Any]) -> None:
    """Makes this process one in which the owner's classes can be imported."""
    sys.argv[:] = options["argv"]
    if os.path.isdir(options["folder"]):
        os.chdir(options["folder"])  # a successor is started by another process than the owner
    # Classes of the owner's main module come by value; what they look up in `__main__` must not be this program.
    main_module = types.ModuleType("__main__")
    main_module.__file__ = options["main_file"]
    sys.modules["__main__"] = main_module
    level = options.get("log_level")
    if level is not None:
        logging.getLogger("share").setLevel(level)


def _view(store: Store) -> Any:
    from ._inside import Inside

    return Inside(store)
