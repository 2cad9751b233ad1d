"""What is measured: each operation of ``share`` beside the same operation of what one could use instead.

Every measurement is a :class:`Case`. ``python -m bench`` prints all of them as one table, ``bench/test_speed.py``
gives them to pytest-benchmark and ``bench/test_limits.py`` fails if a ratio is far beyond its target.
"""

import contextlib
import ctypes
import importlib
import multiprocessing
import os
import pickle
import sys
import timeit
from collections import Counter as Counter_
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.managers import BaseManager, SyncManager
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import Any

import numpy
from bench.peers import dictionaries, queues, ray_actor, redis_client, suitkaise_share

from share import Share, shareable
from share.cerial import dumps, loads

fork = multiprocessing.get_context("fork")
TEXT = "a short text"
KILOBYTE = "x" * 1024
ROW = {"id": 17, "name": "Ada", "tags": ["a", "b"], "score": 1.5}
ROWS = [{**ROW, "id": number, "tags": ["a", "b"]} for number in range(1000)]
MEGABYTE = b"x" * (1 << 20)


@shareable
class Counter:
    def __init__(self) -> None:
        self.n = 0
        self.text = TEXT
        self.kilobyte = KILOBYTE

    def increment(self) -> None:
        self.n += 1

    def add(self, k: int) -> int:
        self.n += k
        return self.n

    def get(self) -> int:
        return self.n

    def take(self, data: bytes) -> None:
        self.n += len(data)

    def give(self, size: int) -> bytes:
        self.n += 1
        return bytes(size)


class Managed(BaseManager):
    pass


Managed.register("Counter", Counter)


@dataclass(frozen=True)
class Case:
    """One operation: a statement that is run n times, or once if it says ``{n}`` itself.

    Names in it are those of :func:`setting`. ``before`` is run first and not measured. The step of the loop around
    the statement (some 5 ns) counts as part of it, as ``timeit`` has it.
    """

    group: str
    name: str
    n: int
    code: str
    before: str = "pass"
    needs: str = ""  # a name of the setting that is there only where that peer is installed
    rounds: int = 1000  # at most so many, where one takes long

    def __str__(self) -> str:
        return f"{self.group} - {self.name}"

    def prepare(self, names: dict[str, Any]) -> None:
        exec(self.before, names)

    def run(self, names: dict[str, Any]) -> float:
        """The seconds that n operations took."""
        once = "{n}" in self.code
        return timeit.Timer(self.code.replace("{n}", str(self.n)), globals=names).timeit(
            1 if once else self.n
        )


READ = "read an int attribute"
SHORT = "read a short str attribute"
LONG = "read a 1 KB str attribute"
METHOD = "read-only method"
QUEUED = "queued call, the caller's cost"
ONE = "calls end to end, 1 process"
FOUR = "calls end to end, 4 processes"
RESULT = "call with a result"
ARGUMENT = "arguments of 1 MB, from sending to having been used"
ANSWER = "call with a result of 8 KB"
LARGE_ANSWER = "call with a result of 1 MB"
WRITE = "write, then read it back"
ENTRY = "read an entry of a dict"
SET_ENTRY = "set an entry of a dict, and read it back"
SNAPSHOT = "snapshot of an object and a dict"
ENCODE, DECODE = "encode a small dict", "decode a small dict"
ENCODE_MANY, DECODE_MANY = "encode 1,000 small dicts", "decode 1,000 small dicts"
WORDS = "count the words of the standard library"

