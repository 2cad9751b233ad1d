"""Shares with a journal whose processes are killed, whose file is cut short, whose disk is full."""

import contextlib
import errno
import os
import random
import resource
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from durable import end, forget, line, reopened, start
from durable_programs import Ledger
from programs import children, wait_for

from share import EngineError, EngineLostError, Share, plain
from share._names import segments_of
from share.cli._kept import Kept
from share.engine import JournalEngine, restore
from share.maintenance import shares


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shop.db"


# -- who is killed ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("durable", ["engine", "local"])
def test_a_successor_goes_on_with_the_journal(path: Path, durable: Any) -> None:
    with Share(journal=path, durable=durable) as shared:
        shared.ledger = Ledger()
        for turn in range(2):
            for _ in range(20):
                shared.ledger.add.send(turn)
            os.kill(shared.health().coordinator, signal.SIGKILL)
            assert shared.ledger.add("x") == 21 * (turn + 1)
        shared.flush(durable=True)
        assert shared.restore_point == shared.health().commit
    with Share(journal=path) as shared:
        assert shared.ledger.n == 42 and shared.ledger.is_whole()


def killed_and_restarted(path: Path, seed: int, turns: int, durable: str) -> None:
    rng = random.Random(seed)
    known, owners = 0, set()
    for turn in range(turns):
        program = start("count", path, durable)
        owners.add(program.pid)
        if turn % 5 == 2:
            program.kill()  # perhaps while it is being restored
            end(program)
        else:
            pids = [int(line(program)), program.pid]
            for _ in range(rng.randrange(30)):
                known = max(known, int(line(program)))
            rng.shuffle(pids)
            for pid in pids if rng.random() < 0.7 else pids[:1]:
                os.kill(pid, signal.SIGKILL)
            program.kill()
            # Only whole lines have been acknowledged.
            lines = [each for each in end(program).splitlines(keepends=True) if each.endswith("\n")]
            known = max([known, *map(int, lines)])
        with reopened(path) as shared:
            if known or "ledger" in shared:
                assert shared.ledger.n >= known, (turn, shared.ledger.n, known)
                assert shared.ledger.is_whole(), turn
                known = shared.ledger.n
    forget(owners)


@pytest.mark.parametrize("durable", ["engine", "local"])
def test_owner_and_coordinator_are_killed(path: Path, durable: str) -> None:
    killed_and_restarted(path, 11, 3, durable)


def test_the_memory_of_a_share_whose_processes_were_all_killed_goes_when_its_journal_is_opened(
    path: Path,
) -> None:
    program = start("count", path, "engine")
    coordinator = int(line(program))
    (former,) = [info.segment for info in shares() if info.owner == program.pid]
    os.kill(coordinator, signal.SIGSTOP)
    program.kill()
    os.kill(coordinator, signal.SIGKILL)
    end(program)
    assert segments_of(former)
    with reopened(path) as shared:
        assert shared.ledger.is_whole()
        assert not segments_of(former)


