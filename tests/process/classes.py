"""Classes that the tests put on a share, and functions that their workers run; imported by every process."""

import os
import time
from typing import Any


class Counter:
    """The simplest class: one number, one method that writes."""

    def __init__(self) -> None:
        self.n = 0

    def increment(self) -> None:
        self.n += 1

    def add(self, k: int) -> None:
        self.n += k

    def next(self) -> int:
        self.n += 1
        return self.n

    def get(self) -> int:
        return self.n


class Log:
    """Keeps who wrote what, in the order in which the commands were applied."""

    def __init__(self) -> None:
        self.entries: list[tuple[Any, Any]] = []

    def write(self, who: Any, what: Any) -> None:
        self.entries.append((who, what))

    def all(self) -> list[tuple[Any, Any]]:
        return list(self.entries)

    def count(self) -> int:
        return len(self.entries)


class Pair:
    """Two attributes that are equal whenever no method is running."""

    def __init__(self) -> None:
        self.left = 0
        self.right = 0

    def step(self) -> None:
        self.left += 1
        self.right += 1

    def both(self) -> tuple[int, int]:
        return self.left, self.right


class Pages:
    """A large value, of another length at each turn, whose bytes are all the same whenever no method is running."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.page = b"\0" * size
        self.turn = 0

    def flip(self) -> None:
        self.turn += 1
        self.page = bytes([self.turn % 256]) * (self.size - self.turn % 37)

    def uniform(self) -> bool:
        return self.page.count(self.turn % 256) == len(self.page) == self.size - self.turn % 37


class Gate:
    """A method that runs until a file exists, so that a test decides when the coordinator goes on."""

    def __init__(self) -> None:
        self.passed = 0
        self.before = 0

    def enter(self, path: str) -> None:
        self.before += 1
        open(f"{path}.entered", "w").close()
        while not os.path.exists(path):
            time.sleep(0.001)
        self.passed += 1

    def mark(self) -> None:
        self.passed += 100

    def get(self) -> int:
        return self.passed


class Failing:
    """Methods that change something and then raise."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.rest = "untouched"
        self.thing: Any = None

    def fail(self, word: str, really: bool = True) -> None:
        self.done.append(word)
        if really:
            raise ValueError(f"cannot {word}")

    def fail_with_answer(self, word: str) -> int:
        self.done.append(word)
        if word:
            raise LookupError(word)
        return 1

    def fail_unpicklable(self, really: bool = True) -> None:
        self.done.append("unpicklable")
        if really:
            raise HeldError("held", open(os.devnull))  # noqa: SIM115

    def fail_oddly(self, really: bool = True) -> None:
        self.done.append("oddly")
        if really:
            raise OddError(1, 2)

    def keep_socket(self) -> None:
        import socket

        self.done.append("socket")
        self.thing = socket.socket()

    def keep_socket_in_a_dict(self) -> None:
        import socket

        self.thing = {"deep": [socket.socket()]}

    def answer_socket(self) -> Any:
        import socket

        self.done.append("answered")
        return socket.socket()

    def exit(self, really: bool = True) -> None:
        self.done.append("exit")
        if really:
            raise SystemExit(3)


class HeldError(Exception):
    """Cannot be pickled: one of its arguments is an open file."""


class OddError(Exception):
    """Can be pickled but not loaded: its constructor wants two arguments and hands only one on."""

    def __init__(self, one: Any, two: Any) -> None:
        super().__init__(one)
        self.two = two


class Box:
    """Holds anything."""

    def __init__(self, content: Any = None) -> None:
        self.content = content

    def put(self, content: Any) -> None:
        self.content = content

    def swap(self, content: Any) -> Any:
        self.content, content = content, self.content
        return content

    def fail_because_of_itself(self) -> None:
        if self.content:
            error = KeyError("itself")
            raise error from error

    def get(self) -> Any:
        return self.content


