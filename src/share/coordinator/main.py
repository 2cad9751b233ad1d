"""The coordinator program: takes the role, serves the ring until it is closed, removes every segment."""

import importlib
import logging
import os
import signal
import sys
import threading
import types
from collections.abc import Callable
from typing import Any

from share import _runtime, cerial
from share._control import Control
from share._names import sweep
from share._segment import keep_descriptors
from share.errors import SegmentError

from . import _streams
from ._loop import Loop
from ._recovery import recover
from ._store import Store
from ._watch import TERMINATED, Watch

__all__ = ["main"]

log = logging.getLogger("share.coordinator")


def main(name: str, role: int) -> None:
    """Runs the coordinator of the share of that name until the share is closed.

    ``role`` is the role word of the process that started this one: only exactly that word is replaced.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the owner, who decides
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())  # both were blocked until here
    _streams.install()
    _dump_on_request()
    try:
        _serve(name, role)
    except BaseException:
        # Everything stays as it is: a waiting client starts another coordinator, which begins at C.
        log.critical("share %s: the coordinator ends because of an error of its own", name, exc_info=True)
        sys.exit(1)
    finally:
        _end_threads()
        logging.shutdown()
        _streams.finish()


def _serve(name: str, role: int) -> None:
    try:
        control = Control.attach(name)
    except SegmentError:
        return  # the owner closed the share before we were up
    keep_descriptors(12)  # each new segment takes one, and three while it is mapped
    options = cerial.loads(control.configuration())
    public = options["name"]
    _prepare(options, public or name.removeprefix("share_"))
    _record_heaps()
    _log_like_the_owner(options, name)
    _runtime.coordinator_of = name
    starter = control.process_info(role & 0xFFFF)[0]
    entry = control.take_role(role)
    if entry < 0:
        return  # whoever started us has itself been replaced: touch nothing
    if control.closed:
        sweep(name, public)  # our predecessor died after its last command
        return

    def give_up(reason: str) -> None:
        log.critical("share %s ends because of %s", name, reason)
        loop.give_up()
        sweep(name, public)
        _streams.finish()
        os._exit(1)

    def replaced(reason: str) -> None:
        control.note_fenced()
        give_up(reason)

    def give_way(reason: str) -> None:
        log.critical("share %s: %s", name, reason)
        _streams.finish()
        os._exit(1)

    signal.signal(signal.SIGTERM, lambda *_: control.close_ring())  # until there is a Watch
    store = Store(control, options.get("check", False), options.get("on_new_code") == "upgrade")
    _runtime.inside = _view(store)
    loop = Loop(control, store, entry, options.get("linger", 0))
    try:
        loop.journal = _journal(control, store, options, replaced)
        recover(control, store)
        _begin(control, loop.journal)
    except Exception as error:
        if not control.has_journal or control.is_restored():
            raise
        log.exception("share %s cannot be restored", name)
        loop.refuse(error)
        loop.close()
        sweep(name, public)
        return
    store.move_on()
    limits = options.get("slow_after"), options.get("max_run")
    watch = Watch(control, loop, *limits, starter, _streams.let_go, give_up, give_way)
    loop.watch = watch.add
    loop.serve()
    if loop.journal is not None:
        loop.journal.close()
    loop.close()
    sweep(name, public)


def _journal(control: Control, store: Store, options: dict[str, Any], replaced: Callable[[str], None]) -> Any:
    """What stores the share's commits, if anything does; what it holds is in the slots."""
    if not control.has_journal:
        return None
    from ._journal import Journal

    journal = Journal(control, store, options["journal"], replaced)
    journal.open()
    if not control.is_restored():
        journal.put_back()
    return journal


def _begin(control: Control, journal: Any) -> None:
    if journal is None:
        return
    if control.is_restored():
        journal.go_on()
    else:
        journal.begin()
        control.note_restored()


def _dump_on_request() -> None:
    """At SIGUSR2 the stacks of all threads go into a file in memory, which ``python -m share dump`` reads.

    They are written by compiled code: also while a method does not let Python go on.
    """
    import faulthandler
    import fcntl

    file = os.memfd_create("share-dump", os.MFD_CLOEXEC)
    fcntl.fcntl(file, fcntl.F_SETFL, os.O_APPEND)
    faulthandler.register(signal.SIGUSR2, file, all_threads=True)


def _end_threads() -> None:
    """Python waits for threads that methods have started, perhaps for ever; this process does not."""
    others = [thread.name for thread in threading.enumerate() if not thread.daemon]
    others.remove(threading.main_thread().name)
    if others:
        log.warning("methods have started threads that have not ended yet: %s", ", ".join(others))
        last = threading.Timer(TERMINATED, os._exit, [1])
        last.daemon = True
        last.start()


def _prepare(options: dict[str, Any], title: str) -> None:
    """Makes this process one in which the owner's classes can be imported."""
    try:
        with open("/proc/self/comm", "w") as file:
            file.write(f"share: {title}"[:15])  # what ps and top show; the kernel keeps no more
    except OSError:
        pass  # no /proc here
    sys.argv[:] = options["argv"]
    if options["folder"] is not None and os.path.isdir(options["folder"]):
        os.chdir(options["folder"])  # a successor is started by another process than the owner
    # Classes of the owner's main module come by value; what they look up in `__main__` must not be this program.
    main_module = types.ModuleType("__main__")
    main_module.__file__ = options["main_file"]
    sys.modules["__main__"] = main_module


def _record_heaps() -> None:
    """Users' code gets the heapq that is written in Python: that in C writes past what records changes to lists."""
    import heapq

    sys.modules["_heapq"] = None  # type: ignore[assignment]
    importlib.reload(heapq)
    sys.modules["_heapq"] = heapq  # functions are pickled by that name


class _Formatter(logging.Formatter):
    """The owner's; it may want what only a filter of the owner's adds."""

    def format(self, record: logging.LogRecord) -> str:
        try:
            return super().format(record)
        except (KeyError, ValueError, AttributeError):
            return f"{record.levelname} {record.name}: {record.getMessage()}"


def _log_like_the_owner(options: dict[str, Any], name: str) -> None:
    found = options["log"]
    logging.getLogger("share").setLevel(found["share_level"])
    root = logging.getLogger()
    root.setLevel(found["level"])
    if options.get("logging"):
        from ._records import RecordSender

        try:
            root.addHandler(RecordSender(name))
        except OSError:
            pass  # the owner has ended
        else:
            root.setLevel(found["lowest"])  # its loggers will choose
            return
    like = found.get("handler")
    if like is not None:
        handler = logging.StreamHandler(sys.stdout if like["output"] else sys.stderr)
        handler.setLevel(like["level"])
        handler.setFormatter(_Formatter(like["format"], like["dates"], like["style"]))
        root.addHandler(handler)


def _view(store: Store) -> Any:
    from ._inside import Inside

    return Inside(store)
