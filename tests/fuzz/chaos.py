"""Random programs against a model while everything goes wrong: ``python tests/fuzz/chaos.py MINUTES [SEED]``.

Workers change containers and objects of their own in one share, and plain twins of them; results, exceptions and state
have to be the same. They call, with futures and with time-outs that are too short, and delete and make names. Meanwhile
workers and the coordinator are killed and stopped, and in every other round /dev/shm is full now and then (in a mount
namespace, where that is allowed). What a killed worker had done is in memory that outlives it: the state that it leaves
is that after all of its operations that had returned, or one more.
"""

import contextlib
import copy
import logging
import mmap
import os
import random
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from share import Share, ShareMemoryError, ShareTimeoutError, plain
from share.testing._ledger import fork, left_of

WORKERS = 3
ROUND = 8.0  # seconds
MOST = 50_000  # operations of a worker
APPLIED, REFUSED, APPLIED_ALL_THE_SAME = (
    1,
    2,
    3,
)  # the latter: it raised ShareMemoryError, or ShareTimeoutError
ALONE = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o size=64m tmpfs /dev/shm && exec "$@"', "sh"]
KINDS = ("list", "dict", "set", "box")


class Box:
    """An object with methods of every kind."""

    def __init__(self) -> None:
        self.items: list[Any] = list(range(150))
        self.n = 0

    def add(self, value: Any) -> None:
        self.items.append(value)
        self.n += 1

    def take(self) -> Any:
        self.n -= 1
        return self.items.pop()

    def swap(self, i: int, value: Any) -> Any:
        self.items[i], value = value, self.items[i]
        return value

    def total(self) -> int:
        return self.n + len(self.items)


class Diary:
    """What a worker has begun and done, and with which outcome; in memory that outlives it."""

    def __init__(self) -> None:
        self.memory = mmap.mmap(-1, 16 + MOST)

    @property
    def begun(self) -> int:
        return int(struct.unpack_from("q", self.memory, 0)[0])

    @property
    def done(self) -> int:
        return int(struct.unpack_from("q", self.memory, 8)[0])

    def begin(self, number: int) -> None:
        struct.pack_into("q", self.memory, 0, number + 1)

    def end(self, number: int, outcome: int) -> None:
        self.memory[16 + number] = outcome
        struct.pack_into("q", self.memory, 8, number + 1)


def value(dice: random.Random) -> Any:
    size = dice.choice((3, 3, 3, 30, 700, 5000)) if dice.random() < 0.95 else 200_000
    return dice.choice((dice.randrange(9), None, "s" * size, [1, [dice.randrange(9)]], {"k": bytes(size)}))


def operation(dice: random.Random, twins: dict[str, Any]) -> tuple[str, Any, str, tuple[Any, ...]]:
    """(name, key of the part or None, method, arguments); the same for the same dice and twins."""
    missing = [kind for kind in KINDS if kind not in twins]
    if missing or dice.random() < 0.005:
        kind = missing[0] if missing else dice.choice(KINDS)
        long = dice.random() < 0.5
        start = {
            "list": list(range(200 * long)),
            "dict": {i: [i] for i in range(200 * long)},
            "set": set(range(200 * long)),
            "box": Box(),
        }[kind]
        return kind, None, "=", (start,)
    kind = dice.choice(KINDS)
    if dice.random() < 0.005:
        return kind, None, "del", ()
    twin, n = twins[kind], dice.randrange(-3, 6)
    if kind == "list":
        parts = [i for i in range(min(len(twin), 20)) if isinstance(twin[i], list)]
        calls: list[tuple[str, tuple[Any, ...]]] = [
            ("append", (value(dice),)), ("append", (value(dice),)), ("insert", (n, value(dice))), ("pop", ()),
            ("pop", (n,)), ("__setitem__", (n, value(dice))), ("__delitem__", (n,)), ("reverse", ()),
            ("extend", ([n, value(dice)],)), ("count", (n,)), ("__delitem__", (slice(50, None),)),
        ]  # fmt: skip
    elif kind == "dict":
        parts = [key for key in list(twin)[:20] if isinstance(twin[key], list)]
        calls = [
            ("__setitem__", (n, value(dice))), ("__setitem__", (f"k{n}", [n])), ("pop", (n,)), ("pop", (n, None)),
            ("setdefault", (n, [n])), ("__delitem__", (n,)), ("update", ({n: value(dice)},)), ("get", (n,)),
            ("popitem", ()),
        ]  # fmt: skip
    elif kind == "set":
        parts = []
        calls = [
            ("add", (n,)),
            ("add", (f"s{n}",)),
            ("discard", (n,)),
            ("remove", (n,)),
            ("update", ({n, -n},)),
        ]
    else:
        parts = []
        calls = [("add", (value(dice),)), ("take", ()), ("swap", (n, value(dice))), ("total", ())]
    if parts and dice.random() < 0.3:
        return kind, dice.choice(parts), *dice.choice((("append", (n,)), ("pop", ()), ("__len__", ())))
    return kind, None, *dice.choice(calls)


