"""Random programs on shares with a journal, against a model: ``python tests/fuzz/journal.py MINUTES [SEED]``.

Two processes of one share get commands, one after the other, that are done to plain twins, too. The coordinator is
killed in between, and in the end the owner and it, at once or one after the other, perhaps while commands are queued.
What the share of the same file has then is to be the state after one of the commands, none before the last that was
acknowledged as stored. *Before* the end all state is read once in each process that lives, so that a read that was
stale, or a coordinator that was wrong, is not taken for a fault of the journal.
"""

import contextlib
import errno
import os
import pickle
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from share import EngineError, FencedError, Share
from share._control import Control
from share._names import bury
from share.maintenance import shares

NAMES = "abcd"
EXTRAS = ("x", "y", "z", "u", "v")  # the first two have cells, as a method names them


class Part:
    def __init__(self, n: int) -> None:
        self.n = n
        self.tags: list[Any] = []

    def grow(self, value: Any) -> None:
        self.tags.append(value)
        self.n += 1
        if value % 3 == 0:
            setattr(self, EXTRAS[value % 5], value)


class Rows(list[Any]):
    """A list with attributes."""

    def note(self, name: str, value: Any) -> None:
        self.append(value)
        setattr(self, name, [value])


class Slotted:
    __slots__ = ("items", "n")

    def __init__(self, n: int) -> None:
        self.n, self.items = n, [n]

    def add(self, value: Any) -> None:
        self.items.append(value)


class Thing:
    """An object with attributes that its plan knows of, and with others."""

    def __init__(self, n: int) -> None:
        self.n = n
        self.rows: list[Any] = [Part(i) for i in range(3)]
        self.by: dict[Any, Any] = {}
        self.other: Any = None

    def add(self, value: Any) -> None:
        self.n += 1
        self.rows.append(Part(value))
        if len(self.rows) > 8:
            del self.rows[0]

    def pop(self) -> Any:
        self.n -= 1
        return self.rows.pop().n if self.rows else None

    def move(self) -> None:
        self.rows.insert(0, self.rows.pop())

    def note(self, key: Any, value: Any) -> None:
        self.by[key] = value

    def extra(self, name: str, value: Any) -> None:
        setattr(self, name, value)

    def extras(self, values: dict[str, Any]) -> None:
        self.__dict__.update(values)

    def forget(self, name: str) -> None:
        self.__dict__.pop(name, None)

    def late(self, value: Any) -> None:
        self.x = value  # an attribute that there is only from now on
        self.y = [value]

    def half(self, value: Any) -> None:
        self.n += value
        raise ValueError(value)


# -- commands: each is done to a share, by one command of it at most, and to a plain namespace ---------------


def make(space: Any, name: str, n: int) -> None:
    setattr(space, name, Thing(n))


def make_slotted(space: Any, name: str, n: int) -> None:
    setattr(space, name, Slotted(n))


def make_container(space: Any, name: str, n: int) -> None:
    setattr(space, name, [[n], {n: Part(n)}] if n % 2 else {"n": n, "rows": [Part(n)]})


def make_rows(space: Any, name: str, n: int) -> None:
    setattr(space, name, Rows([n]))


def make_value(space: Any, name: str, n: int) -> None:
    setattr(space, name, (n, "s" * (n * 37 % 5000)))


def remove(space: Any, name: str) -> None:
    delattr(space, name)


def same(space: Any, name: str, other: str) -> None:
    setattr(space, other, getattr(space, name))


def refer(space: Any, name: str, other: str) -> None:
    getattr(space, name).other = getattr(space, other)


def call(space: Any, name: str, method: str, *args: Any) -> Any:
    return getattr(getattr(space, name), method)(*args)


def assign(space: Any, name: str, attribute: str, value: Any) -> None:
    setattr(getattr(space, name), attribute, value)


def delete(space: Any, name: str, attribute: str) -> None:
    delattr(getattr(space, name), attribute)


def vars_of(space: Any, name: str) -> Any:
    """The names in `vars` alone, and how many there are."""
    found = vars(getattr(space, name))
    return sorted(found), len(found)


def set_in(space: Any, name: str, attribute: str, value: Any) -> None:
    getattr(space, name).rows[0].__setattr__(attribute, value)


def values(space: Any, name: str) -> Any:
    """What `vars` shows, with all values."""
    return sorted((key, repr(_form(value, {}))) for key, value in vars(getattr(space, name)).items())


