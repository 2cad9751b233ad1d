"""The log of commits: of a real state, on every engine, through failures of the engine and of its writer."""

import random
import threading
import time
from pathlib import Path

import pytest
from backends import Backend, Memory
from recorded_programs import Program, compare

from share import CorruptDataError, EngineError, EngineLostError, FencedError, ShareTimeoutError
from share.engine import CommitLog, MemoryEngine, MemoryServer, Restored, restore
from share.engine._records import BASE, COMMIT, EPOCH, decoded, encoded
from share.state import Replica, State


def loaded(found: Restored) -> State:
    return State() if found.is_empty else State.load(found.bases, found.changes, found.next_id)


def replayed(found: Restored) -> Replica:
    replica = Replica()
    replica.load(found.bases)
    replica.apply(found.changes)
    return replica


def bases_of(state: State) -> dict[int, bytes]:
    return {cell: state.base(cell) for cell in state.cells}


class Logged(Program):
    """A random program whose commits are stored, with snapshots and successors in between."""

    def __init__(self, seed: int, backend: Backend) -> None:
        super().__init__(random.Random(seed).randrange)
        self.backend = backend
        self.position = 0
        self.commits, restored = CommitLog.open(backend.connect(), "first")
        assert restored.is_empty

    def publish(self) -> None:
        changes = self.state.end()
        self.replica.apply(changes)
        self.position += 3
        self.commits.commit(self.position, changes, self.state.next_id)

    def check_the_log(self) -> None:
        """What is stored is the state: by its nodes, their ids, order and identity."""
        self.publish()
        self.commits.flush(60)
        found = restore(self.commits._engine)
        assert found.position == self.commits.durable == self.position
        assert found.next_id == self.state.next_id
        late = replayed(found)
        assert late.node_ids() == self.replica.node_ids()
        pairs = [(self.replica.node(n), late.node(n)) for n in late.node_ids()]
        compare(pairs, {id(self.replica.node(n)) for n in late.node_ids() if late.cells_of(n)})

    def snapshot(self) -> None:
        self.publish()
        self.commits.snapshot(bases_of(self.state))

    def succeed(self) -> None:
        """The home is replaced; the successor's state is what the log says."""
        self.publish()
        self.commits.close(60)
        next_id, root = self.state.next_id, self.state.id_of(self.state.names)
        ids = {id(self.replica.node(n)): n for n in self.replica.node_ids()}
        tops = {n for n in self.replica.node_ids() if self.replica.cells_of(n)}
        self.held.clear()
        self.nodes.clear()
        self.state.close()
        self.commits, found = CommitLog.open(self.backend.connect(), "next")
        self.state = loaded(found)
        assert (found.position, self.state.next_id) == (self.position, next_id)
        pairs = compare(
            [(self.replica.node(root), self.state.names)], {id(self.replica.node(n)) for n in tops}
        )
        assert all(self.state.id_of(node) == ids[id(twin)] for twin, node in pairs)
        tops = {id(node) for _, node in pairs if self.state.cells_of(node)}
        for node, twin in compare([(self.state.names, self.plain)], tops):
            if id(node) in tops and hasattr(node, "__dict__"):
                found_in = dict(vars(twin))  # the order of a top-level object's attributes is not published
                vars(twin).clear()
                vars(twin).update((name, found_in[name]) for name in vars(node))
        self.publish()
        self.check()


@pytest.mark.parametrize("seed", range(2))
def test_a_random_program_comes_back_from_its_log(backend: Backend, seed: int) -> None:
    program = Logged(seed, backend)
    try:
        for i in range(60):
            program.command()
            if i % 7 == 6:
                program.check_the_log()
            if i % 16 == 15:
                program.snapshot()
                program.check_the_log()
            if i % 20 == 19:
                program.succeed()
                program.check_the_log()
        program.finish()
    finally:
        program.state.close()
        program.commits.close(60)