def test_a_copy_of_the_journal_of_a_share_that_lives_leaves_that_alone(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    with Share(journal=path) as shared:
        shared.n = 7
        for suffix in ("", "-wal"):
            shutil.copyfile(f"{path}{suffix}", f"{copy}{suffix}")
        program = start("hold", copy, f"copy_{os.getpid()}")
        assert line(program) == "up"
        shared.n += 1
        assert shared.n == 8
        end(program)


def coordinators() -> list[int]:
    """Those under this process that have begun to work."""
    found = []
    for process in children():
        with contextlib.suppress(OSError):
            if Path(f"/proc/{process.pid}/comm").read_text().startswith("share: "):
                found.append(process.pid)
    return found


def test_a_coordinator_killed_while_it_restores(path: Path) -> None:
    with Share(journal=path) as shared:
        shared.rows, shared.text, shared.n = [[i] for i in range(3000)], "x" * 500_000, 0
    for turn in range(3):
        with ThreadPoolExecutor(1) as pool:
            making = pool.submit(Share, journal=path)
            wait_for(coordinators)
            time.sleep(0.03 * turn)  # whenever that is: it may be done
            for pid in coordinators():
                os.kill(pid, signal.SIGKILL)
            shared = making.result()
        with shared:
            assert shared.n == turn and shared.text == "x" * 500_000
            assert shared.rows[7] == [7, *range(turn)] and len(shared.rows) == 3000
            shared.rows[7].append(turn)
            shared.n += 1


@pytest.mark.slow
@pytest.mark.parametrize("durable", ["engine", "local"])
@pytest.mark.parametrize("seed", range(4))
def test_owner_and_coordinator_are_killed_often(path: Path, durable: str, seed: int) -> None:
    killed_and_restarted(path, seed, 50 if "SHARE_LONG" in os.environ else 10, durable)


def cut_and_open(path: Path, copy: Path, every: int) -> None:
    """Each cut is read as `journal export` reads it; some are opened by a share."""
    program = start("states", path, 40)
    for _ in range(40):
        line(program)
    files = {suffix: Path(f"{path}{suffix}").read_bytes() for suffix in ("", "-wal")}  # nothing is under way
    program.kill()
    end(program)
    with reopened(path) as shared:
        assert shared.ledger.n == 40

    def cut(end: int) -> None:
        copy.write_bytes(files[""])
        Path(f"{copy}-wal").write_bytes(files["-wal"][:end])

    whole = len(files["-wal"])
    seen = set()
    for end_at in {*range(whole - 200, whole + 1, min(every, 5)), *range(whole - 40_000, whole, every)}:
        cut(end_at)
        with JournalEngine(copy) as engine:
            found = restore(engine)
            names = Kept(found, (engine.blob("identity") or b"").decode()).names()
            ledger = names["ledger"]
            assert Ledger.is_whole(ledger), end_at
            seen.add(ledger.n)
    assert max(seen) == 40 and len(seen) > 3
    for end_at in (whole - 1, whole - 9_000):
        cut(end_at)
        with Share(journal=copy) as shared:
            assert shared.ledger.is_whole()
            assert shared.ledger.add("x") == len(shared.ledger.entries)


def test_a_file_cut_anywhere_in_its_tail_opens_to_a_state_that_existed(path: Path, tmp_path: Path) -> None:
    cut_and_open(path, tmp_path / "copy.db", 1997)


@pytest.mark.slow
def test_a_file_cut_at_any_byte_opens_to_a_state_that_existed() -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:  # a disk would take minutes
        cut_and_open(
            Path(folder, "shop.db"), Path(folder, "copy.db"), 1 if "SHARE_LONG" in os.environ else 101
        )


# -- no room -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("durable", ["engine", "local"])
def test_a_full_disk_is_an_error_and_the_share_goes_on(tmp_path: Path, durable: Any) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("needs the right to mount a file system")
    try:
        ballast = folder / "ballast"
        with Share(journal=folder / "shop.db", durable=durable) as shared:
            shared.d = {}
            shared.flush(durable=True)
            ballast.write_bytes(bytes(500 << 10))
            stored = 0
            with pytest.raises(EngineError) as caught:
                for stored in range(100):
                    shared.d[stored] = "x" * 10_000
                    shared.flush(durable=True)
            assert caught.value.errno == errno.ENOSPC and 0 < stored < 99
            assert len(shared.d) == (stored if durable == "engine" else stored + 1)  # it can be read
            ballast.unlink()
            shared.d["after"] = 1
            shared.flush(durable=True)
            assert shared.restore_point == shared.health().commit
            expected = plain(shared.d)
        assert expected.keys() == {*range(stored + (durable == "local")), "after"}
        with Share(journal=folder / "shop.db") as shared:
            assert plain(shared.d) == expected
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.fixture
def limited() -> Callable[[Share, int | None], None]:
    """Limits the size of the files that a share's coordinator may write."""

    def limit(shared: Share, size: int | None) -> None:
        most = resource.RLIM_INFINITY if size is None else size
        resource.prlimit(shared.health().coordinator, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))

    return limit


@pytest.mark.parametrize("durable", ["engine", "local"])
def test_no_room_is_an_error_and_the_share_goes_on(
    path: Path, durable: Any, limited: Callable[[Share, int | None], None]
) -> None:
    with Share(journal=path, durable=durable) as shared:
        shared.d, shared.large = (
            {},
            "y" * 900_000,
        )  # the limit is to be greater than segments of shared memory
        shared.flush(durable=True)
        limited(shared, Path(f"{path}-wal").stat().st_size + 50_000)
        stored = 0
        with pytest.raises((EngineError, EngineLostError)):
            for stored in range(100):
                shared.d[stored] = "x" * 10_000
                shared.flush(durable=True)
        assert 0 < stored < 99
        assert len(shared.d) == (stored if durable == "engine" else stored + 1)  # it can be read
        with pytest.raises((EngineError, EngineLostError)):
            shared.d.update({"more": "x" * 100_000})
            shared.flush(durable=True)
        limited(shared, None)
        shared.d["after"] = 1
        shared.flush(durable=True)
        assert shared.restore_point == shared.health().commit
        expected = plain(shared.d)
    assert expected.keys() >= {*range(stored), "after"}
    with Share(journal=path) as shared:
        assert plain(shared.d) == expected
