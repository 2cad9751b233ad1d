"""Shares with a journal: what was stored is there again, for whoever may have it."""

import errno
import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from durable import end, line, reopened, start
from durable_programs import Ledger, Row
from programs import HERE, SOURCE

from share import CorruptDataError, EngineError, Share, ShareError
from share.cli._journal import journal as group
from share.engine import CommitLog, JournalEngine
from share.state import State


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shop.db"


# -- coming back -------------------------------------------------------------------------------------------


def fill(shared: Share) -> None:
    shared.number, shared.text, shared.none = 7, "x" * 500, None
    shared.rows = [Row(1), Row(2)]
    shared.again = shared.rows
    shared.ledger = Ledger()
    shared.ledger.friend = shared.rows  # an attribute that its class does not know
    shared.by = {"rows": shared.rows, (1, 2): {3}, "nested": {"a": [1, [2, [3]]]}}
    shared.by["itself"] = shared.ledger
    shared.bytes = bytearray(b"raw")
    shared.gone = {"a": 1}
    for key in "abcab":
        shared.ledger.add(key)
    del shared.gone
    shared.rows[0].tags.append("first")


def test_everything_is_there_again_and_goes_on(path: Path) -> None:
    with Share(journal=path) as shared:
        fill(shared)
    for turn in range(1, 4):
        with Share(journal=path) as shared:
            assert set(shared) == {
                *("number", "text", "none", "rows", "again", "ledger", "by", "bytes"),
                *(f"more{i}" for i in range(1, turn)),
            }
            assert (shared.number, shared.text, shared.none) == (7, "x" * 500, None)
            assert shared.bytes == b"raw" + b"!" * (turn - 1)
            assert shared.again is shared.rows and shared.by["rows"] is shared.rows
            assert shared.by["itself"] is shared.ledger and shared.ledger.friend is shared.rows
            assert shared.by[1, 2] == {3} and shared.by["nested"] == {"a": [1, [2, [3]]]}
            assert shared.rows[0].tags == ["first", *range(1, turn)]
            assert shared.ledger.n == 4 + turn and shared.ledger.is_whole()
            shared.ledger.add("a")
            shared.rows[0].tags.append(turn)
            shared.bytes += b"!"
            shared[f"more{turn}"] = Row(turn)


def test_arrays_and_large_values_come_back(path: Path) -> None:
    numpy = pytest.importorskip("numpy")
    with Share(journal=path) as shared:
        shared.array = numpy.arange(200_000)
        shared.holder = {"small": numpy.zeros(3)}
        shared.long = "y" * 3_000_000
        shared.array[7] = -1
    with Share(journal=path) as shared:
        assert shared.array[7] == -1 and shared.array.sum() == numpy.arange(200_000).sum() - 8
        assert shared.holder["small"].tolist() == [0, 0, 0]
        assert shared.long == "y" * 3_000_000
        del shared.long
        shared.array = numpy.arange(5)
    for _ in range(3):
        with Share(journal=path) as shared:
            assert shared.array.tolist() == [0, 1, 2, 3, 4] and "long" not in shared


def test_what_is_restored_has_its_ids(path: Path) -> None:
    with Share(journal=path) as shared:
        shared.rows = [Row(1)]
        first = json.dumps(repr(shared.rows[0]).partition(" on ")[0])
    with Share(journal=path) as shared:
        assert json.dumps(repr(shared.rows[0]).partition(" on ")[0]) == first


