"""What any engine has to do: order, resuming, the fence, unknown outcomes, the lease, the queue, blobs, kills."""

import contextlib
import os
import random
import struct
import threading
import time

import pytest
from backends import Backend, Cluster, Journal, LazyNats, LazyPostgres, Memory

from share import CorruptDataError, EngineError, EngineLostError, FencedError
from share.engine import PIECE, Engine, GapError, Queued, Record


def filled(engine: Engine, count: int, start: int = 0) -> int:
    last = engine.last()
    for i in range(start, start + count):
        last = engine.append(b"record %d" % i, last)
    return last


def everything(engine: Engine, after: int = 0) -> list[tuple[int, bytes]]:
    found: list[tuple[int, bytes]] = []
    while more := engine.read(found[-1][0] if found else after):
        found += more
    return found


def received(engine: Engine, after: int = 0) -> list[Queued]:
    found: list[Queued] = []
    while more := engine.receive(found[-1].place if found else after):
        found += more
    return found


# ---- the log ----


def test_records_come_back_in_order_and_from_any_number(backend: Backend) -> None:
    engine = backend.connect()
    assert (engine.last(), engine.read(0)) == (0, [])
    assert filled(engine, 300) == 300
    expected = [(i + 1, b"record %d" % i) for i in range(300)]
    assert everything(engine) == expected
    for after in (1, 150, 299, 300, 7):
        assert everything(engine, after) == expected[after:]
    other = backend.connect()
    assert other.last() == 300
    assert everything(other, 123) == expected[123:]


def test_records_of_all_sizes(backend: Backend) -> None:
    engine = backend.connect()
    sizes = [0, 1, PIECE - 40, PIECE - 25, PIECE, PIECE + 1, 3 * PIECE]
    contents = [random.Random(size).randbytes(size) for size in sizes]
    last = engine.last()
    for data in contents:
        last = engine.append(data, last)
    assert [data for _, data in everything(engine)] == contents
    assert [data for _, data in everything(backend.connect())] == contents
    engine = backend.connect()
    engine.trim(7)
    assert engine.blobs() == []  # what was stored aside for them has gone, too


def test_a_reader_waits_for_a_record(backend: Backend) -> None:
    engine = backend.connect()
    last = filled(engine, 3)
    began = time.monotonic()
    assert engine.read(last, wait=0.2) == []
    assert time.monotonic() - began >= 0.19
    writer = threading.Timer(0.1, lambda: engine.append(b"late", last))
    writer.start()
    found = []
    while not found:
        found = engine.read(last, wait=10)
    assert found == [(last + 1, b"late")]
    writer.join()


def test_what_was_trimmed_is_a_gap_and_never_skipped_in_silence(backend: Backend) -> None:
    engine = backend.connect()
    filled(engine, 10)
    assert engine.first() == 1
    engine.trim(4)
    assert (engine.first(), engine.last()) == (5, 10)
    for after in (0, 3):
        with pytest.raises(GapError) as caught:
            engine.read(after)
        assert caught.value.first == 5
    assert everything(engine, 4) == [(i + 1, b"record %d" % i) for i in range(4, 10)]
    engine.trim(4)
    engine.trim(2)
    engine.trim(10)
    assert (engine.first(), engine.last(), engine.read(10)) == (11, 10, [])
    with pytest.raises(GapError) as caught:
        engine.read(9)
    assert caught.value.first == 11
    again = backend.connect()
    assert again.last() == 10
    assert again.append(b"next", 10) == 11
    assert everything(again, 10) == [(11, b"next")]


def test_a_reader_from_a_future_that_was_lost_is_told(backend: Backend) -> None:
    engine = backend.connect()
    filled(engine, 3)
    if isinstance(backend, Cluster):  # one of three may only be behind the others
        with pytest.raises(EngineLostError, match="ends with record 3.* or the server"):
            engine.read(4)
        engine.lag = 0
    with pytest.raises(FencedError, match="future"):
        engine.read(4)


# ---- the fence ----