def apply(twins: dict[str, Any], name: str, part: Any, method: str, args: tuple[Any, ...]) -> Any:
    """Does an operation to the twins; its result, or the exception itself."""
    args = copy.deepcopy(args)
    if method == "=":
        twins[name] = args[0]
        return None
    if method == "del":
        del twins[name]
        return None
    target = twins[name] if part is None else twins[name][part]
    try:
        return getattr(target, method)(*args)
    except (LookupError, TypeError, ValueError) as error:
        return error


def state(found: Any) -> Any:
    """What can be compared."""
    found = plain(found)
    return (type(found), found.items, found.n) if isinstance(found, Box) else (type(found), found)


class Worker:
    """A process that works until it is killed or told to stop."""

    def __init__(self, shared: Share, lane: int, seed: int) -> None:
        self.shared, self.lane, self.seed, self.diary = shared, lane, seed, Diary()
        self.pid = fork(self.work)

    def name(self, kind: str) -> str:
        return f"{kind}{self.lane}"

    def work(self) -> None:
        """What the child does."""
        signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
        stopped: list[bool] = []
        dice, twins, wait = random.Random(self.seed), {}, self.shared.waiting  # type: ignore[var-annotated]
        self.ways = random.Random(self.seed + 1)
        for number in range(MOST):
            if stopped:
                break
            name, part, method, args = operation(dice, twins)
            before = copy.deepcopy(twins.get(name))
            expected = apply(twins, name, part, method, args)
            self.diary.begin(number)
            outcome = APPLIED
            try:
                with wait() if isinstance(expected, Exception) else contextlib.nullcontext():
                    found = self.call(name, part, method, args, not isinstance(expected, Exception))
            except (ShareMemoryError, ShareTimeoutError) as error:
                if isinstance(error, ShareTimeoutError):
                    with contextlib.suppress(ShareMemoryError):
                        self.shared.flush()
                found, outcome = expected, APPLIED_ALL_THE_SAME
                if self.looks(name) == (None if before is None else state(before)):
                    outcome = REFUSED
                    twins[name] = before
                    if before is None:
                        del twins[name]
            except Exception as error:
                found = error
            self.diary.end(number, outcome)
            if isinstance(expected, Exception) or isinstance(found, Exception):
                same = type(found) is type(expected)
            else:
                same = found is None or plain(found) == expected
            assert same, f"{name} {method}{args!r:.200}: {found!r:.200} instead of {expected!r:.200}"
            if name in twins and number % 20 == 0:
                assert self.looks(name) == state(twins[name]), f"{name} after {method}{args!r:.200}"
        self.shared.flush()

    def call(self, name: str, part: Any, method: str, args: tuple[Any, ...], hasty: bool) -> Any:
        """Does it in any way there is; only if it is `hasty` with a time-out that may be too short."""
        if method == "=":
            self.shared[self.name(name)] = args[0]
            return None
        if method == "del":
            del self.shared[self.name(name)]
            return None
        target = self.shared[self.name(name)]
        function = getattr(target if part is None else target[part], method)
        way = self.ways.random()
        if way < 0.1 and hasattr(function, "submit"):
            return function.submit(*args).result(60)
        if way < 0.2 and hasattr(function, "call"):
            return function.call(*args, timeout=self.ways.choice((0, 0.0002, 0.002)) if hasty else 60)
        return function(*args)

    def looks(self, kind: str) -> Any:
        """What is there, read in any way that needs no memory; None if there is nothing."""
        end = time.monotonic() + 60
        while True:
            try:
                found = getattr(self.shared, self.name(kind), None)
                return None if found is None else state(found)
            except ShareMemoryError:
                assert time.monotonic() < end, "no memory for a minute"
                time.sleep(0.01)

    @staticmethod
    def looks_of(twins: dict[str, Any]) -> dict[str, Any]:
        twins = copy.deepcopy(twins)
        return {kind: state(twins[kind]) if kind in twins else None for kind in KINDS}

    def check(self) -> int:
        """Compares what it has left with what it must have left; how many operations it has done."""
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        assert status in (0, -signal.SIGKILL, -signal.SIGTERM), f"worker {self.seed} ended with {status}"
        self.shared.flush()
        dice, twins, diary = random.Random(self.seed), {}, self.diary  # type: ignore[var-annotated]
        for number in range(diary.done):
            step = operation(dice, twins)
            if diary.memory[16 + number] != REFUSED:
                apply(twins, *step)
        found = {kind: self.looks(kind) for kind in KINDS}
        allowed = [self.looks_of(twins)]
        if diary.begun > diary.done:
            apply(twins, *operation(dice, twins))
            allowed.append(self.looks_of(twins))
        if found not in allowed:
            wrong = {
                kind: (found[kind], *(state[kind] for state in allowed))
                for kind in KINDS
                if found[kind] != allowed[0][kind]
            }
            outcomes = list(diary.memory[16 : 16 + diary.done])
            raise AssertionError(
                f"worker {self.seed}: {diary.done} done with {outcomes}, {diary.begun} begun; found, expected: {wrong}"
            )
        for kind in KINDS:
            if found[kind] is not None:
                with self.shared.waiting():
                    del self.shared[self.name(kind)]
        return diary.done


