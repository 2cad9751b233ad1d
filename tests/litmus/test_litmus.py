"""Sets of allowed outcomes of small concurrent programs, run many thousand times by threads and by processes.

An outcome is what each party left and what the memory said afterwards; programs.pyx says what the parties do.
"""

import ast
import mmap
import os
import random
import signal
import struct
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

BATCHES = int(os.environ.get("LITMUS_BATCHES", "100"))  # of 256 iterations each
Outcome = tuple[int, ...]

FULL, CLOSED = -1, -2

# Per program: the outcomes that are allowed, each party's number and then the final one.
ALLOWED: dict[str, set[Outcome]] = {
    # learned and the flag: who learned of the return sees the raised flag.
    "returned_call": {(0, 0, 0), (0, 7, 0), (0, 17, 0)},
    # not both calls miss the other's flag (store buffering is what the seq_cst fence forbids).
    "crossed_calls": {(0, 1, 0), (1, 0, 0), (1, 1, 0)},
    # the highest stays, and no reader sees a flag fall.
    "highest": {(0, 0, 0, 10 * a + b, 3) for a in range(4) for b in range(a, 4)},
    "commit_shows": {(0, 0, 0), (0, 15, 0)},
    "fences_show": {(0, 0, 0), (0, 15, 0)},
    # the condition seen by the sleeper; 1: its sleep would not end. Never both false and endless.
    "sleeper_and_waker": {(0, 0, 0), (1, 0, 0), (1, 0, 1)},
    "sleeper_and_two_wakers": {(0, 0, 0, 0), (1, 0, 0, 0), (2, 0, 0, 0), (2, 0, 0, 1)},
    # not woken in time, or with what the waker wrote before.
    "woken": {(0, 0, 0), (5, 0, 0)},
    "unconditional_wake": {(0, 0, 0), (1, 0, 0), (1, 0, 1)},
    # claims are side by side, in either order.
    "two_claims": {(0, 2, 5), (3, 0, 5)},
    "three_claims": {(a, b, 3 - a - b, 3) for a in range(3) for b in range(3) if a != b},
    "last_place": {(5, FULL, 7), (FULL, 5, 7)},
    # the first pads the rest and begins anew; then there is no room for a second.
    "wrapped_claims": {(8, FULL, 11), (FULL, 8, 11)},
    # a claim comes before the end and is drained, or finds it; never neither.
    "claim_and_close": {(0, 1, 2), (CLOSED, 1, 0)},
    "two_closes": {(0, 1, 0), (1, 0, 0)},
    # free, claimed, or committed with the whole body (3), its size (2) and its owner (3).
    "body_of_a_commit": {(0, 0, 0), (0, 1, 0), (0, 3232, 0)},
    # exactly one wins, and the state is the winner's.
    "commit_against_pad": {(1, 0, 2), (0, 1, 3)},
    # the reader's body is never overwritten by the next lap.
    "free_against_claim": {(1, FULL, 0), (1, 8, 0)},
    "freed_in_two_parts": {(1, FULL, 0), (1, 8, 0)},
    # not given up yet, or freed and claimed again; the abort succeeds.
    "aborted": {(1, 0, 0), (1, 8, 0)},
    # any subset of what was sent has been consumed, in order, each with its own body.
    "kept_full": {(0, 0, 0, seen, 3) for seen in range(8)},
    # C and the value at it: at C = 0 a reader may be overtaken by the second publication (9), never see its value.
    "one_publication": {(0, 1, 0), (0, 12, 0)},
    "two_publications": {(0, 1, 0), (0, 9, 0), (0, 12, 0), (0, 23, 0)},
    # both values are of one commit, or the reader knows that it was overtaken.
    "one_commit_shows_both": {(0, 100 * c + both, 0) for c, both in enumerate((11, 22, 33))}
    | {(0, lost, 0) for lost in (19, 91, 99)},
    # a block that is written anew is never taken for what it was.
    "reused_block": {(0, 1, 0), (0, 9, 0), (0, 12, 0), (0, 23, 0)},
    # what a version refers to is as new as its tag.
    "block_of_a_version": {(0, 1, 0), (0, 2, 0)},
    # whoever reads the new owner has not taken the old value.
    "given_away": {(0, 0, 0), (0, 1, 0), (0, 20, 0)},
    "records_in_order": {(0, 0, 0), (0, 1, 0), (0, 12, 0)},
    # none is put over a record that has not been taken.
    "records_reused": {(puts, 12, 0) for puts in range(3)},
    # committed means that the response is there.
    "response_before_commit": {(0, 0, 0), (0, 1, 0), (0, 11, 0)},
}


