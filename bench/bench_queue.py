"""The ring as a plain queue of small tuples, beside every other queue that is installed, in one run.

    python bench/bench_queue.py [--records 100000] [--rounds 5] [--producers 1 4] [--json FILE]

Every queue carries the same tuples, from the same number of producer processes to this process; all do so in each
round, one after the other, and the medians over the rounds are compared. "single" is one call a tuple on both
sides, "many" is batches of 100 where the queue has batches. Peers that are not installed are left out.
"""

import argparse
import json
import multiprocessing
import pickle
import statistics
import time
from collections.abc import Callable
from multiprocessing.shared_memory import SharedMemory
from typing import Any, Protocol

from share.primitives import MPSCRing

BATCH = 100
CELLS = 1 << 14
BYTES = CELLS * 64
context = multiprocessing.get_context("fork")


def record(i: int) -> tuple[int, str, float]:
    return (i, "measurement", 0.5)


class Queue(Protocol):
    """What the run needs of a queue; made in the parent, used in forked children too."""

    name: str

    def put(self, item: Any) -> None: ...
    def get(self) -> Any: ...
    def close(self) -> None: ...


class RingQueue:
    def __init__(self, name: str, dumps: Callable[[Any], bytes], loads: Callable[[bytes], Any]) -> None:
        self.name, self.dumps, self.loads = name, dumps, loads
        self.memory = SharedMemory(create=True, size=MPSCRing.size_for(CELLS))
        self.ring = MPSCRing(self.memory.buf, CELLS, create=True)

    def put(self, item: Any) -> None:
        self.ring.put(self.dumps(item))

    def get(self) -> Any:
        return self.loads(self.ring.get())

    def put_many(self, items: list[Any]) -> None:
        self.ring.put_many(map(self.dumps, items))

    def get_many(self) -> list[Any]:
        return list(map(self.loads, self.ring.get_many()))

    def close(self) -> None:
        self.ring.detach()
        self.memory.close()
        self.memory.unlink()


class StandardQueue:
    def __init__(self) -> None:
        self.name = "mp.Queue"
        self.queue = context.Queue()
        self.put, self.get = self.queue.put, self.queue.get

    def close(self) -> None:
        self.queue.close()
        self.queue.join_thread()


class SimpleQueue:
    def __init__(self) -> None:
        self.name = "mp.SimpleQueue"
        self.queue = context.SimpleQueue()
        self.put, self.get = self.queue.put, self.queue.get

    def close(self) -> None:
        self.queue.close()


class FasterFifo:
    def __init__(self, name: str, **codec: Any) -> None:
        import faster_fifo

        self.name = name
        self.queue = faster_fifo.Queue(BYTES, **codec)
        self.get = self.queue.get

    def put(self, item: Any) -> None:
        import faster_fifo

        while True:  # it does not wait for room: a full queue raises at once
            try:
                self.queue.put(item)
                return
            except faster_fifo.Full:
                time.sleep(0)

    def put_many(self, items: list[Any]) -> None:
        import faster_fifo

        while True:
            try:
                self.queue.put_many(items)
                return
            except faster_fifo.Full:
                time.sleep(0)

    def get_many(self) -> Any:
        return self.queue.get_many()

    def close(self) -> None:
        self.queue.close()


class Cloudtoid:
    def __init__(self) -> None:
        from cloudtoid_interprocess import Publisher, Subscriber

        self.name = "cloudtoid-interprocess"
        self.channel = f"bench-queue-{time.monotonic_ns()}"
        self.publisher_type = Publisher
        self.publisher: Any = None
        self.subscriber = Subscriber(self.channel, BYTES)

    def sender(self) -> Any:
        if self.publisher is None:  # in the child: each producer opens its own
            self.publisher = self.publisher_type(self.channel, BYTES)
        return self.publisher

    def put(self, item: Any) -> None:
        data, sender = pickle.dumps(item), self.sender()
        while not sender.try_send(data):  # it has no wait for room
            time.sleep(0)

    def put_many(self, items: list[Any]) -> None:
        data, sender = [pickle.dumps(item) for item in items], self.sender()
        while data:
            sent = sender.try_send_batch(data)
            if not sent:
                time.sleep(0)
            data = data[sent:]

    def get(self) -> Any:
        return pickle.loads(self.subscriber.receive(10) or b"")

    def close(self) -> None:
        self.subscriber.close()


def queues() -> list[Callable[[], Any]]:
    """Factories: ours first, then the peers that can be imported."""
    found: list[Callable[[], Any]] = [lambda: RingQueue("ring, pickle", pickle.dumps, pickle.loads)]
    try:
        from share import cerial

        found.append(lambda: RingQueue("ring, cerial", cerial.dumps, cerial.loads))
    except (ImportError, AttributeError):
        pass
    found += [StandardQueue, SimpleQueue]
    try:
        import faster_fifo  # noqa: F401

        found.append(lambda: FasterFifo("faster-fifo"))
        found.append(lambda: FasterFifo("faster-fifo, plain pickle", dumps=pickle.dumps, loads=pickle.loads))
    except ImportError:
        pass
    try:
        import cloudtoid_interprocess  # noqa: F401

        found.append(Cloudtoid)
    except ImportError:
        pass
    return found


def produce(queue: Any, count: int, many: bool, start: Any) -> None:
    items = [record(i) for i in range(count)]
    start.wait()
    if many and hasattr(queue, "put_many"):
        for first in range(0, count, BATCH):
            queue.put_many(items[first : first + BATCH])
    else:
        put = queue.put
        for item in items:
            put(item)


def run(factory: Callable[[], Any], records: int, producers: int, many: bool) -> tuple[str, float]:
    """Tuples per second from the start of the producers to the last one received."""
    queue = factory()
    count = records // producers
    start = context.Barrier(producers + 1)
    children = [context.Process(target=produce, args=(queue, count, many, start)) for _ in range(producers)]
    for child in children:
        child.start()
    start.wait()
    began = time.perf_counter()
    left, total = count * producers, 0
    if many and hasattr(queue, "get_many"):
        while left > 0:
            items = queue.get_many()
            left -= len(items)
            total += sum(item[0] for item in items)
    else:
        get = queue.get
        for _ in range(left):
            total += get()[0]
    took = time.perf_counter() - began
    for child in children:
        child.join()
    queue.close()
    expected = producers * (count * (count - 1) // 2)
    if total != expected:
        raise SystemExit(f"{queue.name}: the sum of what arrived is {total}, not {expected}")
    return queue.name, count * producers / took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--producers", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--json", metavar="FILE", help="write the medians there too")
    options = parser.parse_args()
    results: dict[str, dict[str, float]] = {}
    for producers in options.producers:
        for many in (False, True):
            rates: dict[str, list[float]] = {}
            for _ in range(options.rounds):
                for factory in queues():
                    name, rate = run(factory, options.records, producers, many)
                    rates.setdefault(name, []).append(rate)
            title = f"{producers} producer{'s' * (producers > 1)}, {'many' if many else 'single'}"
            medians = {name: statistics.median(values) for name, values in rates.items()}
            best = max(rate for name, rate in medians.items() if not name.startswith("ring"))
            print(f"\n{title:32}{'tuples/s':>12}{'of the best peer':>20}")
            for name, rate in medians.items():
                print(f"{name:32}{rate:12,.0f}{rate / best:19.2f}x")
            results[title] = medians
    if options.json:
        with open(options.json, "w") as file:
            json.dump(results, file, indent=1)


if __name__ == "__main__":
    main()