class Registry:
    """Refers to other objects of the share."""

    def __init__(self) -> None:
        self.members: dict[str, Any] = {}
        self.first: Any = None

    def put(self, name: str, member: Any) -> None:
        self.members[name] = member
        if self.first is None:
            self.first = member

    def drop(self, name: str) -> None:
        if self.first is self.members.pop(name):
            self.first = None

    def increment_all(self) -> None:
        for member in self.members.values():
            member.increment()

    def total(self) -> int:
        return sum(member.n for member in self.members.values())

    def lend(self, counter: Any, times: int) -> int:
        for _ in range(times):
            counter.increment()
        return counter.n

    def fill(self, shared: Any, name: str, value: Any) -> int:
        """Works on the share itself from inside its coordinator."""
        setattr(shared, name, value)
        return len(shared)


class Recorder:
    """Its effects can be seen after the share has gone."""

    def __init__(self, path: str) -> None:
        self.path, self.n = path, 0

    def record(self, what: Any) -> None:
        self.n += 1
        with open(self.path, "a") as file:
            file.write(f"{what}\n")


# -- what workers run ---------------------------------------------------------------------------------


def increment(shared: Any, times: int) -> int:
    """Increments ``shared.counter`` many times."""
    counter = shared.counter
    for _ in range(times):
        counter.increment()
    return times


def increment_task(task: tuple[Any, int]) -> int:
    """The same as one argument, for Pool.map."""
    return increment(*task)


def increment_proxy(counter: Any, times: int) -> int:
    """The same with the proxy instead of the share."""
    for _ in range(times):
        counter.increment()
    return times


def write_log(shared: Any, who: int, times: int) -> None:
    """Writes numbered entries."""
    for i in range(times):
        shared.log.write(who, i)


def increment_and_count(shared: Any, done: Any) -> None:
    """Increments for ever and says, in memory of its own, how many calls have returned."""
    counter = shared.counter
    while True:
        counter.increment()
        done.value += 1


def ask_for_ever(shared: Any) -> None:
    """Calls that wait, one after the other."""
    while True:
        shared.counter.next()


def take_numbers(task: Any) -> list[int]:
    """Several calls that wait for their value."""
    shared, times = task
    return [shared.counter.next() for _ in range(times)]


def use_until_closed(shared: Any) -> None:
    """Uses the share until it says that it is closed."""
    from share import ShareClosedError

    try:
        while True:
            shared.counter.next()
    except ShareClosedError:
        pass


def heat(shared: Any, times: int) -> None:
    """Assigns to a property."""
    for degrees in range(times):
        shared.temperature.degrees = degrees


def return_same(thing: Any) -> Any:
    """What it is given."""
    return thing


def call_all(calls: list[Any]) -> list[Any]:
    """The results of the calls."""
    return [call() for call in calls]


def make_object(task: Any) -> str:
    """Puts a new object on the share."""
    shared, name = task
    shared[name] = Counter()
    shared[name].increment()
    assert shared[name].n == 1 and name in shared
    return name


def increment_in_threads(shared: Any, threads: int, times: int) -> None:
    """Increments from several threads at once, also with answers and futures."""
    import threading

    def work() -> None:
        for _ in range(times):
            shared.counter.increment()
        for _ in range(25):
            shared.counter.next()
            shared.counter.next.submit().result()

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def leave_while_a_thread_drains(shared: Any, times: int) -> None:
    """Leaves the share again and again while another thread takes the responses that are there."""
    import threading

    session, stop = shared.session_of(), threading.Event()

    def drain() -> None:
        while not stop.is_set():
            session.take_delivered()

    drainer = threading.Thread(target=drain)
    drainer.start()
    try:
        for _ in range(times):
            shared.counter.next()
            session.leave()
    finally:
        stop.set()
        drainer.join()


def ask_once(shared: Any) -> None:
    """One call that waits, with an argument that does not fit into the ring, and exit without any goodbye."""
    shared.counter.next()
    shared.spill = "x" * 300_000
    assert len(shared.spill) == 300_000
    os._exit(0)


def add_to_name(shared: Any, times: int) -> None:
    """Augmented assignment of a name."""
    for _ in range(times):
        shared.n += 1


def add_to_attribute(shared: Any, times: int) -> None:
    """Augmented assignment of an attribute."""
    counter = shared.counter
    for _ in range(times):
        counter.n += 1


def add_to_item(shared: Any, times: int) -> None:
    """Augmented assignment of an item."""
    counts = shared.counts
    for _ in range(times):
        counts["k"] += 1