def test_a_refused_append_harms_nothing_and_ends_its_home(backend: Backend) -> None:
    old = backend.connect()
    last = filled(old, 5)
    new = backend.connect()
    assert new.last() == last
    assert new.append(b"successor", last) == 6
    with pytest.raises((FencedError, EngineLostError)):
        old.append(b"stale", 5)
    assert [new.append(b"goes on", 6 + i) for i in range(5)] == [7, 8, 9, 10, 11]
    assert [data for _, data in everything(new, 5)] == [b"successor"] + 5 * [b"goes on"]


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize("predicted", [False, True])
def test_of_40_appends_by_an_old_home_after_a_take_over_none_is_stored(
    backend: Backend, at_once: bool, predicted: bool
) -> None:
    old = backend.connect()
    last = filled(old, 3)
    new = backend.connect()
    assert new.append(b"successor", new.last()) == last + 1
    stored = []

    def append(i: int) -> None:
        try:
            stored.append(old.append(b"stale %d" % i, last + i if predicted else last))
        except (FencedError, EngineLostError, ValueError):
            pass

    if at_once:
        threads = [threading.Thread(target=append, args=(i,)) for i in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    else:
        for i in range(40):
            append(i)
    assert stored == []
    assert [data for _, data in everything(new)] == [b"record %d" % i for i in range(3)] + [b"successor"]


def test_only_what_the_engine_has_told_can_be_expected(backend: Backend) -> None:
    engine = backend.connect()
    with pytest.raises(ValueError, match="told None"):
        engine.append(b"x", 0)
    engine.last()
    with pytest.raises(ValueError, match="told 0"):
        engine.append(b"x", 1)
    assert engine.append(b"x", 0) == 1
    with pytest.raises(ValueError, match="told 1"):
        engine.append(b"x", 2)
    assert engine.append(b"x", 1) == 2


def test_homes_that_race_store_one_record_each_time(backend: Backend) -> None:
    if backend.is_exclusive:
        with pytest.raises(EngineError, match="in use"):
            backend.connect(), backend.connected()
        return
    engines = [backend.connect() for _ in range(4)]
    for engine in engines:
        assert engine.last() == 0
    results: list[object] = []
    barrier = threading.Barrier(4)

    def run(engine: Engine, name: bytes) -> None:
        barrier.wait()
        last = 0
        with contextlib.suppress(FencedError):
            for _ in range(20):
                last = engine.append(name, last)
                results.append((last, name))

    threads = [threading.Thread(target=run, args=(e, b"%d" % i)) for i, e in enumerate(engines)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 20
    assert sorted(results) == everything(engines[0])


# ---- answers that do not come ----


@pytest.mark.parametrize("fault", ["lost", "stored"])
def test_an_append_without_an_answer_is_stored_once(tmp_path, fault: str) -> None:
    backend = Memory(tmp_path)
    backend.start()
    engine = backend.connect()
    last = filled(engine, 2)
    backend.server.faults = [fault, fault, ""]
    assert engine.append(b"once", last) == 3
    backend.server.faults = [fault]
    with pytest.raises(EngineLostError):
        engine.append(b"given up", 3, timeout=0)
    with pytest.raises(ValueError, match="repeat it"):
        engine.append(b"another", 3)
    assert engine.append(b"given up", 3) == 4
    assert engine.append(b"after", 4) == 5
    assert [data for _, data in everything(engine, 2)] == [b"once", b"given up", b"after"]


def test_an_append_that_may_be_stored_is_not_refused_for_another_reason(tmp_path) -> None:
    backend = Memory(tmp_path)
    backend.start()
    engine = backend.connect()
    last = filled(engine, 2)
    backend.server.faults = ["stored"]
    with pytest.raises(EngineLostError):
        engine.append(b"once", last, timeout=0)
    backend.server.faults = ["full"]
    with pytest.raises(EngineLostError, match="record 3 may have been stored before"):
        engine.append(b"once", last, timeout=0)
    backend.server.faults = ["full", "full"]
    assert engine.append(b"once", last) == 3
    backend.server.faults = ["full"]
    with pytest.raises(EngineError, match="no room"):
        engine.append(b"refused", 3)
    assert engine.append(b"another", 3) == 4
    assert [data for _, data in everything(engine, 2)] == [b"once", b"another"]


def test_an_append_without_an_answer_is_found_on_servers_that_are_behind(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the next leader of three refuses, as it has it, a server beside it may not have yet."""
    engine = backend.connect()
    last = filled(engine, 2)
    append, record, calls = engine._append, engine._record, []

    def unanswered(stream: str, data: bytes, expected: int | None) -> int:
        monkeypatch.setattr(engine, "_append", append)
        append(stream, data, expected)
        raise EngineLostError("no answer")

    def late(number: int) -> bytes | None:
        calls.append(number)
        return None if len(calls) < 3 else record(number)

    monkeypatch.setattr(engine, "_append", unanswered)
    monkeypatch.setattr(engine, "_record", late)
    assert engine.append(b"x", last, timeout=60) == 3
    assert len(calls) >= 3
    assert engine.append(b"y", 3) == 4
    assert [data for _, data in everything(engine, 2)] == [b"x", b"y"]


def test_a_reader_whose_server_is_behind_gets_what_the_leader_has(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not isinstance(backend, Cluster):
        return
    engine = backend.connect()
    filled(engine, 3)
    ask, calls = engine._next, []

    def late(*arguments) -> list[Record]:
        calls.append(arguments)
        return ask(*arguments) if len(calls) > 3 else []

    monkeypatch.setattr(engine, "_next", late)
    assert engine.read(1)[0] == (2, b"record 1")
    assert len(calls) > 3
    engine.trim(3)
    assert engine.read(3) == []


@pytest.mark.parametrize("is_stored", [False, True])
def test_an_append_that_ctrl_c_interrupts_is_stored_once(
    backend: Backend, is_stored: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = backend.connect()
    last = filled(engine, 2)
    append = engine._append

    def interrupted(stream: str, data: bytes, expected: int | None) -> int:
        if is_stored:
            append(stream, data, expected)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(engine, "_append", interrupted)
        with pytest.raises(KeyboardInterrupt):
            engine.append(b"x", last)
    with pytest.raises(ValueError, match="repeat it"):
        engine.append(b"y", last)
    assert engine.append(b"x", last) == 3
    assert engine.append(b"y", 3) == 4
    assert [data for _, data in everything(engine, 2)] == [b"x", b"y"]


def test_a_successor_with_the_same_bytes_is_not_taken_for_ones_own_append(tmp_path) -> None:
    backend = Memory(tmp_path)
    backend.start()
    old, new = backend.connect(), backend.connect()
    assert old.last() == new.last() == 0
    backend.server.faults = ["lost"]
    with pytest.raises(EngineLostError):
        old.append(b"the same", 0, timeout=0)
    assert new.append(b"the same", 0) == 1
    with pytest.raises(FencedError):
        old.append(b"the same", 0)
    assert everything(new) == [(1, b"the same")]


def test_a_server_that_was_stopped_has_stored_once_or_not_at_all(backend: Backend) -> None:
    if not backend.can_stop:
        return
    engine = backend.connect()
    last = filled(engine, 2)
    backend.stop()
    with pytest.raises(EngineLostError):
        engine.append(b"unknown", last, timeout=0.1)
    backend.wake()
    assert engine.append(b"unknown", last, timeout=60) == 3
    assert engine.append(b"after", 3, timeout=60) == 4
    assert [data for _, data in everything(backend.connect(), 2)] == [b"unknown", b"after"]


def test_an_old_home_whose_server_was_stopped_does_not_come_back(backend: Backend) -> None:
    if not backend.can_stop:
        return
    old, new = backend.connect(), backend.connect()
    assert old.last() == new.last() == 0
    backend.stop()
    with pytest.raises(EngineLostError):
        old.append(b"old", 0, timeout=0.1)
    backend.wake()
    try:
        new.append(b"new", 0, timeout=60)
        winner = b"new"
    except FencedError:
        winner = b"old"  # it was stored after all, before the successor's
    if winner == b"new":
        with pytest.raises(FencedError):
            old.append(b"old", 0, timeout=60)
    else:
        assert old.append(b"old", 0, timeout=60) == 1
    assert everything(backend.connect()) == [(1, winner)]


# ---- lease, queue, blobs ----


def test_the_lease_has_one_holder_until_it_is_given_up_or_over(backend: Backend) -> None:
    a = backend.connect()
    if backend.is_exclusive:  # the file's lock is the lease
        assert a.lease("a", 60)
        assert a.lease("a", 60)
        assert not a.lease("a", 0)
        assert backend.connect().lease("b", 60)
        return
    b = backend.connect()
    assert a.lease("a", 60)
    assert not b.lease("b", 60)
    assert not b.lease("b", 0)
    assert a.lease("a", 60)
    assert not b.lease("b", 60)
    assert not a.lease("a", 0)
    assert b.lease("b", 0.2)
    assert not a.lease("a", 60)  # from when a sees it
    until = time.monotonic() + 60
    while not a.lease("a", 60):
        assert time.monotonic() < until
        time.sleep(0.02)
    assert not b.lease("b", 60)


def test_a_lease_that_is_kept_does_not_end(backend: Backend) -> None:
    if backend.is_exclusive:
        return
    a, b = backend.connect(), backend.connect()
    assert a.lease("a", 5)
    for _ in range(30):
        assert not b.lease("b", 5)
        assert a.lease("a", 5)
        time.sleep(0.01)


def test_the_queue_keeps_order_and_repeated_messages_can_be_told(backend: Backend) -> None:
    engine = backend.connect()
    for i in range(1, 21):
        for _ in range(1 + i % 3):
            engine.send("left", i, b"L%d" % i)
        engine.send("right", i, b"R%d" % i)
    engine.send("left", 21, bytes(3 * PIECE))
    engine.send("left", 20, b"L20")
    home = backend.connect()
    place, places = 0, []
    next_number = {"left": 1, "right": 1}
    taken: list[tuple[str, int, bytes]] = []
    while messages := home.receive(place):
        for place, sender, number, data in messages:
            places.append(place)
            if number == next_number[sender]:
                next_number[sender] += 1
                taken.append((sender, number, data))
    assert places == sorted(set(places))
    assert [t for t in taken if t[0] == "right"] == [("right", i, b"R%d" % i) for i in range(1, 21)]
    left = [t for t in taken if t[0] == "left"]
    assert left == [("left", i, b"L%d" % i) for i in range(1, 21)] + [("left", 21, bytes(3 * PIECE))]
    middle = places[len(places) // 2]
    home.forget(middle)
    assert home.receive(0)[0].place == middle + 1
    home.forget(place)
    assert home.receive(0) == []
    assert home.blobs() == []
    home.send("left", 22, b"more")
    assert [m.data for m in received(home, place)] == [b"more"]


def test_what_a_stranger_puts_into_the_queue_holds_nobody_up(backend: Backend, caplog) -> None:
    engine = backend.connect()
    engine.set_blob("base/1", b"the state")
    engine.send("a", 1, b"before")
    head = struct.pack("<QH", 7, 1)
    for body in (
        b"",
        b"\0",
        b"\7" + head + b"s",
        b"\0" + head,
        b"\1" + head + b"snobody",
        b"\0" + head + b"\xff",
    ):
        engine._append("queue", body, None)
    engine._append("queue", b"\1" + head + b"sbase/1", None)
    engine.send("a", 2, b"behind")
    found = [m for m in received(engine) if m.sender == "a"]
    assert [(m.number, m.data) for m in found] == [(1, b"before"), (2, b"behind")]
    assert len([r for r in caplog.records if "left out" in r.getMessage()]) == 7
    assert received(engine, 1)[-1].data == b"behind"
    engine.forget(found[-1].place)
    assert engine.receive(0) == []
    assert engine.blob("base/1") == b"the state"


def test_the_queue_takes_no_part_in_the_log(backend: Backend) -> None:
    engine = backend.connect()
    last = filled(engine, 2)
    engine.send("a", 1, b"x")
    assert engine.append(b"next", last) == 3
    assert [d for _, d in everything(engine)] == [b"record 0", b"record 1", b"next"]


def test_blobs_of_all_sizes_come_back_whole(backend: Backend) -> None:
    engine = backend.connect()
    contents = {
        f"base/{size}": random.Random(size).randbytes(size)
        for size in (0, 1, PIECE - 1, PIECE, PIECE + 1, 4 << 20)
    }
    for name, data in contents.items():
        engine.set_blob(name, data)
    other = backend.connect()
    assert other.blobs("base/") == sorted(contents)
    assert other.blobs("record/") == []
    for name, data in contents.items():
        assert other.blob(name) == data
    assert other.blob("base") is None
    other.set_blob("base/0", None)
    other.set_blob("base/0", None)
    other.set_blob(f"base/{4 << 20}", None)
    assert other.blob("base/0") is None
    assert other.blobs("base/") == sorted(set(contents) - {"base/0", f"base/{4 << 20}"})
    assert other._keys(f"piece/base/{4 << 20}") == []


def test_no_piece_is_larger_than_it_may_be_and_a_damaged_one_is_found(backend: Backend) -> None:
    engine = backend.connect()
    engine.set_blob("b/1", random.Random(1).randbytes(2 * PIECE + 5))
    pieces = engine._keys("piece/b/1/")
    assert len(pieces) == 3
    stored = [engine._get(key) for key in pieces]
    assert max(len(piece[1]) for piece in stored if piece) == PIECE
    engine._set(pieces[0], b"something else", None)
    with pytest.raises(CorruptDataError, match="damaged"):
        engine.blob("b/1")
    engine._delete(pieces[1])
    with pytest.raises(CorruptDataError):
        engine.blob("b/1")


def test_a_blob_that_is_half_there_is_not_there(backend: Backend) -> None:
    engine = backend.connect()
    engine._set("piece/base/7/0", bytes(PIECE), None)  # its writer died here
    assert engine.blob("base/7") is None
    assert engine.blobs("base/") == ["base/7"]
    engine.set_blob("base/7", None)
    assert engine.blobs("base/") == []


# ---- kills ----


def test_what_was_acknowledged_is_there_after_kills_of_the_server(backend: Backend) -> None:
    if isinstance(backend, (Journal, LazyPostgres)):
        return  # the journal's server is its process (see test_journal.py); the other one does lose, and says so
    engine = backend.connect()
    acknowledged: dict[int, bytes] = {}
    last, ending = engine.last(), threading.Event()

    raised: list[BaseException] = []

    def append() -> None:
        nonlocal last
        i = 0
        try:
            while not ending.is_set():
                data = b"%d " % i + os.urandom(20)
                last = engine.append(data, last, timeout=60)
                acknowledged[last] = data
                i += 1
        except BaseException as error:
            raised.append(error)

    writer = threading.Thread(target=append)
    writer.start()
    try:
        chance = random.Random(7)
        for _ in range(4):
            before, until = len(acknowledged), time.monotonic() + 60
            while len(acknowledged) < before + 5 and writer.is_alive():
                assert time.monotonic() < until
                time.sleep(0.01)
            time.sleep(chance.random() / 20)
            backend.kill()
            backend.start()
    finally:
        ending.set()
        writer.join()
    assert raised == []
    until = time.monotonic() + 60
    while True:
        try:
            found = dict(everything(backend.connect()))
            break
        except EngineLostError:  # they have not found their next leader yet
            assert time.monotonic() < until
    assert found == acknowledged
    assert engine.append(b"goes on", last, timeout=60) == last + 1


def test_an_engine_that_has_lost_what_it_acknowledged_fences_its_home(tmp_path) -> None:
    backend = Memory(tmp_path)
    backend.start()
    engine = backend.connect()
    last = filled(engine, 5)
    del backend.server.records["log"][3:]
    for _ in range(2):
        with pytest.raises(FencedError, match="ends with record 3: record 5 is of a future that was lost"):
            engine.append(b"x", last)
    assert len(everything(engine)) == 3


def test_one_answer_of_a_server_that_is_behind_the_others_fences_nobody(tmp_path) -> None:
    backend = Memory(tmp_path)
    backend.start()
    engine = backend.connect()
    engine.lag = 1000
    last = filled(engine, 5)
    records = backend.server.records["log"]
    backend.server.records["log"] = records[:3]
    with pytest.raises(EngineLostError, match="ends with record 3.* or the server"):
        engine.append(b"x", last, timeout=0)
    backend.server.records["log"] = records
    assert engine.append(b"x", last) == 6
    backend.server.records["log"] = records[:3]
    with pytest.raises(EngineLostError):
        engine.append(b"y", 6, timeout=0)
    engine.lag = 0.2
    with pytest.raises(FencedError, match="ends with record 3"):  # it stays so
        engine.append(b"y", 6)


# ---- what is promised ----


def test_an_engine_says_whether_it_flushes(backend: Backend) -> None:
    why = backend.connect().not_durable
    expected = {
        Memory: "memory",
        Cluster: "not known",
        LazyNats: "sync_interval",
        LazyPostgres: "synchronous_commit",
    }
    if type(backend) in expected:
        assert expected[type(backend)] in why
    else:
        assert why == ""


def test_a_closed_engine_says_so(backend: Backend) -> None:
    engine = backend.connect()
    last = engine.last()
    engine.close()
    engine.close()
    with pytest.raises(EngineLostError, match="closed"):
        engine.last()
    with pytest.raises(EngineLostError, match="closed"):
        engine.append(b"x", last)
    with pytest.raises(EngineLostError, match="closed"):
        engine.read(0)
    with pytest.raises(EngineLostError, match="closed"):
        engine.send("a", 1, b"")
