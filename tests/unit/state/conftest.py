"""A state for a test, which is closed after it: there is one in a process."""

import gc
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from recorded_programs import Pair

from share.state import Replica, State


class Shared:
    """A state and a replica that follows it."""

    def __init__(self) -> None:
        self.state = State()
        self.names = self.state.names
        self.replica = Replica()
        self.changes: dict[int, bytes] = {}

    def end(self) -> int:
        """Ends a command; how many bytes it has written."""
        self.changes = self.state.end()
        self.replica.apply(self.changes)
        return sum(map(len, self.changes.values()))

    @property
    def copy(self) -> dict[str, object]:
        """The names, as the replica knows them."""
        return self.replica.node(self.state.id_of(self.names))

    def pair(self) -> Pair:
        return self.names, self.copy


@pytest.fixture
def shared() -> Iterator[Shared]:
    made = Shared()
    yield made
    made.state.close()
    del made
    gc.collect()
