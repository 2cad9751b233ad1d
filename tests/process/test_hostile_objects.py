"""Users' code that raises where nobody calls it: the command fails, or not even that, and the coordinator goes on."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from hostile_classes import RAISED, Host

from share import Share

METHODS = [
    "__repr__", "__str__", "__eq__", "__hash__", "__bool__", "__reduce_ex__", "__del__", "__format__", "add_note",
    "loading",
]  # fmt: skip


@pytest.fixture
def host(shared: Share) -> Iterator[Any]:
    """An object that meets hostile ones; afterwards the same coordinator still executes commands."""
    shared.host = Host()
    shared.flush()
    before = shared.health().coordinator
    yield shared.host
    shared.host = Host()
    assert shared.host.add.call(timeout=60) == 1
    assert shared.health().coordinator == before


def flush(share: Share) -> list[BaseException]:
    """What is raised when all has been executed."""
    try:
        share.flush(timeout=60)
    except BaseExceptionGroup as group:
        return list(group.exceptions)
    except BaseException as error:
        return [error]
    return []


@pytest.mark.parametrize("kind", RAISED)
def test_exceptions(shared: Share, host: Any, kind: str) -> None:
    """Of a method: raised at the call, and at flush(), once each."""
    for n, method in enumerate(METHODS, 1):
        with pytest.raises(BaseException) as caught:
            host.fail.call(method, kind)
        assert "HostileError" in type(caught.value).__name__ + str(caught.value.__cause__)
        host.fail.send(method, kind)
        assert len(flush(shared)) == 1
        assert host.n == 2 * n


@pytest.mark.parametrize("kind", RAISED)
def test_objects(shared: Share, host: Any, kind: str) -> None:
    """In state and in results: what cannot be published fails alone."""
    for n, method in enumerate(METHODS, 1):
        for send in (host.keep.send, host.collect.send, host.put_in_a_set.send):
            send(method, kind)
            host.add.send()
            flush(shared)
        try:
            host.give.call(method, kind, timeout=60)
        except BaseException as error:
            assert not isinstance(error, TimeoutError)
        assert host.n == 3 * n


def test_a_class_that_cannot_be_looked_at(shared: Share, host: Any) -> None:
    """Its metaclass raises whatever is asked of it."""
    with pytest.raises(Exception, match="odd"):
        host.fail_strangely.call()
    host.fail_strangely.send()
    assert len(flush(shared)) == 1


@pytest.mark.parametrize("kind", RAISED)
def test_signal_handlers(host: Any, kind: str) -> None:
    """One that a method has set and that raises while nothing runs."""
    host.set_alarm.call(kind, 0.02)
    time.sleep(0.1)
    assert host.add.call(timeout=60) == 1
