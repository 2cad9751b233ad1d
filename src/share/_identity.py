"""A process as a value: it can be kept in a share, and asked anywhere whether it still lives."""

from share import _runtime
from share._kinds import register_value
from share._process import is_proven_dead
from share._process import this_process as _this_word

__all__ = ["ProcessId", "this_process"]

_PID_BITS = 22


@register_value  # no dataclass, whose module takes long to import
class ProcessId:
    """One process of this machine, by pid and start time: no later process with the same pid is taken for it.

    >>> this_process().alive
    True
    """

    __slots__ = ("word",)

    def __init__(self, word: int) -> None:
        self.word = word

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.word & ((1 << _PID_BITS) - 1)

    @property
    def alive(self) -> bool:
        """Whether it has not ended. A wait whose predicate has read this wakes up when it ends."""
        return _alive(int(self.word))

    def __eq__(self, other: object) -> bool:
        return self.word == other.word if isinstance(other, ProcessId) else NotImplemented

    def __hash__(self) -> int:
        return self.word  # the same in every process, unlike the hash of a text

    def __repr__(self) -> str:
        return f"<process {self.pid}>"


def _alive(word: int) -> bool:
    if is_proven_dead(word):
        return False
    if _runtime.note_process is not None:
        _runtime.note_process(word)
    return True


def this_process() -> ProcessId:
    """The calling process. A command runs in the coordinator: so call this before, and pass it as an argument."""
    return ProcessId(_this_word())
