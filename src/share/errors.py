"""Every exception that ``share`` raises.

All derive from :class:`ShareError`; each is also the built-in exception that a caller would expect,
so ``except TimeoutError`` works without knowing this module.
"""

__all__ = [
    "AnalysisError",
    "ClassChangedError",
    "CoordinatorLostError",
    "CorruptDataError",
    "DeletedObjectError",
    "EngineError",
    "EngineLostError",
    "FencedError",
    "NotShareableError",
    "PoisonedCommandError",
    "ReadOnlyCopyError",
    "RecordTooLargeError",
    "ReservedNameError",
    "SegmentError",
    "ShareClosedError",
    "ShareError",
    "ShareFullError",
    "ShareMemoryError",
    "ShareTimeoutError",
    "ShareWarning",
    "WouldDeadlockError",
]


class ShareError(Exception):
    """Base of all errors of this library."""


class ShareTimeoutError(ShareError, TimeoutError):
    """A wait with a ``timeout`` ended before its condition held; the command itself is not withdrawn."""


class ShareClosedError(ShareError, ConnectionError):
    """The share has been closed, here or by its owner."""


class CoordinatorLostError(ShareError, ConnectionError):
    """The coordinator process is proven dead and nothing can take its place."""


class ShareFullError(ShareError, BlockingIOError):
    """There is no room to queue a command, and ``Share(on_full="raise")`` says not to wait for it."""


class NotShareableError(ShareError, TypeError):
    """A value cannot travel to another process; the message names where in the value it was found."""


class ReadOnlyCopyError(ShareError, TypeError):
    """A copy of shared state was about to be changed, which nobody else would have seen."""


class DeletedObjectError(ShareError, ReferenceError):
    """A proxy was used whose object has been deleted or replaced."""


class ReservedNameError(ShareError, AttributeError):
    """A name of ``Share`` itself was about to be used for a shared value."""


class AnalysisError(ShareError, ValueError):
    """A class, or what was said of it (``_shared_meta``, ``@reads``, ``@writes``), cannot be planned."""


class ClassChangedError(ShareError, RuntimeError):
    """A class is not the same in this process, or in the coordinator, as where an object of it was shared."""

    #: Module and name of a class that can be imported.
    place: "tuple[str, str] | None" = None


class RecordTooLargeError(ShareError, ValueError):
    """A record does not fit into the ring it was meant for."""


class SegmentError(ShareError, OSError):
    """A shared-memory segment is missing, foreign, corrupt or of another layout version."""


class CorruptDataError(ShareError, ValueError):
    """Encoded bytes are damaged: wrong checksum, impossible length or unknown kind."""


class ShareMemoryError(ShareError, MemoryError):
    """Shared memory could not be reserved (usually: /dev/shm is full)."""


class PoisonedCommandError(ShareError, RuntimeError):
    """A command was skipped because the coordinator died each time it ran."""


class WouldDeadlockError(ShareError, RuntimeError):
    """Code running inside a coordinator was about to wait for a share, which could wait for ever."""


class EngineError(ShareError, OSError):
    """An engine or journal has refused something for sure, and nothing has changed; ``errno`` says more."""


class EngineLostError(ShareError, ConnectionError):
    """An engine does not answer: what was asked of it may have been done, or not."""


class FencedError(ShareError, PermissionError):
    """Another home has taken over: nothing more can be stored from here."""


class ShareWarning(RuntimeWarning):
    """Something is not as planned, and ``share`` went on safely; the message says what to change."""
