"""The journal: killed, cut, full, in use, damaged, and not a journal."""

import errno
import json
import os
import random
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from journal_programs import bases_of
from recorded_programs import Row, compare

from share import CorruptDataError, EngineError, EngineLostError
from share.engine import CommitLog, JournalEngine, Restored, restore
from share.state import Replica, State

PROGRAMS = Path(__file__).with_name("journal_programs.py")
LONG = "SHARE_LONG" in os.environ


def started(what: str, path: Path, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, PROGRAMS, what, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        **options,
    )


def ended(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def names_of(found: Restored) -> Any:
    """The names, as a reader has them."""
    replica = Replica()
    replica.load(found.bases)
    replica.apply(found.changes)
    (root,) = replica.ids_in(0)
    return replica.node(root)


def restored(path: Path) -> Restored:
    with JournalEngine(path, create=False) as engine:
        return restore(engine)


# ---- killed ----


def kill_and_restart(path: Path, times: int, seed: int) -> None:
    chance = random.Random(seed)
    acknowledged = began_at = 0
    for _ in range(times):
        process = started("account", path)
        assert process.stdout is not None
        try:
            began_at, n = json.loads(process.stdout.readline())
            assert began_at >= acknowledged  # nothing acknowledged is lost
            assert n == began_at  # nothing is doubled
            for _ in range(chance.randrange(12)):
                process.stdout.readline()
            time.sleep(chance.random() / 200)
        finally:
            process.kill()
            rest, _ = process.communicate()
        lines = [line for line in rest.splitlines(keepends=True) if line.endswith("\n")]
        if lines:
            acknowledged = int(lines[-1])
        found = restored(path)
        names = names_of(found)
        count = found.position
        assert acknowledged <= count
        if not count:
            continue
        assert names["n"] == count
        assert sum(names["by"].values()) == count
        assert [row.uid for row in names["rows"]] == list(range(max(1, count - 19), count + 1))


def test_killed_at_random_nothing_acknowledged_is_lost_and_nothing_doubled(tmp_path: Path) -> None:
    kill_and_restart(tmp_path / "shop.db", 3, 1)


@pytest.mark.slow
def test_killed_at_random_again_and_again(tmp_path: Path) -> None:
    kill_and_restart(tmp_path / "shop.db", 200 if LONG else 60, 2)


# ---- cut ----


def history(path: Path) -> list[dict[int, bytes]]:
    """What was committed to a journal, with a snapshot under way; the file stays as a kill would leave it."""
    engine = JournalEngine(path)
    commits, _ = CommitLog.open(engine, "home")
    state = State()
    done = []
    try:
        for i in range(1, 13):
            state.names[f"k{i % 5}"] = [i, {"n": i}, Row(i)]
            if i > 3:
                state.names[f"k{(i - 2) % 5}"][1]["n"] += 100
            changes = state.end()
            done.append(changes)
            commits.commit(i, changes, state.next_id)
            commits.flush(60)
            if i == 6:
                commits.snapshot(bases_of(state))
        for name in ("", "-wal"):
            shutil.copy(f"{path}{name}", f"{path}.killed{name}")
        commits.close()
    finally:
        state.close()
        engine.close()
    return done


def cut_and_open(folder: Path, every: int, tail: int, oldest: int) -> None:
    """Opens the file with its end cut off at places ``every`` bytes apart in its last ``tail`` bytes."""
    path = folder / "shop.db"
    done = history(path)
    expected = {}
    for position in range(1, len(done) + 1):
        expected[position] = Replica()
        for changes in done[:position]:
            expected[position].apply(changes)
    killed = Path(f"{path}.killed")
    wal = Path(f"{killed}-wal").read_bytes()
    first = max(0, len(wal) - tail)
    sizes = {*range(first, len(wal), every), *range(len(wal), first, -4120), len(wal) - 1}
    seen: set[int] = set()
    cut = folder / "cut.db"
    for size in sorted(sizes, reverse=True):
        shutil.copy(killed, cut)
        Path(f"{cut}-wal").write_bytes(wal[:size])
        found = restored(cut)
        assert not seen or found.position <= min(seen)  # the shorter the file, the older the state
        if found.position in seen and size % 97:  # the same as for many others
            continue
        seen.add(found.position)
        if found.position:
            late = expected[found.position]
            (root,) = late.ids_in(0)
            tops = {id(late.node(n)) for n in late.node_ids() if late.cells_of(n)}
            compare([(late.node(root), names_of(found))], tops)
        else:
            assert found.is_empty
    assert min(seen) <= oldest
    assert seen == set(range(min(seen), len(done) + 1))


def test_a_file_that_was_cut_opens_to_a_state_that_existed(tmp_path: Path) -> None:
    cut_and_open(tmp_path, 2039, 1 << 30, 0)


@pytest.mark.slow
def test_a_file_that_was_cut_at_any_byte_opens_to_a_state_that_existed() -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:  # a disk would take minutes
        cut_and_open(Path(folder), 1 if LONG else 5, 30_000, 8)


@pytest.mark.parametrize("seed", range(3))
def test_a_damaged_file_is_an_error_or_a_state_that_existed(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "shop.db"
    history(path)
    whole = path.read_bytes()
    chance = random.Random(seed)
    for _ in range(40):
        damaged = bytearray(whole)
        at = chance.randrange(len(damaged))
        damaged[at : at + 8] = chance.randbytes(8)
        path.write_bytes(damaged)
        Path(f"{path}-wal").unlink(missing_ok=True)
        try:
            found = restored(path)
        except (CorruptDataError, EngineError):
            continue
        assert found.position in range(13)
        names_of(found)


# ---- full ----


def test_a_full_disk_is_an_error_and_it_goes_on_when_there_is_room(tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", folder], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("needs the right to mount a file system")
    try:
        ballast = folder / "ballast"
        ballast.write_bytes(bytes(200 << 10))
        process = started("fill", folder / "shop.db")
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            position, durable, name, code = json.loads(process.stdout.readline())
            assert (durable, name, code) == (position - 1, "EngineError", errno.ENOSPC)
            ballast.unlink()
            process.stdin.write("\n")
            process.stdin.flush()
            assert int(process.stdout.readline()) == position
        finally:
            ended(process)
        names = names_of(restored(folder / "shop.db"))
        assert names["l"] == list(range(1, position + 1))
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_full_database_refuses_and_harms_nothing(tmp_path: Path) -> None:
    engine = JournalEngine(tmp_path / "shop.db")
    commits, _ = CommitLog.open(engine, "home")
    state = State()
    try:
        assert engine._db is not None
        engine._db.execute("PRAGMA max_page_count=20")
        position = 0
        with pytest.raises(EngineError, match="disk is full") as caught:
            while position < 100:
                position += 1
                state.names[position] = bytes(1000)
                commits.commit(position, state.end(), state.next_id)
                commits.wait(position)
        assert caught.value.errno == errno.ENOSPC
        assert commits.durable == position - 1
        assert restore(engine).position == position - 1
        with pytest.raises(EngineError, match="disk is full"):
            commits.snapshot(bases_of(state))
        engine._db.execute("PRAGMA max_page_count=10000")
        commits.wait(position, 60)
        commits.snapshot(bases_of(state))
        commits.close(60)
        assert names_of(restore(engine)).keys() == set(range(1, position + 1))
    finally:
        state.close()
        engine.close()


def test_a_write_that_fails_leaves_the_outcome_to_who_opens_it_again(tmp_path: Path) -> None:
    """The kernel refuses to make the file longer, as it does when a disk has an error."""
    path = tmp_path / "shop.db"
    program = f"""
import resource, signal
from share import EngineLostError
from share.engine import JournalEngine
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
engine = JournalEngine({str(path)!r})
last = engine.append(b"one", engine.last())
resource.setrlimit(resource.RLIMIT_FSIZE, (40000, 40000))
try:
    while True:
        last = engine.append(bytes(3000), last, timeout=60)
except EngineLostError as error:
    print(last, error)
try:
    engine.last()
except EngineLostError:
    print("still")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    last, _, message = done.stdout.partition(" ")
    assert "open it again" in message, done.stderr
    assert "still" in message
    engine = JournalEngine(path)
    assert engine.last() in {int(last), int(last) + 1}
    engine.close()


# ---- in use ----


def test_a_second_user_of_the_file_is_refused_until_the_first_has_gone(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    first = started("hold", path)
    assert first.stdout is not None
    try:
        assert first.stdout.readline() == "0\n"
        with pytest.raises(EngineError, match="in use by another process") as caught:
            JournalEngine(path, patience=0.01)
        assert caught.value.errno == errno.EBUSY
        os.kill(first.pid, signal.SIGSTOP)  # alive, so it keeps it
        with pytest.raises(EngineError, match="in use"):
            JournalEngine(path, patience=0.01)
    finally:
        ended(first)
    engine = JournalEngine(path)
    with pytest.raises(EngineError, match="twice in this one"):
        JournalEngine(path, patience=0.01)
    assert engine.append(b"x", engine.last()) == 1
    engine.close()
    with JournalEngine(path) as engine:
        assert engine.last() == 1


def test_a_forked_child_does_not_hold_the_file(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    parent = started("hold", path)
    assert parent.stdout is not None
    parent.stdout.readline()
    ended(parent)
    program = f"""
import os, sys, time
from share.engine import JournalEngine
engine = JournalEngine({str(path)!r})
if os.fork() == 0:
    sys.stdin.read()
    os._exit(0)
print("ready", flush=True)
os._exit(0)
"""
    child = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    child.wait()
    JournalEngine(path, patience=60).close()
    child.communicate()


def test_a_forked_child_takes_nothing_with_it_when_it_ends(tmp_path: Path) -> None:
    """It closes what it has inherited, as the last user of a file of SQLite would."""
    path = tmp_path / "shop.db"
    program = f"""
import os, sys
from share import EngineLostError
from share.engine import JournalEngine
engine = JournalEngine({str(path)!r})
engine.append(b"a", engine.last())
if os.fork() == 0:
    try:
        engine.last()
    except EngineLostError:
        engine.close()
        sys.exit(3)  # as any program ends
assert os.waitstatus_to_exitcode(os.wait()[1]) == 3
engine.append(b"b", 1)
os._exit(0)
"""
    subprocess.run([sys.executable, "-c", program], check=True)
    with JournalEngine(path, create=False) as engine:
        assert engine.last() == 2


def test_who_copies_the_file_or_opens_it_twice_does_not_let_others_in(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    program = f"import share.engine; share.engine.JournalEngine({str(path)!r}, patience=0)"
    with JournalEngine(path):
        shutil.copy(path, tmp_path / "copy.db")  # which lets go of all locks of the kind that SQLite takes
        with pytest.raises(EngineError) as refused:
            JournalEngine(path, patience=0)
        assert refused.value.errno == errno.EBUSY
        other = subprocess.run([sys.executable, "-c", program], stderr=subprocess.PIPE, text=True)
        assert "in use by another process" in other.stderr
    subprocess.run([sys.executable, "-c", program], check=True)


def test_only_its_user_can_read_the_file(tmp_path: Path) -> None:
    engine = JournalEngine(tmp_path / "shop.db")
    engine.append(b"x", engine.last())
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["shop.db", "shop.db-wal"]
    assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600, 0o600]
    engine.close()
    assert [file.name for file in tmp_path.iterdir()] == ["shop.db"]


# ---- not a journal ----


def test_other_files_are_refused_and_left_alone(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("something else entirely\n" * 100)
    with pytest.raises(CorruptDataError, match="is damaged, or is none"):
        JournalEngine(text)
    assert text.read_text() == "something else entirely\n" * 100
    database = tmp_path / "other.db"
    with sqlite3.connect(database) as db:
        db.execute("CREATE TABLE mine (x)")
    db.close()
    before = database.read_bytes()
    with pytest.raises(EngineError, match="not a journal"):
        JournalEngine(database)
    assert database.read_bytes() == before
    with pytest.raises(EngineError, match="directory"):
        JournalEngine(tmp_path)
    with pytest.raises(EngineError, match="there is no journal") as caught:
        JournalEngine(tmp_path / "missing", create=False)
    assert caught.value.errno == errno.ENOENT
    with pytest.raises(EngineError, match="cannot be made"):
        JournalEngine(tmp_path / "no" / "folder")


def test_a_later_format_is_refused_with_both_numbers(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    JournalEngine(path).close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version=7")
    db.close()
    with pytest.raises(EngineError, match="has format 7, this library knows 1"):
        JournalEngine(path)


def test_the_room_of_what_was_thrown_away_is_given_back(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    engine = JournalEngine(path)
    last = engine.last()
    for _ in range(30):
        last = engine.append(bytes(100_000), last)
    engine.trim(last)
    engine.shrink()
    assert engine.check() == []
    engine.close()
    assert path.stat().st_size < 100_000
    with JournalEngine(path) as engine:
        assert engine.last() == last


def test_threads_share_one_engine(tmp_path: Path) -> None:
    engine = JournalEngine(tmp_path / "shop.db")
    threads = [
        threading.Thread(target=lambda i=i: [engine.send(f"s{i}", n, b"x") for n in range(20)])
        for i in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = engine.receive(0)
    for i in range(4):
        assert [m.number for m in found if m.sender == f"s{i}"] == list(range(20))
    engine.close()
    with pytest.raises(EngineLostError, match="closed"):
        engine.receive(0)