def row(space: Any, name: str, i: int, value: Any) -> None:
    getattr(space, name).rows[i].grow(value)


def change(space: Any, name: str, value: Any) -> None:
    found = getattr(space, name)
    if value % 2:
        (found[0] if isinstance(found, list) else found["rows"]).append(value)
    elif isinstance(found, list):
        found.append([value])
    else:
        found[value] = Part(value)


def names(space: Any) -> dict[str, Any]:
    """All that a namespace has."""
    if isinstance(space, Share):
        return {name: space[name] for name in space}
    return dict(vars(space))


def look(space: Any, name: str) -> Any:
    """What `vars` and `dir` show of an object, or of which kind it is."""
    found = getattr(space, name)
    if hasattr(found, "__dict__") and isinstance(found, Thing):
        return sorted(vars(found)), [each for each in EXTRAS if hasattr(found, each)]
    return type(found).__name__, len(found) if isinstance(found, (list, dict, tuple)) else 0


def everything(space: Any) -> str:
    """All state as a text, the same for a share and for its twin; what is met again is told by a number."""
    met: dict[int, tuple[int, Any]] = {}
    return repr({name: _form(each, met) for name, each in sorted(names(space).items())})


def _form(value: Any, met: dict[int, tuple[int, Any]]) -> Any:
    if value is None or isinstance(value, (int, str, float, bytes)):
        return value
    if isinstance(value, tuple):
        return ("tuple", *[_form(each, met) for each in value])
    if id(value) in met:
        return f"<{met[id(value)][0]}>"
    met[id(value)] = len(met), value  # which keeps its id
    if isinstance(value, Rows):
        return ["Rows", *[_form(each, met) for each in value], _attributes(value, met)]
    if isinstance(value, list):
        return [_form(each, met) for each in value]
    if isinstance(value, dict):
        return ["dict", *[(_form(key, met), _form(each, met)) for key, each in value.items()]]
    if isinstance(value, Slotted):
        return ["Slotted", value.n, _form(value.items, met)]
    return [type(value).__name__, *_attributes(value, met)]


def _attributes(value: Any, met: dict[int, tuple[int, Any]]) -> Any:
    return [(key, _form(each, met)) for key, each in sorted(vars(value).items())]


COMMANDS = {
    each.__name__: each
    for each in (
        make, make_slotted, make_container, make_value, remove, same, refer, call, assign, delete, row, change,
        look, everything, make_rows, vars_of, set_in, values,
    )
}  # fmt: skip


def done(space: Any, what: str, args: tuple[Any, ...]) -> Any:
    """The result of a command, or of which class its exception is."""
    try:
        return COMMANDS[what](space, *args)
    except Exception as error:
        return f"raised {type(error).__name__}"


# -- a process that does what it is told ---------------------------------------------------------------------


def serve(path: str, name: str, durable: Any, is_owner: bool) -> None:
    shared = opened(path, name, durable) if is_owner else Share.attach(name)
    answer(os.getpid(), shared.health().coordinator)
    for text in sys.stdin:
        what, args = eval(text)
        if what == "coordinator":
            answer(shared.health().coordinator)
        elif what == "flush":
            with contextlib.suppress(Exception):
                shared.flush()  # of what was queued, and has raised
            shared.flush(durable=True)
            answer(None)
        elif what == "close":
            shared.close()
            answer(None)
        else:
            answer(done(shared, what, args))


def opened(path: str, name: str, durable: Any) -> Share:
    """The share of a file that a coordinator may be about to let go of."""
    end = time.monotonic() + 60
    while True:
        try:
            return Share(name, journal=path, durable=durable)
        except FencedError:
            assert time.monotonic() < end
        except EngineError as error:
            assert error.errno == errno.EBUSY and time.monotonic() < end, error


def answer(*values: Any) -> None:
    print(repr(values), flush=True)