def by_threads(party: Callable[[int], None], count: int) -> None:
    threads = [threading.Thread(target=party, args=(who,)) for who in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def forked(party: Callable[[int], None], who: int) -> int:
    child = os.fork()
    if child == 0:
        party(who)
        os._exit(0)
    return child


def by_processes(party: Callable[[int], None], count: int) -> None:
    children = [forked(party, who) for who in range(1, count)]
    party(0)
    for child in children:
        assert os.waitpid(child, 0)[1] == 0


def by_stopped_processes(party: Callable[[int], None], count: int) -> None:
    """Each party is stopped again and again, wherever it is, for a random part of a millisecond."""
    chance = random.Random(4)
    running = {forked(party, who) for who in range(count)}
    while running:
        child = chance.choice(sorted(running))
        os.kill(child, signal.SIGSTOP)
        time.sleep(chance.random() / 2000)
        os.kill(child, signal.SIGCONT)
        time.sleep(chance.random() / 4000)
        done, status = os.waitpid(child, os.WNOHANG)
        assert status == 0
        running.discard(done)


Way = Callable[[Callable[[int], None], int], None]


def outcomes(programs: ModuleType, name: str, by: Way, batches: int = 200) -> Counter[Outcome]:
    parties = programs.parties(name)
    memory = mmap.mmap(-1, programs.memory_bytes(batches))
    by(lambda who: programs.run(name, who, batches, memory), parties)
    numbers = struct.iter_unpack("5q", memory[programs.OUTCOMES :])
    return Counter((*row[:parties], row[4]) for row in numbers)


@pytest.mark.parametrize("by", [by_threads, by_processes, by_stopped_processes])
@pytest.mark.parametrize("name", ALLOWED)
def test_only_allowed_outcomes_are_seen(programs: ModuleType, name: str, by: Way) -> None:
    seen = outcomes(programs, name, by, BATCHES)
    assert seen.total() == BATCHES * 256
    assert not forbidden(name, seen), f"all: {dict(seen)}"


def forbidden(name: str, seen: Counter[Outcome]) -> dict[Outcome, int]:
    return {outcome: count for outcome, count in seen.items() if outcome not in ALLOWED[name]}


@pytest.mark.testpoints
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", ALLOWED)
def test_only_allowed_outcomes_are_seen_under_delays(
    programs: ModuleType, name: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Processes with short random pauses after what the algorithms do: between any two of their steps."""
    monkeypatch.setenv("SHARE_TESTPOINT", f"*:noise:{seed}")
    seen = outcomes(programs, name, by_processes, 40)
    assert not forbidden(name, seen), f"all: {dict(seen)}"


@pytest.mark.testpoints
def test_delays_reach_the_windows(programs: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the check of generations switched off the delays show what it is for."""
    monkeypatch.setenv("SHARE_TESTPOINT", "*:noise:1")
    monkeypatch.setenv("SHARE_BREAK", "generation")
    assert any(
        forbidden("reused_block", outcomes(programs, "reused_block", by_processes)) for _ in range(300)
    )


@pytest.mark.parametrize("name", ["crossed_calls", "sleeper_and_waker", "two_claims", "commit_against_pad"])
def test_the_programs_do_race(programs: ModuleType, name: str) -> None:
    """Each allowed outcome is met in the end; else the test above would show nothing."""
    seen: set[Outcome] = set()
    for _ in range(300):
        seen |= outcomes(programs, name, by_threads).keys()
        if seen == ALLOWED[name]:
            return
    raise AssertionError(f"never met: {ALLOWED[name] - seen}")


# ---- under ThreadSanitizer -------------------------------------------------------------------------------------------

RACE = 66  # exit status


def raced(programs: ModuleType, name: str, dropped: str = "") -> tuple[bool, str]:
    """Whether ThreadSanitizer has reported something in that program run by threads; and all that was said."""
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("racers.py"), Path(str(programs.__file__)).parent, name, "40"],
        env={**os.environ, "TSAN_OPTIONS": f"exitcode={RACE}", "SHARE_DROP": dropped},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode in (0, RACE), done.stderr
    assert ast.literal_eval(done.stdout).keys() <= ALLOWED[name], done.stdout
    return done.returncode == RACE, done.stderr


@pytest.mark.tsan
@pytest.mark.parametrize("name", ALLOWED)
def test_no_race_is_reported(programs: ModuleType, name: str) -> None:
    reported, text = raced(programs, name)
    assert not reported, text


@pytest.mark.tsan
@pytest.mark.parametrize(
    ("name", "dropped"),
    [
        ("commit_shows", "store_rel@commit_shows"),
        ("commit_shows", "load_acq@commit_shows"),
        ("fences_show", "fence_rel@fences_show"),
        ("fences_show", "fence_acq@fences_show"),
        ("woken", "cas32@wake"),
        ("woken", "load32_acq@woken"),
        ("body_of_a_commit", "cas@mpsc_commit"),
        ("body_of_a_commit", "load_acq@mpsc_peek"),
        ("free_against_claim", "store_rel@mpsc_free"),
        # The stamps of what is claimed and head say the same of one cell, so all have to go.
        ("free_against_claim", "load_acq@mpsc_try_claim,cas@mpsc_try_claim,load_acq@room_for"),
        ("freed_in_two_parts", "load_acq@room_for"),
        ("aborted", "cas@mpsc_abort"),
        ("kept_full", "cas@mpsc_commit"),
        ("records_in_order", "store_rel@spsc_commit"),
        ("records_in_order", "load_acq@spsc_peek"),
        ("records_reused", "store_rel@spsc_take"),
        ("records_reused", "load_acq@spsc_try_claim"),
        # The fence orders more than a fence here: also the block behind the next publication.
        ("block_of_a_version", "store_rel@slot_publish,fence_rel@slot_begin"),
        ("block_of_a_version", "load_acq@slot_find,fence_rel@slot_begin"),
    ],
)
def test_a_missing_order_is_reported(programs: ModuleType, name: str, dropped: str) -> None:
    """Each order that something not atomic depends on; else the test above would show nothing."""
    for _ in range(100):  # a program may run one party after the other, and happen to be right
        if raced(programs, name, dropped)[0]:
            return
    raise AssertionError("never reported")
