"""Sets of allowed outcomes of small concurrent programs, run many thousand times by threads and by processes.

An outcome is what each party left and what the memory said afterwards; programs.pyx says what the parties do.
"""

import mmap
import os
import struct
import threading
from collections import Counter
from collections.abc import Callable
from types import ModuleType

import pytest

BATCHES = 200  # of 256 iterations: some fifty thousand
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
    "commit_shows": {(0, 0, 0), (0, 5, 0), (0, 15, 0)},
    # the condition seen by the sleeper; 1: its sleep would not end. Never both false and endless.
    "sleeper_and_waker": {(0, 0, 0), (1, 0, 0), (1, 0, 1)},
    "sleeper_and_two_wakers": {(0, 0, 0, 0), (1, 0, 0, 0), (2, 0, 0, 0), (2, 0, 0, 1)},
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
    "records_in_order": {(0, 0, 0), (0, 1, 0), (0, 12, 0)},
    # committed means that the response is there.
    "response_before_commit": {(0, 0, 0), (0, 1, 0), (0, 11, 0)},
}


def by_threads(party: Callable[[int], None], count: int) -> None:
    threads = [threading.Thread(target=party, args=(who,)) for who in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def by_processes(party: Callable[[int], None], count: int) -> None:
    children = []
    for who in range(1, count):
        child = os.fork()
        if child == 0:
            party(who)
            os._exit(0)
        children.append(child)
    party(0)
    for child in children:
        assert os.waitpid(child, 0)[1] == 0


Way = Callable[[Callable[[int], None], int], None]


def outcomes(programs: ModuleType, name: str, by: Way) -> Counter[Outcome]:
    parties = programs.parties(name)
    memory = mmap.mmap(-1, programs.memory_bytes(BATCHES))
    by(lambda who: programs.run(name, who, BATCHES, memory), parties)
    numbers = struct.iter_unpack("5q", memory[programs.OUTCOMES :])
    return Counter((*row[:parties], row[4]) for row in numbers)


@pytest.mark.parametrize("by", [by_threads, by_processes])
@pytest.mark.parametrize("name", ALLOWED)
def test_only_allowed_outcomes_are_seen(programs: ModuleType, name: str, by: Way) -> None:
    seen = outcomes(programs, name, by)
    assert seen.total() == BATCHES * 256
    forbidden = {outcome: count for outcome, count in seen.items() if outcome not in ALLOWED[name]}
    assert not forbidden, f"forbidden: {forbidden}; all: {dict(seen)}"


@pytest.mark.parametrize("name", ["crossed_calls", "sleeper_and_waker", "two_claims", "commit_against_pad"])
def test_the_programs_do_race(programs: ModuleType, name: str) -> None:
    """Each allowed outcome is met in the end; else the test above would show nothing."""
    seen: set[Outcome] = set()
    for _ in range(300):
        seen |= outcomes(programs, name, by_threads).keys()
        if seen == ALLOWED[name]:
            return
    raise AssertionError(f"never met: {ALLOWED[name] - seen}")
