"""State that cannot be loaded: refused where that can be known, else it costs only itself."""

import os
import random
import signal
from pathlib import Path
from typing import Any

import pytest
from classes import Counter

from share import CorruptDataError, NotShareableError, Share, plain
from share.analysis import writes


class Failure(Exception):
    """Its constructor cannot be called with its args."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class OneWay(random.Random):
    """Opaque, as its base is written in C; it can be encoded and not decoded."""

    def __reduce__(self) -> Any:
        return int, ("no number",)


class Reader(random.Random):
    """Opens its file when it is loaded."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path

    def __reduce__(self) -> Any:
        return open_reader, (self.path,)


def open_reader(path: str) -> Reader:
    with open(path):
        return Reader(path)


class Scarce:
    """Finds no memory as often as a file says while it is loaded."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __setstate__(self, state: Any) -> None:
        self.__dict__.update(state)
        left = int(Path(self.path).read_text())
        if left:
            Path(self.path).write_text(str(left - 1))
            raise MemoryError


class Job:
    """Keeps what it is told to."""

    def __init__(self) -> None:
        self.n = 0
        self.kept: Any = None
        self.items: list[Any] = []

    def fail(self) -> None:
        self.kept = Failure(3, "no")

    def keep_one_way(self) -> None:
        self.kept = OneWay()

    def collect_one_way(self) -> None:
        self.items.append(1)
        self.items.append(OneWay())

    def keep_reader(self, path: str) -> None:
        self.kept = Reader(path)

    def keep_what_raises(self, path: str, kind: type[BaseException]) -> None:
        self.kept = {(Key(path, kind), 1): [2]}
        self.items.append(Opaque(Key(path, kind)))

    def keep(self, what: Any) -> None:
        self.kept = what

    def look(self) -> Any:
        self.n += 1
        return self.kept.path

    def add(self) -> int:
        self.n += 1
        return self.n


def kill_coordinator(shared: Share) -> None:
    os.kill(shared.health().coordinator, signal.SIGKILL)


def test_an_exception_is_kept_as_itself(shared: Share) -> None:
    """Also by a successor, which loads it."""
    shared.job = Job()
    shared.job.fail()
    kill_coordinator(shared)
    assert shared.job.add.call(timeout=60) == 1
    assert type(shared.job.kept) is Failure and (shared.job.kept.code, shared.job.kept.args) == (3, ("no",))


def test_what_cannot_be_decoded_is_refused(shared: Share) -> None:
    """When it is to be published, not when a successor loads it; what else is in the group is applied."""
    shared.job = Job()
    job = shared.job
    job.add()
    for spoil in (job.keep_one_way, job.collect_one_way):
        spoil.send()
        job.add()
        with pytest.raises(NotShareableError, match="not decoded again: ValueError"):
            shared.flush()
        with pytest.raises(NotShareableError):
            spoil.call()
    assert job.kept is None and list(job.items) == [] and job.n == 3
    kill_coordinator(shared)
    assert job.add.call(timeout=60) == 4


def test_one_attribute_that_a_successor_cannot_load(shared: Share, tmp_path: Path) -> None:
    """It says so when it is used, all else goes on, and it can be assigned anew."""
    path = tmp_path / "file"
    path.touch()
    shared.job, shared.counter, shared.reader, shared.x = Job(), Counter(), Reader(str(path)), 5
    shared.job.keep_reader(str(path))
    shared.counter.increment()
    shared.flush()
    path.unlink()
    kill_coordinator(shared)
    job = shared.job
    assert job.add.call(timeout=60) == 1
    shared.counter.increment()
    assert shared.counter.n == 2 and shared.x == 5
    with pytest.raises(
        NotShareableError, match=r"attribute kept of Job cannot be loaded .*FileNotFoundError"
    ):
        job.look()
    with pytest.raises(FileNotFoundError):
        _ = job.kept
    assert [failed.command for failed in shared.errors if "cannot be loaded" in str(failed.error)]
    kill_coordinator(shared)
    assert job.add.call(timeout=60) == 3
    job.kept = None
    path.touch()
    job.keep_reader(str(path))
    assert job.look() == str(path)
    shared.reader = 1
    assert shared.reader == 1


def test_a_successor_that_has_no_memory(shared: Share, tmp_path: Path) -> None:
    """What it cannot load for want of memory is not damaged: the next one has it."""
    path = tmp_path / "left"
    path.write_text("0")
    shared.job, shared.held, shared.listed = Job(), Scarce(str(path)), [Scarce(str(path))]
    shared.job.keep(Scarce(str(path)))
    shared.flush()
    for _ in range(2):
        path.write_text("2")
        kill_coordinator(shared)
        assert shared.job.look.call(timeout=60) == str(path)
        assert path.read_text() == "0"
    assert shared.job.n == 2 and shared.held.path == shared.listed[0].path == str(path)
    assert not list(shared.errors)


@pytest.mark.slow
def test_code_that_never_has_the_memory(shared: Share, tmp_path: Path) -> None:
    """After ten successors it is taken for the object's own fault: it says so, and all else goes on."""
    path = tmp_path / "left"
    path.write_text("0")
    shared.job, shared.held, shared.listed = Job(), Scarce(str(path)), [Scarce(str(path)), 5]
    shared.other, shared.table = Job(), {"a": [1]}
    shared.job.keep(Scarce(str(path)))
    shared.flush()
    path.write_text("1000000")
    kill_coordinator(shared)
    assert shared.other.add.call(timeout=60) == 1
    shared.table["a"].append(2)
    assert shared.table["a"] == [1, 2]
    for read in (lambda: shared.job.look.call(), lambda: shared.held.path, lambda: shared.listed[0].path):
        with pytest.raises((MemoryError, NotShareableError)):
            read()
    assert [failed.command for failed in shared.errors if "cannot be loaded" in str(failed.error)]
    shared.job.kept = shared.held = 1
    del shared.listed
    kill_coordinator(shared)
    assert shared.other.add.call(timeout=60) == 2 and shared.job.kept == 1


