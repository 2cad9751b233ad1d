"""Deaths from outside, without test points: these run in every build."""

import os
import signal
import statistics
import subprocess
import sys
import threading
import time

import pytest
from arena import processes_of, state_of, until
from victims import Fatal

from share import PoisonedCommandError, Share, ShareClosedError, ShareError
from share.maintenance import remove_dead, shares
from share.testing._ledger import Books, Ledger, Producer, Words, fork, left_of

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def status_of(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.slow
def test_kills_of_the_coordinator_under_full_load(record_property) -> None:
    kills = int(os.environ.get("CRASH_KILLS", "100"))
    stop = Words(1)
    recoveries = []
    with Share() as share:
        books = Books(share)

        def produce(who: int) -> None:
            producer = Producer(books, who, seed=who)
            while not stop[0]:
                producer.step()
            share.flush()

        children = [fork(lambda who=who: produce(who)) for who in range(1, 5)]
        control = share.session_of().control
        for _ in range(kills):
            until(control.coordinator_pid, "a coordinator")
            # Two deaths during one command are that command's fault, so let everything be done that was queued at
            # the last one.
            tail = control.tail()
            until(lambda tail=tail: control.position() > tail, "progress")
            os.kill(control.coordinator_pid(), signal.SIGKILL)
            start, at = time.perf_counter(), control.position()
            until(lambda at=at: control.position() > at + 10, "recovery")
            recoveries.append(time.perf_counter() - start)
            books.take_trail()
        stop[0] = 1
        assert [status_of(pid) for pid in children] == [0] * 4
        books.check(range(1, 5))
        assert {who: share.ledger.count(who) for who in range(1, 5)} == {
            who: books.done[who] for who in range(1, 5)
        }
        assert books.trail_seen == {who: books.trail_done[who] for who in range(1, 5)}
        assert not [error for error in share.errors if "scratch" not in error.command]
    median, longest = statistics.median(recoveries), max(recoveries)
    print(f"\n{kills} kills, recovery: median {median * 1e3:.0f} ms, longest {longest * 1e3:.0f} ms")
    record_property("recovery", (median, longest))


def killed_owner(with_coordinator: bool, clients: int = 4) -> None:
    ready, name = Words(clients + 1), Words(4)

    def own() -> None:
        share = Share()
        share.ledger = Ledger()
        share.flush()
        text = share.session_of().name.encode()
        name.memory[: len(text)] = text

        def use(who: int) -> None:
            share.ledger.ask(who, 1, 10)
            ready[who] = 1
            number = 1
            while True:
                number += 1
                try:
                    share.ledger.ask(who, number, 10)
                except ShareClosedError:
                    return

        children = [fork(lambda who=who: use(who)) for who in range(1, clients + 1)]
        text = " ".join(map(str, children)).encode()
        pids.memory[: len(text)] = text
        ready[0] = 1
        signal.pause()

    pids = Words(16)
    owner = fork(own)
    until(lambda: all(ready[i] for i in range(clients + 1)), "the clients")
    share_name = name.memory[:32].rstrip(b"\0").decode()
    children = list(map(int, pids.memory[:128].rstrip(b"\0").decode().split()))
    if with_coordinator:
        (coordinator,) = processes_of(share_name)
        os.kill(coordinator, signal.SIGKILL)
    os.kill(owner, signal.SIGKILL)
    os.waitpid(owner, 0)
    until(lambda: all(state_of(pid) in ("", "Z") for pid in children), "ShareClosedError in each client")
    until(lambda: not left_of(share_name), "a clean /dev/shm")
    until(lambda: not processes_of(share_name), "the coordinator's end")


def test_owner_killed_with_four_clients() -> None:
    killed_owner(with_coordinator=False)


def test_owner_and_coordinator_killed() -> None:
    killed_owner(with_coordinator=True)


def test_nobody_left_but_gc(alone_with_gc: None) -> None:
    code = (
        "import os, signal; from share import Share; s = Share(); s.x = 1; s.flush(); "
        "os.kill(s.health().coordinator, signal.SIGKILL); print(s.session_of().name, flush=True); "
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    name = done.stdout.strip()
    # Both have been killed; being dead takes them a moment.
    until(lambda: [info.state for info in shares() if info.segment == name] == ["dead"], "their deaths")
    with Share() as alive:
        alive.x = 1
        assert name in [info.segment for info in remove_dead()]
        assert alive.session_of().name in [info.segment for info in shares()]
        assert alive.x == 1
    assert not left_of(name)


def test_closing_after_the_coordinator_was_killed_executes_what_is_queued() -> None:
    share = Share()
    share.fatal = Fatal()
    share.flush()
    os.kill(share.health().coordinator, signal.SIGKILL)
    for _ in range(10):
        share.fatal.work("x")
    name = share.session_of().name
    share.close()
    assert not left_of(name)


def test_a_command_that_kills_its_coordinator_is_skipped() -> None:
    with Share() as share:
        share.fatal = Fatal()
        share.fatal.work("before")
        with pytest.raises(PoisonedCommandError):
            share.fatal.die_and_answer()
        assert (share.fatal.done, share.fatal.last) == (1, "before")
        for _ in range(20):
            share.fatal.work("around")
        share.fatal.die.send()
        for _ in range(20):
            share.fatal.work("after")
        with pytest.raises(PoisonedCommandError):
            share.flush()
        assert (share.fatal.done, share.fatal.last) == (41, "after")
        assert [type(error.error) for error in share.errors] == [PoisonedCommandError]


def test_containers_survive_with_their_logs() -> None:
    with Share() as share:
        share.items = []
        share.table = {}
        expected = []
        for round_ in range(6):
            for i in range(200):
                share.items.append((round_, i))
                share.table[f"{round_}.{i}"] = i
                expected.append((round_, i))
            if round_ % 2:
                assert len(share.items) == len(expected)
            os.kill(until(lambda: share.health().coordinator, "a coordinator"), signal.SIGKILL)
        share.flush()
        assert list(share.items) == expected
        assert dict(share.table) == {f"{r}.{i}": i for r, i in expected}


def test_a_slow_method_is_reported() -> None:
    with Share(slow_after=0.2) as share:
        share.fatal = Fatal()
        assert share.fatal.dawdle(1.0) == 7
        share.fatal.work("next")
        share.flush()
        (report,) = [error for error in share.errors if "dawdle" in error.command]
        assert "victims.py" in report.traceback


def test_a_stopped_coordinator_is_never_replaced() -> None:
    with Share() as share:
        share.fatal = Fatal()
        share.flush()
        pid = share.health().coordinator
        os.kill(pid, signal.SIGSTOP)
        until(lambda: state_of(pid) == "T", "the stop")
        with pytest.raises(TimeoutError):
            share.fatal.dawdle.call(0.0, timeout=1.5)
        os.kill(pid, signal.SIGCONT)
        share.flush()
        assert share.health().coordinator == pid


def test_forks_in_the_middle_of_load_from_threads() -> None:
    with Share() as share:
        share.fatal = Fatal()
        share.flush()
        stop = threading.Event()
        counts = [0] * 3

        def load(i: int) -> None:
            while not stop.is_set():
                share.fatal.work("thread")
                counts[i] += 1
                if counts[i] % 50 == 0:
                    assert share.fatal.dawdle(0.0) == 7

        threads = [threading.Thread(target=load, args=(i,)) for i in range(3)]
        for thread in threads:
            thread.start()

        def child(kind: int) -> None:
            for _ in range(20):
                share.fatal.work("child")
            assert share.fatal.dawdle(0.0) == 7
            if kind == 1:
                share.close()  # only detaches
            elif kind == 2:
                os._exit(0)

        children = [fork(lambda kind=i % 3: child(kind)) for i in range(12)]
        assert [status_of(pid) for pid in children] == [0] * 12
        stop.set()
        for thread in threads:
            thread.join()
        share.flush()
        assert share.fatal.done == sum(counts) + 12 * 20


def test_a_full_process_table_leaves_room_for_a_successor() -> None:
    with Share() as share:
        share.fatal = Fatal()
        share.flush()
        control = share.session_of().control
        while True:
            try:
                control.register()
            except ShareError as error:
                assert "at most" in str(error)
                break
        for number in range(1, 4):  # each death leaves an entry until the ring is idle
            os.kill(share.health().coordinator, signal.SIGKILL)
            share.fatal.work("queued")
            share.flush(timeout=60)
            assert share.fatal.done == number
