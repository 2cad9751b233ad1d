"""``python -m share journal``: verify, compact, export."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from journal_programs import bases_of
from recorded_programs import ROWS, Program, Row

from share.cerial._standins import without_classes
from share.cli import group
from share.engine import CommitLog, JournalEngine
from share.state import Replica, State


def run(*args: Any, code: int = 0) -> str:
    result = CliRunner().invoke(group, ["journal", *map(str, args)], env={"COLUMNS": "200"})
    assert result.exit_code == code, result.output
    return result.output


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal with a snapshot and 20 commits behind it."""
    path = tmp_path / "shop.db"
    engine = JournalEngine(path)
    commits, _ = CommitLog.open(engine, "home")
    state = State()
    state.names.update(rows=[], by={})
    for i in range(1, 31):
        state.names["rows"].append(Row(i))
        state.names["by"][i % 3] = "x" * 3000 + str(i)
        commits.commit(i, state.end(), state.next_id)
        commits.flush(60)
        if i == 10:
            commits.snapshot(bases_of(state))
    commits.close()
    engine.close()
    state.close()
    return path


def test_verify_says_what_there_is(path: Path) -> None:
    found = json.loads(run("verify", path, "--json"))
    assert (found["epoch"], found["position"], found["records"], found["wrong"]) == (1, 30, 20, [])
    assert found["names"] == ["by", "rows"]
    assert found["nodes"] == 33
    assert "position: 30" in run("verify", path)


def test_verify_finds_damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    at = content.index(b"x" * 900)
    content[at] = ord("y")
    path.write_bytes(content)
    output = run("verify", path, code=1)
    assert "damaged: CorruptDataError" in output
    assert json.loads(run("verify", path, "--json", code=1))["wrong"]


def test_verify_says_which_class_is_missing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("recorded_programs.Row")
    assert json.loads(run("verify", path, "--json"))["wrong"] == []
    (wrong,) = json.loads(run("verify", path, "--load", "--json", code=1))["wrong"]
    assert "Row" in wrong


def test_compact_keeps_the_state_and_nothing_else(path: Path) -> None:
    before = run("export", path)
    size = path.stat().st_size
    report = json.loads(run("compact", path, "--json"))
    assert report["bytes_before"] == size
    assert report["bytes"] == path.stat().st_size < size / 2
    assert run("export", path) == before
    found = json.loads(run("verify", path, "--json"))
    assert (found["epoch"], found["position"], found["records"]) == (2, 30, 0)
    assert "bytes before" in run("compact", path)


def test_export_prints_json(path: Path) -> None:
    found = json.loads(run("export", path))
    assert found["rows"][0] == {"class": "Row", "uid": 1, "n": 0}
    assert found["by"]["0"].endswith("x30")


def test_an_empty_journal_is_in_order(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    JournalEngine(path).close()
    assert json.loads(run("verify", path, "--json"))["names"] == []
    assert json.loads(run("export", path)) == {}
    run("compact", path)


def test_what_is_missing_or_in_use_is_said_in_one_line(path: Path) -> None:
    assert "there is no journal" in run("verify", path.with_name("other.db"), code=1)
    assert not path.with_name("other.db").exists()
    engine = JournalEngine(path)
    for command in ("verify", "compact", "export"):
        assert "in use" in run(command, path, code=1)
    engine.close()


HOME = """
import enum, os, sys
from dataclasses import dataclass, field
from typing import NamedTuple

open(f"loaded by {sys.argv[0][-4:]}", "w").close()

class Color(enum.Enum):
    RED = 1

@dataclass(frozen=True)
class Key:
    n: int

class Point(NamedTuple):
    x: int
    y: Key

class Basket(list):
    pass

@dataclass
class Shop:
    color: object = Color.RED
    at: object = Point(1, Key(2))
    basket: Basket = field(default_factory=Basket)

    def __setattr__(self, name, value):
        if "loaded by e.py" not in os.listdir():
            raise SystemExit("code of the class")
        super().__setattr__(name, value)

class Bomb(int):
    def __reduce__(self):
        return open, ("exploded", "w")
"""
WRITER = """
from home import Basket, Bomb, Color, Key, Shop
from share.engine import CommitLog, JournalEngine
from share.state import State

class Local:
    pass

engine = JournalEngine("shop.db")
commits, _ = CommitLog.open(engine, "home")
state = State()
names = state.names
steps = [
    lambda: names.update(shop=Shop(), by={Key(1): "one", Key(2): "two"}, local=Local(), kinds=[Shop, Color]),
    lambda: names["by"].pop(Key(1)),
    lambda: names["shop"].basket.extend([1, Key(7)]),
    lambda: setattr(names["local"], "n", 3),
    lambda: names.update(bomb=Bomb()),
]
for position, step in enumerate(steps, 1):
    step()
    commits.commit(position, state.end(), state.next_id)
commits.close()
engine.close()
"""


def test_nothing_of_a_strangers_journal_is_imported_or_run(tmp_path: Path) -> None:
    (tmp_path / "home.py").write_text(HOME)
    (tmp_path / "make.py").write_text(WRITER)
    subprocess.run([sys.executable, "make.py"], cwd=tmp_path, check=True, timeout=120)
    for trace in ("exploded", "loaded by e.py"):
        (tmp_path / trace).unlink(missing_ok=True)
    before = set(os.listdir(tmp_path))

    def ran(*command: str) -> Any:
        result = subprocess.run(
            [sys.executable, "-m", "share", "journal", *command],
            cwd=tmp_path,
            capture_output=True,
            timeout=120,
        )
        assert result.returncode == 0, result
        return json.loads(result.stdout)

    report = ran("verify", "shop.db", "--json")
    assert (report["wrong"], report["position"]) == ([], 5)
    found = ran("export", "shop.db")
    assert set(os.listdir(tmp_path)) == before
    assert found["by"] == {"Key(n=2)": "two"}
    assert found["local"] == {"class": "Local", "n": 3}
    assert found["shop"]["basket"] == [1, {"class": "Key", "n": 7}]
    assert found["shop"]["class"] == "Shop"
    assert found["bomb"].startswith("<a pickle of ")
    ran("export", "--load", "shop.db")
    assert (tmp_path / "exploded").exists()


class Blind(Program):
    """A random program, and a replica of it that has none of its classes."""

    def __init__(self, seed: int) -> None:
        super().__init__(random.Random(seed).randrange)
        self.blind = Replica()

    def publish(self) -> None:
        changes = self.state.end()
        self.replica.apply(changes)
        with without_classes():
            self.blind.apply(changes)
        self.check_shape(self.blind)

    def check_shape(self, blind: Replica) -> None:
        assert blind.node_ids() == self.replica.node_ids()
        names = [cls.__qualname__ for cls in self.replica.known_classes()]
        assert [cls.__qualname__ for cls in blind.known_classes()] == names
        assert not set(ROWS) & set(blind.known_classes())
        for n in self.replica.node_ids():
            node, twin = self.replica.node(n), blind.node(n)
            assert type(twin).__name__ == type(node).__name__
            if hasattr(node, "__len__"):
                assert len(twin) == len(node)
            if hasattr(node, "__dict__"):
                assert vars(node).keys() <= vars(twin).keys()


@pytest.mark.parametrize("seed", range(4))
def test_a_random_program_can_be_read_without_its_classes(seed: int) -> None:
    program = Blind(seed)
    try:
        for _ in range(60):
            program.command()
        program.publish()
        anew = Replica()
        with without_classes():
            anew.load(bases_of(program.state))
        program.check_shape(anew)
    finally:
        program.state.close()