def test_another_process_joins_by_the_name(path: Path, tmp_path: Path) -> None:
    name = f"durable-{os.getpid()}"
    with Share(journal=path) as shared:
        shared.ledger = Ledger()
        shared.pair = [shared.ledger, {"it": shared.ledger}]
    with Share(name, journal=path) as shared:
        code = (
            f"from share import Share\nshared = Share.attach({name!r})\n"
            "assert shared.pair[0] is shared.ledger and shared.pair[1]['it'] is shared.ledger\n"
            "print(shared.ledger.add('x'), shared.restore_point > 0)"
        )
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join((SOURCE, str(HERE)))}
        out = subprocess.run(
            [sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True
        )
        assert out.stdout.split() == ["1", "True"]
    with Share(journal=path) as shared:
        assert shared.ledger.n == 1


def test_restore_equals_replay(path: Path, tmp_path: Path) -> None:
    """Random changes; what comes of the rows, of a snapshot, and of a snapshot with rows behind it, is the same."""
    rng = random.Random(5)
    with Share(journal=path) as shared:
        shared.d, shared.rows, shared.s = {}, [], set()
        for turn in range(600):
            key = rng.randrange(30)
            match rng.randrange(8):
                case 0:
                    shared.d[key] = [turn]
                case 1:
                    shared.d.pop(key, None)
                case 2:
                    shared.rows.insert(0, Row(turn))
                case 3 if len(shared.rows) > 5:
                    del shared.rows[2:4]
                case 4:
                    shared.d.setdefault(key, []).append(turn)
                case 5:
                    shared.s ^= {key}
                case 6:
                    shared[f"name{key % 5}"] = {"n": turn, "rows": shared.rows if key % 2 else None}
                case 7 if f"name{key % 5}" in shared:
                    del shared[f"name{key % 5}"]
        shared.flush()
        expected = shown(shared)
    shutil.copy(path, tmp_path / "copy.db")
    compact = [sys.executable, "-m", "share", "journal", "compact", str(tmp_path / "copy.db")]
    subprocess.run(compact, check=True, capture_output=True)
    for file in (path, tmp_path / "copy.db"):
        for turn in range(2):
            with Share(journal=file) as shared:
                assert shown(shared) == expected, (file, turn)


def shown(shared: Share) -> dict[str, Any]:
    def form(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: form(each) for key, each in value.items()}
        if isinstance(value, list):
            return [form(each) for each in value]
        if isinstance(value, Row):
            return value.n, list(value.tags)
        return frozenset(value) if isinstance(value, set) else value

    return {name: form(shared[name]) for name in sorted(shared)}


def test_snapshots_keep_the_file_short(path: Path) -> None:
    with Share(journal=path) as shared:
        shared.text = ""
        for turn in range(60):
            shared.text = f"{turn}" * 100_000
            shared.flush()
    assert path.stat().st_size < 6_000_000
    with Share(journal=path) as shared:
        assert shared.text == "59" * 100_000


def test_the_positions_go_on(path: Path) -> None:
    with Share(journal=path) as shared:
        shared.n = 1
        shared.flush(durable=True)
        point = shared.restore_point
        assert point is not None and point == shared.health().commit
    with Share(journal=path, ring=64) as shared:
        again = shared.restore_point
        assert again is not None and again > point


# -- who may ------------------------------------------------------------------------------------------------


def test_a_second_share_on_the_file_is_refused(path: Path) -> None:
    with Share(journal=path) as shared:
        shared.n = 1
        for make in (lambda: Share(journal=path), lambda: Share("other", journal=path)):
            with pytest.raises(EngineError, match="in use") as caught:
                make()
            assert caught.value.errno == errno.EBUSY
        assert shared.n == 1
    with Share(journal=path) as shared:
        assert shared.n == 1


def test_a_name_that_is_taken_is_refused_as_such(path: Path) -> None:
    name = f"taken-{os.getpid()}"
    with Share(name, journal=path), pytest.raises(FileExistsError, match="exists already"):
        Share(name, journal=path)


def test_a_copy_of_the_journal_in_the_same_process_is_refused(path: Path, tmp_path: Path) -> None:
    with Share(journal=path) as shared:
        shared.rows = [1]
    shutil.copy(path, tmp_path / "copy.db")
    with Share(journal=path) as shared:
        with pytest.raises(ShareError, match="copy of it"):
            Share(journal=tmp_path / "copy.db")
        shared.rows.append(2)
        assert shared.rows == [1, 2]
    with Share(journal=tmp_path / "copy.db") as shared:
        assert shared.rows == [1]


def test_several_processes_open_the_same_share(path: Path) -> None:
    with Share(journal=path) as shared:
        shared.ledger = Ledger()
    name = f"opened-{os.getpid()}"
    workers = [start("join", path, name) for _ in range(4)]
    assert sorted(int(line(worker)) for worker in workers) == [1, 2, 3, 4]
    for worker in workers:
        end(worker)
        assert worker.returncode == 0
    with reopened(path) as shared:
        assert shared.ledger.n == 4 and shared.ledger.is_whole()


def test_what_is_no_journal_of_a_share_is_refused(path: Path, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database " * 1000)
    with pytest.raises(CorruptDataError):
        Share(journal=tmp_path / "text")
    with pytest.raises(EngineError) as caught:
        Share(journal=tmp_path)
    assert caught.value.errno == errno.EISDIR
    with JournalEngine(path) as engine:
        commits, _ = CommitLog.open(engine, "home")
        state = State()
        state.names["a"] = 1
        commits.commit(1, state.end(), state.next_id)
        commits.close()
        state.close()
    with pytest.raises(EngineError, match="of no share") as caught:
        Share(journal=path)
    assert caught.value.errno == errno.EINVAL
    with pytest.raises(ValueError, match="durable"):
        Share(journal=path, durable="always")  # type: ignore[arg-type]


def test_a_damaged_journal_is_refused(path: Path) -> None:
    with Share(journal=path) as shared:
        shared.rows = ["first" * 100]
        shared.rows.append("second" * 100)
    data = path.read_bytes()
    assert b"second" * 100 in data
    path.write_bytes(data.replace(b"second" * 100, b"sacond" * 100))
    with pytest.raises(CorruptDataError, match="checksum"):
        Share(journal=path)


def test_a_share_without_a_journal_is_not_durable(shared: Share) -> None:
    assert shared.restore_point is None
    with pytest.raises(ValueError, match="journal"):
        shared.flush(durable=True)


def test_stored_behind_is_stored_when_asked_and_at_the_end(path: Path) -> None:
    with Share(journal=path, durable="local") as shared:
        shared.ledger = Ledger()
        for _ in range(50):
            shared.ledger.add("x")
        shared.flush(durable=True)
        assert shared.restore_point == shared.health().commit
        shared.ledger.add.send("y")
    with Share(journal=path) as shared:
        assert shared.ledger.n == 51 and shared.ledger.is_whole()


# -- looking at the file --------------------------------------------------------------------------------------


def journal(*words: object) -> str:
    done = CliRunner().invoke(group, [*map(str, words)])
    assert done.exit_code == 0, done.output
    return done.output


def test_commands_look_at_the_file_without_its_classes(path: Path) -> None:
    with Share(journal=path) as shared:
        fill(shared)
    before = json.loads(journal("export", path))
    assert before["rows"][0] == {"class": "Row", "n": 1, "tags": ["first"]} == before["by"]["rows"][0]
    assert before["number"] == 7 and before["ledger"]["entries"] == [1, 2, 3, 4, 5]
    assert before["ledger"]["friend"] == before["again"] == before["rows"]
    report = json.loads(journal("verify", path, "--json"))
    assert report["wrong"] == [] and report["records"] > 0
    assert set(report["names"]) == set(before)
    journal("compact", path)
    assert json.loads(journal("export", path)) == before
    assert json.loads(journal("verify", path, "--json"))["records"] == 0
    with Share(journal=path) as shared:
        assert shared.ledger.n == 5 and shared.again is shared.rows