# Those of a group one after the other, share first.
CASES = [
    Case(READ, "share", 2_000, "shared_counter.n"),
    Case(READ, "plain attribute", 2_000, "plain.n"),
    Case(READ, "RawValue", 2_000, "raw.value"),
    Case(READ, "shared_memory, numpy", 2_000, "numbers[0]"),
    Case(READ, "suitkaise", 50, "suit.n", needs="suit"),
    Case(READ, "Manager Namespace", 50, "namespace.n"),
    Case(READ, "Redis GET", 50, "int(redis.get('n'))", needs="redis"),
    Case(SHORT, "share", 2_000, "shared_counter.text"),
    Case(SHORT, "plain attribute", 2_000, "plain.text"),
    Case(SHORT, "RawArray", 2_000, "letters.value.decode()"),
    Case(SHORT, "Manager Namespace", 50, "namespace.text"),
    Case(LONG, "share", 2_000, "shared_counter.kilobyte"),
    Case(LONG, "plain attribute", 2_000, "plain.kilobyte"),
    Case(LONG, "Manager Namespace", 50, "namespace.kilobyte"),
    Case(METHOD, "share", 1_000, "shared_counter.get()"),
    Case(METHOD, "plain call", 1_000, "plain.get()"),
    Case(METHOD, "BaseManager", 50, "managed_counter.get()"),
    Case(QUEUED, "share", 4_000, "shared_counter.increment()", "shared.flush()"),
    Case(QUEUED, "mp.Queue.put", 4_000, "queue.put((1, 'increment', ()))", "drain_queue()"),
    Case(QUEUED, "SimpleQueue.put", 1_000, "simple_queue.put((1, 'increment', ()))", "simple_queue.drain()"),
    Case(QUEUED, "Pipe, send", 1_000, "pipe.put((1, 'increment', ()))", "pipe.drain()"),
    Case(QUEUED, "faster-fifo", 1_000, "faster_fifo.put((1, 'increment', ()))", "faster_fifo.drain()",
         needs="faster_fifo"),
    Case(QUEUED, "cloudtoid-interprocess, pickled", 1_000, "cloudtoid.put((1, 'increment', ()))", "cloudtoid.drain()",
         needs="cloudtoid"),
    Case(QUEUED, "Ray", 50, "ray.increment.remote()", "ray_get(ray.get.remote())", needs="ray", rounds=5),
    Case(ONE, "share", 20_000, "call_and_read(shared_counter, {n})", "shared.flush()"),
    Case(ONE, "BaseManager", 200, "call_and_read(managed_counter, {n})"),
    Case(ONE, "suitkaise", 10, "call_and_read(suit.counter, {n})", needs="suit", rounds=11),
    Case(ONE, "Ray", 50, "ray_call_and_read(ray, {n})", needs="ray", rounds=5),
    Case(ONE, "Redis INCR", 200, "incr_and_read(redis, {n})", needs="redis"),
    Case(ONE, "Redis INCR, pipeline of 100", 2_000, "pipeline_and_read(redis, {n})", needs="redis"),
    Case(FOUR, "share", 40_000, "producers.run(shared_counter, 0, {n})", "shared.flush()"),
    Case(FOUR, "BaseManager", 800, "producers.run(managed_counter, 1, {n})"),
    Case(RESULT, "share", 100, "shared_counter.add(1)", "shared.flush()"),
    Case(RESULT, "BaseManager", 50, "managed_counter.add(1)"),
    Case(RESULT, "suitkaise", 10, "suit.counter.add(1)", needs="suit", rounds=11),
    Case(RESULT, "Ray", 20, "ray_get(ray.add.remote(1))", needs="ray", rounds=5),
    Case(RESULT, "Redis INCRBY", 50, "redis.incrby('n', 1)", needs="redis"),
    Case(ARGUMENT, "share", 20, "[shared_counter.take(megabyte) for _ in range({n})]; shared.flush()"),
    Case(ARGUMENT, "BaseManager", 10, "managed_counter.take(megabyte)"),
    Case(ARGUMENT, "mp.Queue", 20, "[queue.put(megabyte) for _ in range({n})]; drain_queue()"),
    Case(ANSWER, "share", 100, "shared_counter.give(8192)", "shared.flush()"),
    Case(ANSWER, "BaseManager", 50, "managed_counter.give(8192)"),
    Case(LARGE_ANSWER, "share", 10, "shared_counter.give(1 << 20)", "shared.flush()"),
    Case(LARGE_ANSWER, "BaseManager", 10, "managed_counter.give(1 << 20)"),
    Case(WRITE, "share", 100, "shared_counter.n = 1; shared_counter.n", "shared.flush()"),
    Case(WRITE, "suitkaise", 10, "suit.n = 1; suit.n", needs="suit", rounds=11),
    Case(WRITE, "Manager Namespace", 50, "namespace.n = 1; namespace.n"),
    Case(WRITE, "Redis SET, GET", 50, "redis.set('n', 1); int(redis.get('n'))", needs="redis"),
    Case(WRITE, "Pipe, there and back", 50, "echo.send(1); echo.recv()"),
    Case(ENTRY, "share", 1_000, "shared_table['k']"),
    Case(ENTRY, "plain dict", 2_000, "plain_table['k']"),
    Case(ENTRY, "Manager dict", 50, "managed_table['k']"),
    Case(ENTRY, "shared-memory-dict", 50, "shared_memory_dict['k']", needs="shared_memory_dict"),
    Case(ENTRY, "UltraDict", 200, "ultra_dict['k']", needs="ultra_dict"),
    Case(ENTRY, "diskcache", 50, "disk_cache['k']", needs="disk_cache"),
    Case(ENTRY, "Redis HGET", 50, "redis.hget('table', 'k')", needs="redis"),
    Case(SET_ENTRY, "share", 100, "shared_table['k'] = 1; shared_table['k']", "shared.flush()"),
    Case(SET_ENTRY, "plain dict", 2_000, "plain_table['k'] = 1; plain_table['k']"),
    Case(SET_ENTRY, "Manager dict", 50, "managed_table['k'] = 1; managed_table['k']"),
    Case(SET_ENTRY, "shared-memory-dict", 50, "shared_memory_dict['k'] = 1; shared_memory_dict['k']",
         needs="shared_memory_dict"),
    Case(SET_ENTRY, "UltraDict", 50, "ultra_dict['k'] = 1; ultra_dict['k']", needs="ultra_dict"),
    Case(SET_ENTRY, "diskcache", 20, "disk_cache['k'] = 1; disk_cache['k']", needs="disk_cache"),
    Case(SET_ENTRY, "Redis HSET, HGET", 50, "redis.hset('table', 'k', 1); redis.hget('table', 'k')", needs="redis"),
    Case(SNAPSHOT, "share", 200, "shared.snapshot(shared_counter, shared_table)"),
    Case(SNAPSHOT, "Manager, one after the other", 20, "namespace.n; managed_table.copy()"),
    Case(ENCODE, "share.cerial", 2_000, "dumps(row)"),
    Case(ENCODE, "pickle", 2_000, "pickle.dumps(row)"),
    Case(DECODE, "share.cerial", 2_000, "loads(encoded_row)"),
    Case(DECODE, "pickle", 2_000, "pickle.loads(pickled_row)"),
    Case(ENCODE_MANY, "share.cerial", 10, "dumps(rows)"),
    Case(ENCODE_MANY, "pickle", 10, "pickle.dumps(rows)"),
    Case(DECODE_MANY, "share.cerial", 10, "loads(encoded_rows)"),
    Case(DECODE_MANY, "pickle", 10, "pickle.loads(pickled_rows)"),
    Case(WORDS, "share", 1, "words.with_share()", rounds=5),
    Case(WORDS, "serial", 1, "words.serially()", rounds=5),
    Case(WORDS, "Pool.imap_unordered", 1, "words.with_pool()", rounds=5),
]  # fmt: skip


