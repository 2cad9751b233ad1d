"""What goes wrong in calls: each is a clear error of the documented class, and nothing else is touched."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from classes import Box, Counter, Failing, Gate, HeldError, OddError
from programs import HERE, finish, start

from share import (
    FailedCommand,
    NotShareableError,
    Share,
    ShareError,
    ShareTimeoutError,
)


@pytest.fixture
def failing(shared: Share) -> Any:
    """An object whose methods fail."""
    shared.failing = Failing()
    return shared.failing


@pytest.fixture
def counter(shared: Share) -> Any:
    """A counter."""
    shared.counter = Counter()
    return shared.counter


# -- mistakes of the caller, raised at the call -------------------------------------------------------


def test_unpicklable_argument(shared: Share) -> None:
    """Raised at the call, naming the argument; the method does not run, in whichever way it is called."""
    shared.box = Box("before")
    box = shared.box
    with open(os.devnull) as file:
        for call in (box.put, box.put.send, box.put.call, box.put.submit, box.swap):
            with pytest.raises(NotShareableError, match="argument"):
                call(file)
            with pytest.raises(TypeError):
                call([1, {"deep": file}])
        with pytest.raises(NotShareableError, match="content"):
            box.content = file
        with pytest.raises(NotShareableError):
            box.put(content=file)
    assert box.content == "before"
    shared.flush()
    assert shared.errors == []


def test_arguments_are_not_consumed_or_changed(shared: Share) -> None:
    """A generator is refused, not consumed; containers stay as they are."""
    shared.box = Box()
    numbers = iter(range(3))
    generator = (number for number in numbers)
    with pytest.raises(NotShareableError):
        shared.box.put(generator)
    assert list(generator) == [0, 1, 2]
    content = {"a": [1, 2], "b": {3}}
    shared.box.put(content)
    assert content == {"a": [1, 2], "b": {3}}


def test_unknown_attribute(counter: Any, shared: Share) -> None:
    """Reading or calling what the class does not have raises AttributeError, with the names in it."""
    for use in (lambda: counter.missing, lambda: counter.missing(), lambda: counter.missing.send(1)):
        with pytest.raises(AttributeError, match="Counter.*missing"):
            use()
    with pytest.raises(AttributeError):
        shared.missing.increment()
    assert not hasattr(counter, "missing") and getattr(counter, "missing", 7) == 7


@pytest.mark.parametrize(
    "arguments", [((), {}), ((1, 2), {}), ((), {"j": 1}), ((1,), {"k": 2}), ((1,), {"other": 2})], ids=repr
)
def test_wrong_arguments(arguments: Any, counter: Any, shared: Share) -> None:
    """A wrong argument count or name is TypeError at the call, not later; the method does not run."""
    args, kwargs = arguments
    for call in (counter.add, counter.add.send, counter.add.call, counter.add.submit):
        with pytest.raises(TypeError, match="add"):
            call(*args, **kwargs)
    with pytest.raises(TypeError):
        counter.get(1)
    with pytest.raises(TypeError):
        counter.next(1)
    assert counter.n == 0
    shared.flush()
    assert shared.errors == []


# -- exceptions of queued methods ---------------------------------------------------------------------


def test_queued_method_that_raises(failing: Any, shared: Share) -> None:
    """It keeps what it did before; the error is in errors and at the next flush, once, with its traceback."""
    assert failing.fail("sink") is None
    failing.fail("swim", really=False)
    assert failing.done == ["sink", "swim"] and failing.rest == "untouched"
    with pytest.raises(ValueError, match="cannot sink") as caught:
        shared.flush()
    cause = str(caught.value.__cause__)
    assert "Traceback" in cause and "in fail" in cause and "classes.py" in cause
    shared.flush()
    (failed,) = shared.errors
    assert isinstance(failed, FailedCommand) and failed.command == "Failing.fail"
    assert isinstance(failed.error, ValueError) and "in fail" in failed.traceback and failed.position > 0
    assert str(failed) == "Failing.fail: ValueError: cannot sink"


def test_queued_methods_of_parts_that_raise(shared: Share) -> None:
    """It is said of which class they are."""
    shared.parts = [Failing()]
    shared.parts[0].fail("sink")
    shared.parts[0].fail.send("swim")
    with pytest.raises(ExceptionGroup):
        shared.flush()
    assert [failed.command for failed in shared.errors] == ["Failing.fail", "Failing.fail"]


def test_several_failures_are_raised_as_a_group(failing: Any, shared: Share) -> None:
    """All errors since the last flush come together, in the order of the commands."""
    for word in ("a", "b", "c"):
        failing.fail(word)
    with pytest.raises(ExceptionGroup) as caught:
        shared.flush()
    assert [str(error) for error in caught.value.exceptions] == ["cannot a", "cannot b", "cannot c"]
    shared.flush()


def test_errors_are_bounded(failing: Any, shared: Share) -> None:
    """A method that fails for ever does not fill the memory."""
    for number in range(250):
        failing.fail.send(str(number))
    with pytest.raises(ExceptionGroup):
        shared.flush()
    assert [str(failed.error) for failed in shared.errors] == [f"cannot {n}" for n in range(150, 250)]


def test_call_that_waits_raises_there_and_then(failing: Any, shared: Share) -> None:
    """The caller gets the exception itself with the remote traceback; it is not reported a second time."""
    for call in (lambda: failing.fail_with_answer("left"), lambda: failing.fail.call("right")):
        with pytest.raises((LookupError, ValueError)) as caught:
            call()
        assert "in fail" in str(caught.value.__cause__)
    with pytest.raises(LookupError):
        failing.fail_with_answer.submit("there").result()
    assert failing.done == ["left", "right", "there"]
    shared.flush()
    assert shared.errors == []


def test_attribute_write_that_raises(shared: Share) -> None:
    """Deleting what is not there raises at the statement, of an object and of a part."""
    shared.counter, shared.rows = Counter(), [Counter()]
    for counter in (shared.counter, shared.rows[0]):
        del counter.n
        with pytest.raises(AttributeError):
            counter.n
        with pytest.raises(AttributeError, match="'n'"):
            del counter.n
        counter.n = 5
        assert counter.n == 5
    shared.flush()
    assert shared.errors == []


def test_exception_that_cannot_be_pickled(failing: Any, shared: Share) -> None:
    """It arrives as a ShareError that says the same; what the method did is kept."""
    with pytest.raises(ShareError, match="HeldError"):
        failing.fail_unpicklable.call()
    failing.fail_unpicklable()
    with pytest.raises(ShareError, match="HeldError"):
        shared.flush()
    assert failing.done == ["unpicklable", "unpicklable"]
    assert HeldError is not None


def test_exception_that_cannot_be_loaded(failing: Any, shared: Share) -> None:
    """Pickling it works and loading it does not: the caller still gets an error that says what it was."""
    with pytest.raises((ShareError, OddError)) as caught:
        failing.fail_oddly.call()
    assert "OddError" in repr(caught.value)
    failing.fail_oddly()
    with pytest.raises((ShareError, OddError)):
        shared.flush()
    assert len(shared.errors) == 1


def test_system_exit_in_a_method_ends_nothing(failing: Any, shared: Share) -> None:
    """sys.exit() in a method is an exception of that method; the coordinator goes on."""
    with pytest.raises(SystemExit):
        failing.exit.call()
    failing.exit()
    with pytest.raises(SystemExit):
        shared.flush()
    assert failing.done == ["exit", "exit"]


def test_answer_that_cannot_be_pickled(failing: Any, shared: Share) -> None:
    """The caller is told; the method has run, and its effects stay."""
    with pytest.raises(NotShareableError, match="socket"):
        failing.answer_socket()
    assert failing.done == ["answered"]


def test_state_that_cannot_be_shared(failing: Any, shared: Share) -> None:
    """A method that leaves such state is undone, the caller is told which attribute it was, the share goes on."""
    failing.fail("first")
    with pytest.raises(NotShareableError, match="thing"):
        failing.keep_socket.call()
    assert failing.thing is None and failing.done == ["first"]
    with pytest.raises(NotShareableError, match=r"attribute thing\['deep'\]\[0\]"):
        failing.keep_socket_in_a_dict.call()
    assert failing.thing is None
    failing.fail.send("second", really=False)
    failing.keep_socket()
    failing.fail.send("third", really=False)
    with pytest.raises(ExceptionGroup) as caught:
        shared.flush()
    assert [type(error) for error in caught.value.exceptions] == [ValueError, NotShareableError]
    assert failing.done == ["first", "second", "third"] and failing.thing is None


def test_unshareable_state_takes_nobody_along(shared: Share) -> None:
    """What else is in the same group of commands, of this and of other objects and names, is applied."""
    shared.failing, shared.counter = Failing(), Counter()
    shared.flush()
    for number in range(20):
        shared.counter.increment()
        shared.failing.keep_socket()
        shared[f"name_{number}"] = number
        shared.box = Box(number)
    assert shared.counter.n == 20
    assert [shared[f"name_{number}"] for number in range(20)] == list(range(20))
    assert shared.box.content == 19 and shared.failing.done == []
    with pytest.raises(ExceptionGroup):
        shared.flush()


def test_log_of_a_failed_command(tmp_path: Path) -> None:
    """The coordinator's log says, on the owner's stderr, which command failed and where."""
    (tmp_path / "script.py").write_text(
        "from share import Share\nfrom classes import Failing\n"
        "with Share() as shared:\n"
        "    shared.failing = Failing()\n    shared.failing.fail('float')\n"
        "    try:\n        shared.flush()\n    except ValueError as error:\n        print(error)\n"
    )
    done = finish(start(str(tmp_path / "script.py")))
    assert (done.returncode, done.stdout) == (0, "cannot float\n")
    assert "Failing.fail" in done.stderr and "ValueError: cannot float" in done.stderr
    assert str(HERE / "classes.py") in done.stderr


# -- waiting ------------------------------------------------------------------------------------------


def test_timeouts(shared: Share, tmp_path: Path) -> None:
    """A time-out is a TimeoutError and abandons the answer, never the command."""
    shared.gate = Gate()
    gate = shared.gate
    gate.enter(str(tmp_path / "open"))
    for wait in (
        lambda: gate.mark.call(timeout=0.02),
        lambda: shared.flush(0.02),
        lambda: shared.flush(timeout=0),
    ):
        with pytest.raises(ShareTimeoutError) as caught:
            wait()
        assert isinstance(caught.value, TimeoutError)
    future = gate.mark.submit()
    with pytest.raises(TimeoutError):
        future.result(timeout=0.02)
    for wrong in (-1, float("nan")):
        with pytest.raises(ValueError, match="timeout"):
            shared.flush(wrong)
    (tmp_path / "open").touch()
    assert future.result() is None
    assert gate.get() == 201
    assert gate.mark.call(timeout=60) is None and gate.get() == 301
    shared.flush(timeout=60)


def test_health_while_a_method_runs(shared: Share, tmp_path: Path) -> None:
    """health() never waits; it shows the backlog and for how long the method has been running."""
    shared.gate = Gate()
    assert shared.gate.get() == 0
    shared.gate.enter(str(tmp_path / "open"))
    for _ in range(10):
        shared.gate.mark()
    health = shared.health()
    assert health.state == "running" and health.coordinator > 0 and health.backlog >= 11 and health.memory > 0
    (tmp_path / "open").touch()
    shared.flush()
    assert shared.health().backlog == 0


def test_blocking_mode() -> None:
    """With writes="wait" every write returns after its commit, or raises its error there."""
    with Share(writes="wait") as shared:
        shared.failing, shared.counter, shared.x = Failing(), Counter(), 1
        assert shared.health().backlog == 0
        shared.counter.increment()
        assert shared.health().backlog == 0 and shared.counter.n == 1
        with pytest.raises(ValueError, match="cannot wait"):
            shared.failing.fail("wait")
        with pytest.raises(AttributeError):
            del shared.counter.missing
        with pytest.raises(NotShareableError):
            shared.failing.keep_socket()
        shared.counter.n = 10
        del shared.x
        assert shared.counter.n == 10 and "x" not in shared
        shared.flush()
        assert shared.errors == []
        shared.failing.fail.send("later")
        shared.clear()
        with pytest.raises(ValueError, match="cannot later"):
            shared.flush()
    with pytest.raises(ValueError, match="writes"):
        Share(writes="never")


def test_waiting_block(failing: Any, shared: Share) -> None:
    """with shared.waiting(): the same for one block of one thread, also nested, also in threads."""
    with shared.waiting() as same:
        assert same is shared
        with shared.waiting(), pytest.raises(ValueError, match="cannot rest"):
            failing.fail("rest")
        with pytest.raises(ValueError, match="cannot stop"):
            failing.fail("stop")
        shared.x = 1
        assert shared.health().backlog == 0
    failing.fail("again")
    with pytest.raises(ValueError, match="cannot again"):
        shared.flush()


def test_an_error_that_is_its_own_cause(shared: Share) -> None:
    shared.box = Box([1])
    with pytest.raises(KeyError, match="itself"):
        shared.box.fail_because_of_itself()
    assert shared.box.get() == [1]


# -- results ------------------------------------------------------------------------------------------


def test_results_never_alias_cached_state(shared: Share) -> None:
    """Changing what a read-only method returned changes it for everybody, or for the caller alone: never half."""
    shared.box = Box({"a": [1]})
    content = shared.box.get()
    content["a"].append(2)
    content["b"] = 3
    assert shared.box.get() == shared.box.get.call() == shared.box.content
    assert shared.box.content in ({"a": [1]}, {"a": [1, 2], "b": 3})
    del shared.box.content
    with pytest.raises(AttributeError):
        shared.box.get()


def test_own_errors_are_kept_until_the_own_flush(failing: Any, shared: Share) -> None:
    """However often others fail meanwhile; what is not kept is counted."""
    failing.fail("first")
    child = os.fork()
    if child == 0:
        for number in range(250):
            failing.fail.send(str(number))
        try:
            shared.flush()
        except ExceptionGroup as group:
            kept = len(group.exceptions)
            assert (
                str(group.message)
                == f"250 queued commands failed; here are the first {kept}, and {250 - kept} more"
            )
            shared.flush()
            os._exit(0)
        os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    with pytest.raises(ValueError, match="cannot first"):
        shared.flush()
    shared.flush()
    failing.fail("second")
    os.kill(shared.health().coordinator, signal.SIGKILL)
    with pytest.raises(ValueError, match="cannot second"):
        shared.flush()