def test_a_snapshot_takes_the_place_of_what_it_contains(backend: Backend) -> None:
    engine = backend.connect()
    commits, _ = CommitLog.open(engine, "home")
    for i in range(1, 6):
        commits.commit(i, {0: b"a" * i, i: b"%d" % i}, i + 10)
        commits.flush(60)
    before = restore(engine)
    assert before.changes[0] == b"a" * 15
    assert (before.position, before.next_id, before.epoch) == (5, 15, 1)
    commits.snapshot({0: b"whole", 7: b""})
    commits.commit(6, {0: b"+"}, 16)
    commits.snapshot({0: b"whole+", 7: b""})
    commits.commit(7, {0: b"!"}, 17)
    commits.commit(8, {0: b"?"}, 18)
    commits.close(60)
    found = restore(backend.connect())
    assert (found.bases, found.changes) == ({0: b"whole+", 7: b""}, {0: b"!?"})
    assert (found.position, found.next_id, found.epoch) == (8, 18, 1)
    assert len(backend.connect().blobs()) == 1


def test_a_snapshot_is_wanted_when_the_log_is_longer_than_the_state() -> None:
    engine = MemoryEngine(MemoryServer())
    commits, _ = CommitLog.open(engine, "home")
    commits.commit(1, {0: bytes(1 << 20)}, 1)
    commits.flush(60)
    assert commits.wants_snapshot
    commits.snapshot({0: bytes(3 << 20)})
    assert not commits.wants_snapshot
    commits.commit(2, {0: bytes(2 << 20)}, 1)
    commits.flush(60)
    assert not commits.wants_snapshot
    commits.commit(3, {0: bytes(2 << 20)}, 1)
    commits.close(60)
    assert commits.wants_snapshot
    again, _ = CommitLog.open(MemoryEngine(engine._server), "home")
    assert again.wants_snapshot
    again.close()


def test_an_interrupted_snapshot_changes_nothing(backend: Backend) -> None:
    engine = backend.connect()
    commits, _ = CommitLog.open(engine, "home")
    commits.commit(1, {0: b"one"}, 1)
    commits.flush(60)
    expected = restore(engine)
    engine._set(f"piece/base/{commits._number}/0", b"half", None)  # its writer died before the blob was whole
    assert restore(engine) == expected
    engine.set_blob(
        f"base/{commits._number}", encoded(BASE, 1, 1, 1, {0: b"one"})
    )  # ... before the log was trimmed
    assert restore(engine) == expected
    commits.commit(2, {0: b"two"}, 1)
    commits.snapshot({0: b"onetwo"})
    assert engine.blobs() == [f"base/{commits._number}"]
    commits.close(60)
    assert restore(backend.connect()).bases == {0: b"onetwo"}