def groups() -> dict[str, list[Case]]:
    """The cases by group."""
    found: dict[str, list[Case]] = {}
    for case in CASES:
        found.setdefault(case.group, []).append(case)
    return found


def call_and_read(counter: Any, n: int) -> None:
    """n calls, and the read that sees the last of them."""
    target = counter.get() + n
    for _ in range(n):
        counter.increment()
    assert counter.get() == target


def incr_and_read(redis: Any, n: int) -> None:
    target = int(redis.get("n")) + n
    for _ in range(n):
        redis.incr("n")
    assert int(redis.get("n")) == target


def pipeline_and_read(redis: Any, n: int) -> None:
    target = int(redis.get("n")) + n
    for _ in range(n // 100):
        with redis.pipeline(transaction=False) as pipeline:
            for _ in range(100):
                pipeline.incr("n")
            pipeline.execute()
    assert int(redis.get("n")) == target


class Words:
    """The main job, by three means; the parts are those of the example."""

    def __init__(self) -> None:
        sys.path.append(str(Path(__file__).parents[1] / "examples"))  # of the coordinators, too
        self.example = importlib.import_module("wordcount")
        self.paths = self.example.standard_library()
        self.workers = len(os.sched_getaffinity(0))

    def serially(self) -> None:
        assert self.example.count(self.paths)

    def with_share(self) -> None:
        assert self.example.count_shared(self.paths, self.workers, "fork").words

    def with_pool(self) -> None:
        words: Counter_[str] = Counter_()
        with fork.Pool(self.workers) as pool:
            for part in pool.imap_unordered(self.example.count, self.example.parts_of(self.paths)):
                words.update(part)
        assert words


def _echo(pipe: Any) -> None:
    while (item := pipe.recv()) is not None:
        pipe.send(item)


def _consume(queue: Any, emptied: Any) -> None:
    while (item := queue.get()) is not None:
        if item == "report":
            emptied.send(None)


def _produce(pipe: Any, counters: tuple[Any, ...]) -> None:
    while (order := pipe.recv()) is not None:
        which, n = order
        increment = counters[which].increment
        for _ in range(n):
            increment()
        pipe.send(None)


class Producers:
    """Processes that call ``increment`` when they are told to."""

    def __init__(self, count: int, *counters: Any) -> None:
        self.pipes, self.processes = [], []
        for _ in range(count):
            ours, theirs = fork.Pipe()
            self.pipes.append(ours)
            self.processes.append(fork.Process(target=_produce, args=(theirs, counters), daemon=True))
            self.processes[-1].start()

    def run(self, counter: Any, which: int, n: int) -> None:
        """n calls in all, from the order to the read that sees the last of them."""
        target = counter.get() + n
        for pipe in self.pipes:
            pipe.send((which, n // len(self.pipes)))
        for pipe in self.pipes:
            pipe.recv()
        assert counter.get() == target

    def stop(self) -> None:
        for pipe, process in zip(self.pipes, self.processes, strict=True):
            pipe.send(None)
            process.join()


def ray_call_and_read(actor: Any, n: int) -> None:
    import ray

    target = ray.get(actor.get.remote()) + n
    for _ in range(n):
        actor.increment.remote()
    assert ray.get(actor.get.remote()) == target


@contextlib.contextmanager
def numpy_numbers() -> Iterator[Any]:
    """An array of numpy in shared memory, which nothing protects."""
    memory = SharedMemory(create=True, size=64)
    try:
        yield numpy.ndarray((8,), dtype=numpy.int64, buffer=memory.buf)
    finally:
        with contextlib.suppress(BufferError):  # the array may be in use still; the process ends soon
            memory.close()
        memory.unlink()


@contextlib.contextmanager
def installed(quick: bool) -> Iterator[dict[str, Any]]:
    """The names of what is installed of PEERS; those that take long to start are not for a quick run."""
    with contextlib.ExitStack() as stack:
        found: dict[str, Any] = {"redis": stack.enter_context(redis_client())}
        found |= stack.enter_context(dictionaries()) | stack.enter_context(queues())
        if not quick:
            found["suit"] = suit = stack.enter_context(suitkaise_share())
            if suit is not None:
                suit.n, suit.counter = 0, Counter()
            found["ray"] = stack.enter_context(ray_actor(Counter))
            if found["ray"] is not None:
                found["ray_get"] = importlib.import_module("ray").get
        yield {name: value for name, value in found.items() if value is not None}


@contextlib.contextmanager
def setting(quick: bool = False) -> Iterator[dict[str, Any]]:
    """Starts everything that is compared and gives the names that the cases use."""
    with contextlib.ExitStack() as stack:
        base = stack.enter_context(Managed(ctx=fork))
        manager = stack.enter_context(SyncManager(ctx=fork))
        peers = stack.enter_context(installed(quick))
        queue: Any = fork.Queue()
        emptied, report = fork.Pipe(duplex=False)
        consumer = fork.Process(target=_consume, args=(queue, report), daemon=True)
        consumer.start()
        stack.callback(consumer.join)
        stack.callback(queue.put, None)
        shared = stack.enter_context(Share())
        ours, theirs = fork.Pipe()
        echoing = fork.Process(target=_echo, args=(theirs,), daemon=True)
        echoing.start()
        stack.callback(echoing.join)
        stack.callback(ours.send, None)
        shared.counter, shared.table = Counter(), {"k": 1}
        shared_counter, managed_counter = shared.counter, base.Counter()
        producers = Producers(4, shared_counter, managed_counter)
        stack.callback(producers.stop)

        def drain_queue() -> None:
            queue.put("report")
            emptied.recv()

        yield {
            "shared": shared,
            "shared_counter": shared_counter,
            "managed_counter": managed_counter,
            "plain": Counter(),
            "megabyte": MEGABYTE,
            "shared_table": shared.table,
            "plain_table": {"k": 1},
            "managed_table": manager.dict(k=1),
            "echo": ours,
            "words": Words(),
            "numbers": stack.enter_context(numpy_numbers()),
            "dumps": dumps,
            "loads": loads,
            "pickle": pickle,
            "row": ROW,
            "encoded_row": dumps(ROW),
            "pickled_row": pickle.dumps(ROW),
            "rows": ROWS,
            "encoded_rows": dumps(ROWS),
            "pickled_rows": pickle.dumps(ROWS),
            "ray_call_and_read": ray_call_and_read,
            **peers,
            "manager": manager,
            "namespace": manager.Namespace(n=0, text=TEXT, kilobyte=KILOBYTE),
            "raw": multiprocessing.RawValue(ctypes.c_int64, 0),
            "letters": multiprocessing.RawArray(ctypes.c_char, TEXT.encode()),
            "queue": queue,
            "drain_queue": drain_queue,
            "producers": producers,
            "call_and_read": call_and_read,
            "incr_and_read": incr_and_read,
            "pipeline_and_read": pipeline_and_read,
        }
