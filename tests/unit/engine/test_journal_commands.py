"""``python -m share journal``: verify, compact, export."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from journal_programs import bases_of
from recorded_programs import Row

from share.cli import group
from share.engine import CommitLog, JournalEngine
from share.state import State


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
    (wrong,) = json.loads(run("verify", path, "--json", code=1))["wrong"]
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