class Key:
    """Cannot be hashed while its file is there."""

    def __init__(self, path: str, kind: type[BaseException]) -> None:
        self.path, self.kind = path, kind

    def __hash__(self) -> int:
        if os.path.exists(self.path):
            raise self.kind("no hash")
        return 1

    def __eq__(self, other: object) -> bool:
        return self is other


class Opaque(random.Random):
    """Cannot be loaded while its file is there."""

    def __init__(self, key: Key) -> None:
        super().__init__()
        self.key = key

    def __reduce__(self) -> Any:
        return make_opaque, (self.key.path, self.key.kind)


def make_opaque(path: str, kind: type[BaseException]) -> Opaque:
    hash(key := Key(path, kind))
    return Opaque(key)


@pytest.mark.parametrize("kind", [ValueError, SystemExit, KeyboardInterrupt, RecursionError, GeneratorExit])
def test_code_that_raises_while_a_successor_loads(
    kind: type[BaseException], shared: Share, tmp_path: Path
) -> None:
    """Whatever it raises costs what it is in, and ends no coordinator."""
    path = tmp_path / "file"
    shared.job, shared.table = Job(), {"kept": [1]}
    shared.job.keep_what_raises.call(str(path), kind)
    path.touch()
    kill_coordinator(shared)
    assert shared.job.add.call(timeout=60) == 1
    assert plain(shared.table) == {"kept": [1]}
    assert any("kept of Job" in str(failed.error) for failed in shared.errors)
    assert any("no hash" in str(failed.error) for failed in shared.errors)
    path.unlink()
    shared.job.kept, shared.job.items = None, [3]
    assert shared.job.kept is None and shared.job.items == [3]


def test_a_list_that_a_successor_cannot_load(shared: Share, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    shared.job, shared.readers = Job(), [Reader(str(path))]
    shared.flush()
    path.unlink()
    kill_coordinator(shared)
    assert shared.job.add.call(timeout=60) == 1
    shared.readers.append(1)  # it costs only itself
    assert (len(shared.readers), shared.readers[1], shared.job.n) == (2, 1, 1)
    with pytest.raises(FileNotFoundError):
        _ = shared.readers[0]
    assert [failed for failed in shared.errors if "cannot be loaded" in str(failed.error)]
    shared.readers = [2]
    assert list(shared.readers) == [2]


class Misleading:
    """Its methods do what is not said of them: so a cell becomes one that nobody can read."""

    def __init__(self) -> None:
        self.items: Any = [1, 2]
        self.pair: Any = ([1], 2)
        self.other: Any = [[3]]
        self.n = 0

    @writes()
    def spoil(self, name: str) -> None:
        hidden = vars(self)[name]
        hidden = hidden[0] if name == "pair" else hidden
        list.append(hidden, 7)
        hidden[-1] = 5  # of this it is recorded that it is behind the end of the list that is published

    def link(self) -> None:
        self.other.append(self.items)
        self.other.append((self.items, self.pair[0]))

    def count(self) -> int:
        return len(self.other)


@pytest.mark.parametrize("name", ["items", "pair"])
def test_a_cell_that_cannot_be_read_costs_only_itself(name: str, shared: Share) -> None:
    shared.job, shared.table, shared.counter = Misleading(), {"kept": [1]}, Counter()
    shared.job.link()
    shared.flush()
    shared.job.spoil.call(name)
    shared.flush()
    for _ in range(2):
        os.kill(shared.health().coordinator, signal.SIGKILL)
        shared.counter.n = 4
        assert (plain(shared.table), shared.counter.n) == ({"kept": [1]}, 4)
        assert shared.job.count.call() == 3
        with pytest.raises((CorruptDataError, NotShareableError)):
            plain(getattr(shared.job, name))
    assert any("cannot be loaded" in str(error) for error in shared.errors)
    setattr(shared.job, name, [8])
    shared.job.other = [9]
    shared.table["new"] = [2]
    os.kill(shared.health().coordinator, signal.SIGKILL)
    shared.counter.n = 5
    assert plain(getattr(shared.job, name)) == [8] and plain(shared.job.other) == [9]
    assert plain(shared.table) == {"kept": [1], "new": [2]}