@pytest.mark.parametrize("at", ["set_blob", "trim", "blobs"])
def test_an_old_home_that_wakes_up_in_a_snapshot_harms_nothing(
    backend: Backend, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if backend.is_exclusive:
        return
    engine = backend.connect()
    old, _ = CommitLog.open(engine, "old")
    old.commit(1, {0: b"one"}, 1)
    step = getattr(engine, at)

    def asleep(*arguments: object) -> object:
        """Meanwhile another home takes over, and makes snapshots of its own."""
        monkeypatch.setattr(engine, at, step)
        new, found = CommitLog.open(backend.connect(), "new")
        whole = found.bases.get(0, b"") + found.changes.get(0, b"")
        assert whole == b"one"
        for i in range(2, 5):
            new.commit(i, {0: b",%d" % i}, 1)
            whole += b",%d" % i
            new.snapshot({0: whole})
        new.commit(5, {0: b",5"}, 1)
        new.close(60)
        return step(*arguments)

    monkeypatch.setattr(engine, at, asleep)
    old.snapshot({0: b"one"})
    found = restore(backend.connect())
    assert found.bases[0] + found.changes[0] == b"one,2,3,4,5"
    with pytest.raises(FencedError):
        old.commit(2, {0: b"lost"}, 1)
        old.close()


def test_an_old_home_is_fenced_and_says_what_is_not_stored(backend: Backend) -> None:
    old, _ = CommitLog.open(backend.connect(), "old")
    old.commit(1, {0: b"stored"}, 1)
    old.flush(60)
    new, found = CommitLog.open(backend.connect(), "new")
    assert (found.position, found.epoch) == (1, 2)
    for _ in range(40):
        try:
            old.commit(old._committed + 1, {0: b"lost"}, 1)
        except FencedError:
            break
    if backend.is_exclusive:  # there the old one has been closed
        with pytest.raises(EngineLostError):
            old.close(60)
    else:
        with pytest.raises(FencedError, match="after position 1 is not stored"):
            old.flush(60)
        with pytest.raises(FencedError):
            old.commit(old._committed + 1, {0: b"lost"}, 1)
        with pytest.raises(FencedError):
            old.close()
    new.commit(2, {0: b"+new"}, 1)
    new.close(60)
    assert restore(backend.connect()).changes == {0: b"stored+new"}


def test_one_of_two_who_take_over_at_once_is_refused(tmp_path: Path) -> None:
    backend = Memory(tmp_path)
    backend.start()
    results: list[object] = []
    barrier = threading.Barrier(6)

    def take_over(i: int) -> None:
        engine = backend.connect()
        barrier.wait()
        try:
            commits, found = CommitLog.open(engine, f"home {i}")
        except FencedError:
            results.append("refused")
            return
        results.append(found.epoch)
        try:
            commits.commit(found.position + 1, {0: b"x"}, 1)
            commits.close(60)
            results.append("stored")
        except FencedError:
            results.append("fenced")

    threads = [threading.Thread(target=take_over, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    epochs = [r for r in results if isinstance(r, int)]
    assert sorted(epochs) == list(range(1, len(epochs) + 1))
    assert restore(backend.connect()).epoch == max(epochs)


def test_a_full_disk_is_an_error_to_who_waits_and_nothing_is_lost() -> None:
    server = MemoryServer()
    commits, _ = CommitLog.open(MemoryEngine(server), "home", limit=100)
    commits.commit(1, {0: b"a"}, 1)
    commits.flush(60)
    server.faults = ["full"] * 1000
    commits.commit(2, {0: b"b" * 60}, 1)
    with pytest.raises(EngineError, match="no room"):
        commits.wait(2)
    commits.wait(1)
    with pytest.raises(EngineError, match="no room"):
        commits.commit(3, {0: b"c" * 60}, 1)  # beyond the limit: who commits waits, too
    with pytest.raises(EngineError):
        commits.snapshot({0: b""})
    server.faults = []
    commits.wait(2, 60)
    commits.commit(3, {0: b"c" * 60}, 1)
    commits.close(60)
    assert restore(MemoryEngine(server)).changes == {0: b"a" + b"b" * 60 + b"c" * 60}


def test_without_an_answer_a_wait_ends_in_time_and_all_is_stored_later() -> None:
    server = MemoryServer()
    commits, _ = CommitLog.open(MemoryEngine(server), "home")
    server.is_down = True
    commits.commit(1, {0: b"a"}, 1)
    began = time.monotonic()
    with pytest.raises((ShareTimeoutError, EngineLostError)):
        commits.wait(1, 0.2)
    assert time.monotonic() - began >= 0.19
    commits.commit(2, {0: b"b"}, 1)
    server.is_down = False
    commits.flush(60)
    assert commits.durable == 2
    commits.close()
    assert restore(MemoryEngine(server)).changes == {0: b"ab"}


def test_commits_made_while_an_append_is_under_way_share_the_next_record() -> None:
    server = MemoryServer()
    engine = MemoryEngine(server)
    commits, _ = CommitLog.open(engine, "home")
    with server.changed:  # nothing can be stored now
        for i in range(1, 101):
            commits.commit(i, {i % 3: b"%d," % i}, i)
    commits.close(60)
    found = restore(engine)
    assert found.commits <= 2
    assert found.position == 100
    assert found.changes[0] == b"".join(b"%d," % i for i in range(3, 101, 3))


def test_ctrl_c_while_waiting_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    server = MemoryServer()
    engine = MemoryEngine(server)
    commits, _ = CommitLog.open(engine, "home")
    append, here = engine._append, threading.current_thread()

    def interrupted(stream: str, data: bytes, expected: int | None) -> int:
        number = append(stream, data, expected)
        if threading.current_thread() is here:
            raise KeyboardInterrupt
        return number

    with monkeypatch.context() as patch:
        patch.setattr(engine, "_append", interrupted)
        for i in range(1, 201):
            commits.commit(i, {0: b"%d," % i}, 1)
            try:
                commits.wait(i)
            except (KeyboardInterrupt, EngineLostError):
                pass
    commits.close(60)
    assert restore(engine).changes[0] == b"".join(b"%d," % i for i in range(1, 201))


def test_positions_only_grow() -> None:
    commits, _ = CommitLog.open(MemoryEngine(MemoryServer()), "home")
    commits.commit(3, {}, 1)
    for position in (3, 2):
        with pytest.raises(ValueError, match="after 3"):
            commits.commit(position, {}, 1)
    with pytest.raises(ValueError, match="not been committed"):
        commits.wait(4)
    commits.close(60)
    with pytest.raises(EngineLostError, match="closed"):
        commits.commit(4, {}, 1)


def test_a_reader_meets_a_snapshot_half_way(tmp_path: Path) -> None:
    """The log is trimmed again and again under somebody who restores: what comes back is always a whole state."""
    backend = Memory(tmp_path)
    backend.start()
    commits, _ = CommitLog.open(backend.connect(), "home")
    ending = threading.Event()
    found: list[tuple[int, bytes]] = []

    def read() -> None:
        while not ending.is_set() or not found:
            restored = restore(backend.connect())
            found.append((restored.position, restored.bases.get(0, b"") + restored.changes.get(0, b"")))

    reader = threading.Thread(target=read)
    reader.start()
    whole = b""
    for i in range(1, 200):
        commits.commit(i, {0: b"%d," % i}, 1)
        whole += b"%d," % i
        if i % 5 == 0:
            commits.snapshot({0: whole})
    ending.set()
    reader.join()
    commits.close(60)
    assert found
    for position, data in found:
        assert data == b"".join(b"%d," % i for i in range(1, position + 1))


# ---- damage ----


def test_every_damaged_byte_of_a_record_is_found() -> None:
    data = encoded(COMMIT, 1, 2, 3, {0: b"abc", 9: b"", 1 << 40: b"x" * 20})
    assert decoded(data, "it").cells == {0: b"abc", 9: b"", 1 << 40: b"x" * 20}
    for i in range(len(data)):
        damaged = bytearray(data)
        damaged[i] ^= 1 << i % 8
        with pytest.raises(CorruptDataError):
            decoded(bytes(damaged), "it")
    for size in range(len(data)):
        with pytest.raises(CorruptDataError):
            decoded(data[:size], "it")


def test_another_format_is_refused_with_both_numbers() -> None:
    data = bytearray(encoded(COMMIT, 1, 2, 3, {}))
    data[0] = 9
    with pytest.raises(CorruptDataError, match="format 9.*knows 1"):
        decoded(bytes(data), "it")


@pytest.mark.parametrize(
    "records",
    [
        [encoded(COMMIT, 1, 1, 1, {})],  # of nobody
        [encoded(EPOCH, 1, 0, 1, {}), encoded(COMMIT, 2, 1, 1, {})],
        [encoded(EPOCH, 1, 0, 1, {}), encoded(EPOCH, 2, 0, 1, {}), encoded(COMMIT, 1, 1, 1, {})],
        [encoded(EPOCH, 1, 0, 1, {}), encoded(EPOCH, 1, 0, 1, {})],
        [encoded(EPOCH, 1, 0, 1, {}), encoded(BASE, 1, 0, 1, {})],
    ],
)
def test_a_log_that_no_home_can_have_written_is_refused(records: list[bytes]) -> None:
    engine = MemoryEngine(MemoryServer())
    last = engine.last()
    for record in records:
        last = engine.append(record, last)
    with pytest.raises(CorruptDataError, match=f"record {len(records)}"):
        restore(engine)


def test_a_missing_snapshot_is_an_error(backend: Backend) -> None:
    engine = backend.connect()
    commits, _ = CommitLog.open(engine, "home")
    commits.commit(1, {0: b"x"}, 1)
    commits.snapshot({0: b"x"})
    commits.close(60)
    engine.set_blob(engine.blobs()[0], None)
    with pytest.raises(CorruptDataError, match="snapshot up to record 2 is missing"):
        restore(engine)