class Process:
    def __init__(self, *words: Any) -> None:
        self.process = subprocess.Popen(
            [sys.executable, __file__, "serve", *map(str, words)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.pid, self.coordinator = self.answer()

    def tell(self, what: str, *args: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(repr((what, args)) + "\n")
        self.process.stdin.flush()

    def answer(self) -> Any:
        assert self.process.stdout is not None
        text = self.process.stdout.readline()
        if not text.endswith("\n"):
            raise EOFError(self.process.stderr.read() if self.process.stderr is not None else "")
        return eval(text)

    def ask(self, what: str, *args: Any) -> Any:
        self.tell(what, *args)
        return self.answer()[0]

    def kill(self) -> None:
        self.process.kill()

    def end(self) -> str:
        """What it has said until it ended."""
        return self.process.communicate()[0]


# -- the model -----------------------------------------------------------------------------------------------


class Model:
    """The plain twins, and what they were after each command."""

    def __init__(self, space: SimpleNamespace) -> None:
        self.space = space
        self.states: list[tuple[str, bytes]] = []
        self.note()

    def note(self) -> None:
        self.states.append((everything(self.space), pickle.dumps(self.space)))

    def do(self, what: str, args: tuple[Any, ...]) -> Any:
        result = done(self.space, what, args)
        self.note()
        return result

    def is_stored(self) -> None:
        """All of it: no earlier state can come back."""
        del self.states[:-1]

    def find(self, found: str) -> "Model | None":
        """From where the share went on that shows this state."""
        for state, kept in reversed(self.states):
            if state == found:
                return Model(pickle.loads(kept))
        return None


def command(rng: random.Random, space: SimpleNamespace) -> tuple[str, tuple[Any, ...]]:
    """One that does not fail, mostly."""
    there = names(space)
    name, value = rng.choice(NAMES), rng.randrange(100)
    if name not in there or rng.random() < 0.06:
        makes = (
            "make",
            "make",
            "make",
            "make_slotted",
            "make_container",
            "make_container",
            "make_value",
            "make_rows",
        )
        return rng.choice(makes), (name, value)
    draw, found = rng.random(), there[name]
    if draw < 0.03:
        return "remove", (name,)
    if draw < 0.06:
        return "same", (name, rng.choice(NAMES))
    if draw < 0.14:
        return "look", (name,)
    if isinstance(found, Slotted):
        return "call", (name, "add", value)
    if isinstance(found, Rows):
        return rng.choice([("call", (name, "note", rng.choice(EXTRAS), value)), ("vars_of", (name,))])
    if isinstance(found, (list, dict)):
        return "change", (name, value)
    if not isinstance(found, Thing):
        return "look", (name,)
    extra = rng.choice(EXTRAS)
    choices: list[tuple[str, tuple[Any, ...]]] = [
        ("call", (name, "add", value)),
        ("call", (name, "pop")),
        ("call", (name, "note", value % 7, value)),
        ("call", (name, "extra", extra, value)),
        ("call", (name, "extras", {extra: value, "z": [value]})),
        ("call", (name, "forget", extra)),
        ("call", (name, "late", value)),
        ("assign", (name, extra, value)),
        ("assign", (name, "n", value)),
        ("vars_of", (name,)),
        ("values", (name,)),
        ("refer", (name, rng.choice([*there]))),
    ]
    if hasattr(found, extra):
        choices.append(("delete", (name, extra)))
    if found.rows:
        choices += [("set_in", (name, rng.choice(EXTRAS), value))]
        choices += [("row", (name, value % len(found.rows), value)), ("call", (name, "move"))]
    return rng.choice(choices)


# -- one file ------------------------------------------------------------------------------------------------


class Fault(AssertionError):
    """`where`: "read", if it was seen by a process that lived, or "journal"."""

    def __init__(self, where: str, message: str) -> None:
        super().__init__(f"{where}: {message}")
        self.where = where


class File:
    """A journal, the share of which is ended and made again."""

    def __init__(self, path: Path, seed: int) -> None:
        self.path, self.seed = path, seed
        self.rng = random.Random(seed)
        self.model = Model(SimpleNamespace())
        self.log: list[Any] = []
        self.lives = self.commands = self.kills = 0
        self.names: list[str] = []
        self.timers: list[threading.Timer] = []
        self.durable = self.rng.choice(("engine", "local"))

    def live(self) -> None:
        """Opens the share, has it do something, and ends it."""
        self.lives += 1
        name = f"journal_{os.getpid()}_{self.seed}_{self.lives}"
        owner = Process(self.path, name, self.durable, "owner")
        processes = [owner]
        try:
            found = owner.ask("everything")
            model = self.model.find(found)
            if model is None:
                wanted = [state for state, _ in self.model.states]
                raise Fault(
                    "journal", f"{found}\ninstead of one of {len(wanted)}:\n" + "\n".join(wanted[-40:])
                )
            self.model, self.log = model, []
            processes.append(Process(self.path, name, self.durable, ""))
            for _ in range(self.rng.randrange(4, 30)):
                self.some(self.rng.choice(processes), processes)
            self.end(processes)
        finally:
            for timer in self.timers:
                timer.join()
            self.timers.clear()
            for process in processes:
                process.kill()
                process.end()
            self.names.append(name)

    def forget(self) -> None:
        """Removes the memory of what was killed."""
        for info in shares():
            if info.name in self.names and info.state == "dead":
                bury(Control.attach(info.segment), info.name)

    def some(self, process: Process, processes: list[Process]) -> None:
        """Some commands by one process, in the midst of which the coordinator may be killed."""
        many = [self.next() for _ in range(self.rng.choice((1, 1, 2, 8)))]
        coordinator = process.ask("coordinator") if self.rng.random() < 0.2 else None
        for what, args, _ in many:
            process.tell(what, *args)
        if coordinator is not None and self.rng.random() < 0.6:
            self.kill(coordinator)
        elif coordinator is not None:
            self.hold(coordinator)
        for what, args, expected in many:
            self.compare(process.answer()[0], what, args, expected)
        if self.rng.random() < 0.15:
            self.look(processes)

    def look(self, processes: list[Process]) -> None:
        """All that can be read, by each process."""
        expected = self.model.states[-1][0]
        for process in self.rng.sample(processes, len(processes)):
            self.compare(process.ask("everything"), "everything", (), expected)
        if self.durable == "engine":
            self.model.is_stored()

    def next(self) -> tuple[str, tuple[Any, ...], Any]:
        self.commands += 1
        what, args = command(self.rng, self.model.space)
        self.log.append((what, args))
        return what, args, self.model.do(what, args)

    def compare(self, found: Any, what: str, args: tuple[Any, ...], expected: Any) -> None:
        if found != expected:
            told = "\n".join(map(repr, self.log[-60:]))
            raise Fault("read", f"{what}{args} gave\n{found} instead of\n{expected} after\n{told}")

    def kill(self, coordinator: int) -> None:
        self.kills += 1
        self.log.append("the coordinator is killed")
        time.sleep(self.rng.choice((0, 0, self.rng.random() * 0.003)))
        with contextlib.suppress(ProcessLookupError):
            os.kill(coordinator, signal.SIGKILL)

    def hold(self, coordinator: int) -> None:
        """Stops it: what is queued stays queued while others read. It goes on soon, or is killed."""
        self.log.append("the coordinator is stopped")
        with contextlib.suppress(ProcessLookupError):
            os.kill(coordinator, signal.SIGSTOP)
        what = self.rng.choice((signal.SIGCONT, signal.SIGKILL))
        self.kills += what == signal.SIGKILL

        def go_on() -> None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(coordinator, what)

        timer = threading.Timer(self.rng.random() * 0.05, go_on)
        self.timers.append(timer)
        timer.start()

    def end(self, processes: list[Process]) -> None:
        owner, way = processes[0], self.rng.randrange(5)
        if way == 0:
            owner.ask("close")
            self.model.is_stored()
            return
        if way == 1 or self.rng.random() < 0.5:
            self.look(processes)
        if way == 1:
            owner.ask("flush")
            self.model.is_stored()
        coordinator = owner.ask("coordinator")
        process = self.rng.choice(processes)
        for what, args, _ in [self.next() for _ in range(self.rng.choice((0, 1, 10)))]:
            process.tell(what, *args)
        if way == 2:
            owner.kill()  # what is queued is executed by the coordinator, which then ends
        else:
            ends = [owner.kill, processes[1].kill, lambda: self.kill(coordinator)]
            self.rng.shuffle(ends)
            for kill in ends:
                kill()


def search(minutes: float, seed: int, folder: Path) -> None:
    end, files, lives, commands, kills = time.monotonic() + 60 * minutes, 0, 0, 0, 0
    while not files or time.monotonic() < end:
        file = File(folder / f"{seed}.db", seed)
        try:
            for _ in range(6):
                file.live()
        except BaseException:
            print(f"seed {seed}, life {file.lives}, durable={file.durable!r}, {file.path}", file=sys.stderr)
            raise
        finally:
            file.forget()
        files, lives, commands, kills = (
            files + 1,
            lives + file.lives,
            commands + file.commands,
            kills + file.kills,
        )
        seed += 1
    print(
        f"{files} files, {lives} shares, {commands} commands, {kills} coordinators killed: as the model says"
    )


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(*sys.argv[2:5], is_owner=bool(sys.argv[5]))  # type: ignore[misc]
    else:
        with tempfile.TemporaryDirectory() as folder:
            search(
                float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else int(time.time()), Path(folder)
            )
