"""The peers that have to be installed: each is started if it is there, and left out if not."""

import contextlib
import importlib.util
import os
import pickle
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from multiprocessing import get_context
from typing import Any

__all__ = ["PEERS", "dictionaries", "queues", "ray_actor", "redis_client", "suitkaise_share"]

#: A name that cases need, and what has to be installed for it. All but Redis and Ray are in the extra `bench`.
PEERS = {
    "redis": "redis and redis-server", "shared_memory_dict": "shared-memory-dict", "ultra_dict": "UltraDict",
    "disk_cache": "diskcache", "faster_fifo": "faster-fifo", "cloudtoid": "cloudtoid-interprocess",
    "suit": "suitkaise", "ray": "ray",
}  # fmt: skip
CAPACITY = 1 << 20  # bytes of a queue
fork = get_context("fork")


@contextlib.contextmanager
def redis_client() -> Iterator[Any]:
    """A client of a private Redis server on a Unix socket; None if Redis is not installed."""
    server = shutil.which("redis-server")
    if server is None or importlib.util.find_spec("redis") is None:
        yield None
        return
    import redis

    with tempfile.TemporaryDirectory() as folder:
        socket = f"{folder}/redis.sock"
        options = ["--port", "0", "--unixsocket", socket, "--save", "", "--dir", folder, "--daemonize", "no"]
        with subprocess.Popen([server, *options], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if "ready to accept connections" in line.lower():
                    break
            try:
                with redis.Redis(unix_socket_path=socket) as client:
                    client.set("n", 0)
                    client.hset("table", "k", 1)
                    yield client
            finally:
                process.terminate()
                process.stdout.read()


@contextlib.contextmanager
def dictionaries() -> Iterator[dict[str, Any]]:
    """The shared dicts of others that are installed, each with one entry."""
    with contextlib.ExitStack() as stack:
        found: dict[str, Any] = {}
        if importlib.util.find_spec("shared_memory_dict"):
            from shared_memory_dict import SharedMemoryDict

            made = SharedMemoryDict(name=f"bench_{os.getpid()}", size=1 << 16)
            stack.callback(lambda: (made.shm.close(), made.shm.unlink()))
            found["shared_memory_dict"] = made
        if importlib.util.find_spec("UltraDict"):
            from UltraDict import UltraDict

            found["ultra_dict"] = ultra = UltraDict(shared_lock=False)
            stack.callback(ultra.unlink)
        if importlib.util.find_spec("diskcache"):
            from diskcache import Cache

            found["disk_cache"] = stack.enter_context(
                Cache(stack.enter_context(tempfile.TemporaryDirectory()))
            )
        for table in found.values():
            table["k"] = 1
        yield found


class Sent:
    """A queue whose other end, a process, takes everything out."""

    def __init__(self, put: Callable[[Any], Any], get: Callable[[], Any]) -> None:
        self.put = put
        self.ours, self.theirs = fork.Pipe(duplex=False)
        self.process = fork.Process(target=self._consume, args=(get,), daemon=True)
        self.process.start()

    def _consume(self, get: Callable[[], Any]) -> None:
        while (item := get()) is not None:
            if item == "report":
                self.theirs.send(None)

    def drain(self) -> None:
        """Waits until all that this process has put is taken out."""
        self.put("report")
        self.ours.recv()

    def close(self) -> None:
        self.put(None)
        self.process.join()


def pipe_queue() -> Sent:
    reader, writer = fork.Pipe(duplex=False)
    return Sent(writer.send, reader.recv)


def simple_queue() -> Sent:
    queue: Any = fork.SimpleQueue()
    return Sent(queue.put, queue.get)


def faster_fifo_queue() -> Sent:
    from faster_fifo import Queue

    queue = Queue(CAPACITY)

    def get() -> Any:
        return queue.get(timeout=3600.0)

    return Sent(queue.put, get)


def cloudtoid_queue(stack: contextlib.ExitStack) -> Sent:
    from cloudtoid_interprocess import Publisher, Subscriber

    name = f"bench_{os.getpid()}"
    subscriber = stack.enter_context(Subscriber(name, CAPACITY))
    publisher = stack.enter_context(Publisher(name, CAPACITY))

    def put(item: Any) -> None:
        data = pickle.dumps(item)
        while not publisher.try_send(data):  # it is full
            os.sched_yield()

    return Sent(put, lambda: pickle.loads(subscriber.receive()))


@contextlib.contextmanager
def queues() -> Iterator[dict[str, Sent]]:
    """All queues that are there, each with a process that empties it."""
    with contextlib.ExitStack() as stack:
        found = {"pipe": pipe_queue(), "simple_queue": simple_queue()}
        if importlib.util.find_spec("faster_fifo"):
            found["faster_fifo"] = faster_fifo_queue()
        if importlib.util.find_spec("cloudtoid_interprocess"):
            found["cloudtoid"] = cloudtoid_queue(stack)
        for queue in found.values():
            stack.callback(queue.close)
        yield found


@contextlib.contextmanager
def suitkaise_share() -> Iterator[Any]:
    """A started Share of suitkaise; None if it is not installed."""
    if not importlib.util.find_spec("suitkaise"):
        yield None
        return
    from suitkaise.processing import Share

    share = Share()
    try:
        yield share
    finally:
        share.exit()


@contextlib.contextmanager
def ray_actor(cls: type) -> Iterator[Any]:
    """An actor of that class in a Ray of its own; None if it is not installed."""
    if not importlib.util.find_spec("ray"):
        yield None
        return
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray

    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level="error")
    try:
        yield ray.remote(cls).remote()
    finally:
        ray.shutdown()