def refill(dice: random.Random, hog: Any) -> None:
    """Leaves little room in /dev/shm, or much."""
    hog.truncate(0)
    if dice.random() < 0.5:
        folder = os.statvfs("/dev/shm")
        size = folder.f_bavail * folder.f_frsize - dice.choice((0, 4096, 1 << 16, 1 << 20))
        with contextlib.suppress(OSError):
            os.posix_fallocate(hog.fileno(), 0, max(1, size))


def one_round(seed: int, alone: bool) -> tuple[int, int, int]:
    """The life of one share: operations, workers killed, coordinators killed."""
    dice = random.Random(seed)
    short = alone and dice.random() < 0.5
    operations = killed = coordinators = 0
    end, progress = time.monotonic() + ROUND, time.monotonic()
    with contextlib.ExitStack() as stack:
        hog = stack.enter_context(open("/dev/shm/hog", "wb")) if short else None
        shared = Share(ring=dice.choice((64, 256, 4096)), **({"writes": "wait"} if short else {}))
        control: Any = shared.session_of().control
        workers = [Worker(shared, lane, dice.getrandbits(32)) for lane in range(WORKERS)]
        safe = done = 0
        while time.monotonic() < end:
            time.sleep(dice.random() * 0.05)
            if hog is not None and dice.random() < 0.3:
                refill(dice, hog)
            lane, kind = dice.randrange(WORKERS), dice.random()
            victim = workers[lane].pid if kind < 0.5 else control.coordinator_pid()
            if kind < 0.1:
                os.kill(victim, signal.SIGKILL)
                killed += 1
                if hog is not None:
                    hog.truncate(0)
                operations += workers[lane].check()
                workers[lane] = Worker(shared, lane, dice.getrandbits(32))
            elif victim and (kind < 0.2 or kind > 0.9):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(victim, signal.SIGSTOP)
                    time.sleep(dice.random() * 0.05)
                    os.kill(victim, signal.SIGCONT)
            elif victim and 0.5 < kind < 0.6 and control.position() > safe:
                # Two deaths during one command would be that command's fault.
                safe = control.tail() + 1
                with contextlib.suppress(ProcessLookupError):
                    os.kill(victim, signal.SIGKILL)
                    coordinators += 1
            now = sum(worker.diary.done for worker in workers)
            if now != done:
                done, progress = now, time.monotonic()
            assert time.monotonic() - progress < 60, "no progress for a minute"
        if hog is not None:
            hog.truncate(0)
        for worker in workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker.pid, signal.SIGTERM)
            operations += worker.check()
        unexpected = [
            str(failed) for failed in shared.errors if not isinstance(failed.error, ShareMemoryError)
        ]
        assert not unexpected, unexpected
        name = shared.session_of().name
        shared.close()
        assert not left_of(name), left_of(name)
    return operations, killed, coordinators


def rounds(seed: int) -> Iterator[int]:
    """The seeds of the rounds: the first is the run's, so that the one that failed can be run first."""
    while True:
        yield seed
        seed = random.Random(seed).getrandbits(32)


def main(minutes: float, seed: int) -> None:
    logging.getLogger("share").setLevel(logging.CRITICAL)
    alone = os.environ.get("CHAOS_ALONE") == "1"
    end, sums = time.monotonic() + 60 * minutes, [0, 0, 0]
    for number in rounds(seed):
        print(f"seed {number}", flush=True)
        sums = [sum(pair) for pair in zip(sums, one_round(number, alone), strict=True)]
        if time.monotonic() > end:
            break
    print("{} operations, {} workers and {} coordinators killed: as the model says".format(*sums))


if __name__ == "__main__":
    if "CHAOS_ALONE" not in os.environ:
        may = subprocess.run([*ALONE, "true"], capture_output=True).returncode == 0
        os.environ["CHAOS_ALONE"] = str(int(may))
        command = [*(ALONE if may else []), sys.executable, *sys.argv]
        os.execvp(command[0], command)
    main(float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else int(time.time()))
