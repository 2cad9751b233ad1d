"""How the public names look to a type checker. mypy checks this file; nothing runs it."""

from concurrent.futures import Future
from typing import Any, assert_type

from share import (
    Change,
    FailedCommand,
    Health,
    Share,
    ShareClosedError,
    ShareError,
    aio,
    call,
    plain,
    register_value,
    send,
    shareable,
    submit,
)


@shareable
class Counter:
    def __init__(self) -> None:
        self.n = 0

    def increment(self, by: int = 1) -> None:
        self.n += by

    def peek(self) -> int:
        return self.n

    def add(self, by: int, *, twice: bool = False) -> int:
        self.n += 2 * by if twice else by
        return self.n


class App(Share):
    """A share whose names have types."""

    counter: Counter
    limit: int


class Point:
    x: float = 0.0


# A decorated class keeps its own type.
assert_type(Counter(), Counter)
assert_type(Counter().peek(), int)
Counter().increment("two")  # type: ignore[arg-type]
shareable(3)  # type: ignore[type-var]


def use(shared: Share) -> None:
    # What a share holds is the program's business: Any. An annotation gives it a type again.
    shared.counter = Counter()
    assert_type(shared.another, Any)
    counter: Counter = shared.counter
    counter.increment()
    assert_type(counter.peek(), int)
    shared["other"] = 3
    assert_type(shared["other"], Any)
    del shared.counter, shared["other"]
    assert_type("counter" in shared, bool)
    assert_type(len(shared), int)
    for name in shared:
        assert_type(name, str)

    assert_type(plain(counter), Counter)
    assert_type(shared.errors, list[FailedCommand])
    for failed in shared.errors:
        assert_type(failed.command, str)
        assert_type(failed.error, BaseException)

    health = shared.health()
    assert_type(health, Health)
    assert_type(health.backlog, int)
    assert_type(health.running_for, float)
    if health.state == "strange":  # type: ignore[comparison-overlap]
        pass

    for change in shared.changes(counter):
        assert_type(change, Change)
        assert_type(change.position, int)
    assert_type(shared.changes(counter, "n").next(timeout=1.5), Change)

    shared.flush()
    shared.flush(timeout=1.5)
    shared.flush(timeout="soon")  # type: ignore[arg-type]
    shared.clear()
    with shared.waiting() as same:
        assert_type(same, Share)
    shared.close()


async def ways_to_call(counter: Counter) -> None:
    send(counter.increment, 2)
    assert_type(call(counter.add, 2, twice=True), int)
    assert_type(submit(counter.add, 2), Future[int])
    assert_type(submit(counter.add, by=2).result(timeout=1.5), int)
    assert_type(await aio(counter.add, 2), int)
    send(counter.add, "two")  # type: ignore[arg-type]
    call(counter.add)  # type: ignore[call-arg]
    submit(counter.add, 2, thrice=True)  # type: ignore[call-arg]
    await aio(counter.add, 2, twice=3)  # type: ignore[arg-type]
    send(3)  # type: ignore[arg-type]


def named(app: App) -> None:
    assert_type(app.counter, Counter)
    assert_type(app.counter.add(1), int)
    app.limit = 3
    app.limit = "three"  # type: ignore[assignment]
    assert_type(app.other, Any)
    with App() as other:
        assert_type(other, App)
    assert_type(App.open("app"), App)
    with App.attach("app") as joined:
        assert_type(joined.counter, Counter)


def make() -> None:
    with Share(writes="wait", ring=1024, check=True) as shared:
        assert_type(shared, Share)
        use(shared)
    Share(writes="never")  # type: ignore[arg-type]


assert_type(register_value(Point), type[Point])

try:
    use(Share())
except ShareClosedError as closed:
    connection: ConnectionError = closed
    base: ShareError = closed
