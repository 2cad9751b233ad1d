"""``share.recipes``: each recipe among processes, and with holders that are killed."""

import math
import os
import pickle
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from classes import Log
from forked import all_well, in_child

from share import Share, ShareTimeoutError, recipes


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def killed_while(shared: Share, hold: Callable[[], Any]) -> None:
    """A process that has done that is killed."""
    shared.holding = False

    def work() -> None:
        hold()
        shared.holding = True
        shared.flush()
        signal.pause()

    child = in_child(work)
    assert shared.wait_for(lambda: shared.holding, timeout=60)
    kill(child)


@pytest.fixture
def lock(shared: Share) -> recipes.Lock:
    return recipes.Lock(shared, "lock")


def test_a_lock_has_one_holder(shared: Share, lock: recipes.Lock) -> None:
    shared.log = Log()

    def work() -> None:
        for _ in range(30):
            with lock:
                shared.log.write(os.getpid(), "in")
                shared.log.write(os.getpid(), "out")

    assert all_well([in_child(work) for _ in range(4)])
    entries = shared.log.all()
    assert len(entries) == 240
    for one, two in zip(entries[::2], entries[1::2], strict=True):
        assert one[0] == two[0] and (one[1], two[1]) == ("in", "out")
    assert lock.acquire(timeout=60)
    other = pickle.loads(pickle.dumps(lock))
    assert lock.held and not other.held
    assert not other.acquire(timeout=0.02)
    with pytest.raises(RuntimeError, match="holds no permit"):
        other.release()
    lock.release()
    assert other.acquire(timeout=60)
    other.release()


def test_a_lock_whose_holder_is_killed(shared: Share, lock: recipes.Lock) -> None:
    killed_while(shared, lock.acquire)
    assert lock.acquire(timeout=60)
    lock.release()


def test_one_of_those_who_wait_gets_the_lock_of_a_killed_holder(shared: Share, lock: recipes.Lock) -> None:
    """And the others one after the other."""
    shared.log, shared.queue = Log(), Log()

    def hold() -> None:
        lock.acquire()
        shared.holding = True
        shared.flush()
        signal.pause()

    def work() -> None:
        shared.queue.write(os.getpid(), "waits")
        with lock:
            shared.log.write(os.getpid(), "in")
            shared.wait_for(lambda: shared.go, timeout=60)
            shared.log.write(os.getpid(), "out")

    shared.holding = shared.go = False
    holder = in_child(hold)
    shared.wait_for(lambda: shared.holding, timeout=60)
    children = [in_child(work) for _ in range(4)]
    shared.wait_for(lambda: shared.queue.count() == 4, timeout=60)
    assert shared.log.count() == 0
    kill(holder)
    shared.wait_for(lambda: shared.log.count() > 0, timeout=60)
    assert not recipes.Lock(shared, "lock").acquire(timeout=0.1) and shared.log.count() == 1
    shared.go = True
    assert all_well(children)
    entries = shared.log.all()
    assert [what for _, what in entries] == ["in", "out"] * 4
    assert [pid for pid, _ in entries[::2]] == [pid for pid, _ in entries[1::2]]


def test_a_lease_ends(shared: Share) -> None:
    lease, other = recipes.Lock(shared, "lease", lease=0.2), recipes.Lock(shared, "lease", lease=60)
    assert lease.acquire()
    assert other.acquire(timeout=60)
    assert not lease.held and other.held
    with pytest.raises(RuntimeError, match="its lease was over"):
        lease.release()
    other.release()


def test_a_semaphore_has_so_many(shared: Share) -> None:
    permits = recipes.Semaphore(shared, "permits", 2)
    shared.inside = shared.most = 0
    shared.flush()

    def enter(inside: Any) -> None:
        inside.inside += 1
        inside.most = max(inside.most, inside.inside)

    def leave(inside: Any) -> None:
        inside.inside -= 1

    def work() -> None:
        for _ in range(20):
            with permits:
                shared.transact(enter, shared)
                shared.transact(leave, shared)

    assert all_well([in_child(work) for _ in range(4)])
    assert 1 <= shared.most <= 2 and shared.inside == 0
    killed_while(shared, permits.acquire)
    assert permits.acquire(timeout=60) and permits.acquire(timeout=60)
    assert not permits.acquire(timeout=0.02)


def test_a_barrier_lets_all_go_at_once(shared: Share) -> None:
    barrier = recipes.Barrier(shared, "barrier", 3)
    shared.log = Log()

    def work() -> None:
        for i in range(5):
            shared.log.write(os.getpid(), i)
            assert barrier.wait(timeout=60) == i

    assert all_well([in_child(work) for _ in range(3)])
    assert [what for _, what in shared.log.all()] == sorted([*range(5)] * 3)
    with pytest.raises(ShareTimeoutError):
        barrier.wait(timeout=0.02)


def test_a_barrier_does_not_count_the_dead(shared: Share) -> None:
    barrier = recipes.Barrier(shared, "barrier", 2)
    one = in_child(lambda: (barrier.wait(), None)[1])
    shared.wait_for(lambda: len(barrier.round.waiting) == 1, timeout=60)
    kill(one)
    two = in_child(lambda: (barrier.wait(timeout=60), None)[1])
    shared.wait_for(lambda: barrier.round.waiting and barrier.round.waiting[0].pid == two, timeout=60)
    assert barrier.wait(timeout=60) == 0
    assert all_well([two])


def test_an_event(shared: Share) -> None:
    event = recipes.Event(shared, "event")
    assert not event.wait(timeout=0.02) and not event.is_set()
    children = [in_child(lambda: os._exit(0 if event.wait(timeout=60) else 1)) for _ in range(3)]
    event.set()
    assert all_well(children) and event.wait()
    event.clear()
    assert not event.is_set()


def test_a_queue(shared: Share) -> None:
    items = recipes.Queue(shared, "items", maxsize=3)
    shared.log = Log()

    def work() -> None:
        while (item := items.get(timeout=60)) is not None:
            shared.log.write(os.getpid(), item)

    children = [in_child(work) for _ in range(3)]
    for i in range(60):
        items.put(i, timeout=60)
    for _ in children:
        items.put(None)
    assert all_well(children)
    assert sorted(item for _, item in shared.log.all()) == list(range(60))
    with pytest.raises(queue.Empty):
        items.get(timeout=0.01)
    for i in range(3):
        items.put([i])
    with pytest.raises(queue.Full):
        items.put(3, timeout=0.01)
    assert (items.qsize(), items.empty(), items.get()) == (3, False, [0])


def test_a_priority_queue(shared: Share) -> None:
    items = recipes.PriorityQueue(shared, "items")
    for item in [(3, "c"), (1, "a"), (2, "b"), (1, "A")]:
        items.put(item)
    assert [items.get(timeout=60) for _ in range(4)] == [(1, "A"), (1, "a"), (2, "b"), (3, "c")]


def test_every_job_is_done_though_workers_are_killed(shared: Share) -> None:
    """Each is counted once; a worker that is killed after every few jobs loses none."""
    jobs = recipes.JobQueue(shared, "jobs", attempts=100)
    shared.log = Log()
    for i in range(60):
        jobs.put(i)

    def work() -> None:
        for n in range(60):
            try:
                job = jobs.take(timeout=1)
            except queue.Empty:
                return
            if n == 7:
                os.kill(os.getpid(), signal.SIGKILL)
            if jobs.finish(job):
                shared.log.write(os.getpid(), job.what)

    killed = 0
    while not jobs.jobs.finished():
        for child in [in_child(work) for _ in range(3)]:
            killed += os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert killed
    jobs.join(timeout=60)
    shared.flush()
    assert jobs.done == 60 and jobs.lost == []
    assert sorted(what for _, what in shared.log.all()) == list(range(60))


def test_jobs_that_fail_and_leases_that_end(shared: Share) -> None:
    hasty = recipes.JobQueue(shared, "jobs", lease=0.1, attempts=2)
    jobs = recipes.JobQueue(shared, "jobs")
    jobs.put("slow")
    job = hasty.take(timeout=60)
    again = jobs.take(timeout=60)
    assert (again.what, again.attempt) == ("slow", 2)
    assert not hasty.finish(job) and jobs.finish(again)
    jobs.put(0)
    jobs.put(2)
    assert list(jobs.work(lambda n: 4 // n, timeout=2)) == [2]
    assert (jobs.done, jobs.lost) == (2, [0])
    jobs.join(timeout=60)


def test_a_rate_limiter_is_exact(shared: Share) -> None:
    """Four processes hammer it: in no window of its length are there more calls than allowed, and it is used up."""
    limiter = recipes.RateLimiter(shared, "limit", calls=5, seconds=0.2)
    shared.log = Log()
    start = time.monotonic()

    def work() -> None:
        allowed, calls, end = 0, 0, time.monotonic() + 1
        while calls < 5 or time.monotonic() < end:
            allowed += limiter.allow()
            calls += 1
        shared.log.write(os.getpid(), allowed)

    assert all_well([in_child(work) for _ in range(4)])
    total = sum(allowed for _, allowed in shared.log.all())
    assert 5 <= total <= 5 * math.ceil((time.monotonic() - start) / 0.2 + 1)
    assert limiter.wait(timeout=60)
    slow = recipes.RateLimiter(shared, "slow", calls=1, seconds=60)
    assert slow.allow() and not slow.allow() and not slow.wait(timeout=0.01)


def test_a_token_bucket(shared: Share) -> None:
    bucket = recipes.TokenBucket(shared, "bucket", rate=50, burst=3)
    assert [bucket.allow() for _ in range(3)] == [True] * 3
    assert bucket.wait(timeout=60)
    assert not recipes.TokenBucket(shared, "other", rate=0.001, burst=0.5).allow()


def test_a_cache_computes_once(shared: Share) -> None:
    cache = recipes.Cache(shared, "cache", maxsize=2, ttl=60)
    shared.log = Log()

    def compute() -> str:
        shared.log.write(os.getpid(), "computed")
        time.sleep(0.05)
        return "value"

    def work() -> None:
        assert cache.get("key", compute) == "value"

    assert all_well([in_child(work) for _ in range(4)])
    assert shared.log.count() == 1
    for key in ("a", "key", "b"):
        cache.get(key, compute)
    assert shared.log.count() == 3 and len(cache) == 2
    cache.get("key", compute)  # used later than "a", and so still there
    assert shared.log.count() == 3
    with pytest.raises(ZeroDivisionError):
        cache.get("fails", lambda: 1 // 0)
    assert cache.get("fails", lambda: 5) == 5
    cache.drop("fails")
    cache.clear()
    assert len(cache) == 0
    short = recipes.Cache(shared, "short", ttl=0.01)
    assert short.get(1, lambda: "old") == "old"
    time.sleep(0.02)
    assert short.get(1, lambda: "new") == "new"


def test_who_computes_is_killed(shared: Share) -> None:
    cache = recipes.Cache(shared, "cache")

    def forever() -> None:
        shared.holding = True
        shared.flush()
        signal.pause()

    child = in_child(lambda: cache.get("key", forever))
    assert shared.wait_for(lambda: getattr(shared, "holding", False), timeout=60)
    threading.Timer(0.1, kill, [child]).start()
    assert cache.get("key", lambda: "mine") == "mine"


def test_who_makes_what_is_made_once_is_killed(shared: Share) -> None:
    def forever() -> None:
        shared.makes = True
        shared.flush()
        signal.pause()

    for make in (recipes.once, recipes.get_or_create):
        shared.makes = False
        child = in_child(lambda make=make: make(shared, make.__name__, forever))
        shared.wait_for(lambda: shared.makes, timeout=60)
        threading.Timer(0.1, kill, [child]).start()
        assert make(shared, make.__name__, lambda: [5]) == [5]


def test_once_and_get_or_create(shared: Share) -> None:
    shared.log = Log()

    def make() -> dict[str, int]:
        shared.log.write(os.getpid(), "made")
        return {"pid": os.getpid()}

    def work() -> None:
        recipes.once(shared, "setup", lambda: shared.log.write(os.getpid(), "setup"))
        recipes.get_or_create(shared, "table", make)["pid"]

    assert all_well([in_child(work) for _ in range(4)])
    assert sorted(what for _, what in shared.log.all()) == ["made", "setup"]


def test_counts(shared: Share) -> None:
    counter, histogram = recipes.Counter(shared, "counter"), recipes.Histogram(shared, "times", [1, 10])

    def work() -> None:
        for i in range(100):
            counter.add(2, label=i % 2)
            histogram.observe(i / 5)
        shared.flush()

    assert all_well([in_child(work) for _ in range(3)])
    assert (counter[0], counter[1], counter[2], counter.value) == (300, 300, 0, 600)
    assert histogram.counts() == {1: 18, 10: 135, math.inf: 147}
    assert histogram.quantile(0.5) == 10 and histogram.quantile(0.9) == math.inf


def test_a_leaderboard(shared: Share) -> None:
    board = recipes.Leaderboard(shared, "board")
    for who, score in [("ann", 5), ("bob", 7), ("cid", 7), ("ann", 9), ("bob", 1)]:
        board.submit(who, score)
    assert board.top(2) == [("ann", 9), ("bob", 7)]
    assert [board.rank(who) for who in ("ann", "bob", "cid")] == [1, 2, 3]
    with pytest.raises(KeyError):
        board.rank("dan")


def test_progress(shared: Share) -> None:
    progress = recipes.Progress(shared, "progress", 30)

    def work() -> None:
        assert list(progress.wrap(range(10))) == list(range(10))
        shared.flush()

    class Bar:
        total = n = refreshed = 0

        def refresh(self) -> None:
            self.refreshed += 1

    class Rich:
        completed: tuple[Any, ...] = ()

        def update(self, task: int, *, completed: int, total: int) -> None:
            self.completed = task, completed, total

    children = [in_child(work) for _ in range(3)]
    bar, rich = Bar(), Rich()
    progress.show(bar, timeout=60)
    assert all_well(children)
    assert (bar.total, bar.n) == (30, 30) and bar.refreshed
    progress.show((rich, 4), timeout=60)
    assert rich.completed == (4, 30, 30)
    assert list(recipes.Progress(shared, "idle", 5).follow(timeout=0.02)) == [(0, 5)]


def test_progress_as_text(
    shared: Share, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)  # as if it were not installed
    progress = recipes.Progress(shared, "progress", 4)
    progress.update()
    assert str(progress) == f"[{'#' * 10}{' ' * 30}] 1/4"
    progress.update(3)
    progress.show()
    assert capsys.readouterr().err == f"\r[{'#' * 40}] 4/4\n"
    assert str(recipes.Progress(shared, "nothing", 0)) == f"[{'#' * 40}] 0/0"


def test_a_stash(shared: Share) -> None:
    stash = recipes.Stash(shared)

    def work() -> None:
        stash.put("sessions", "user:1", {"name": "ann"})
        shared.flush()

    assert all_well([in_child(work)])
    assert stash.get("sessions", "user:1") == {"name": "ann"}
    assert stash.get("sessions", "user:2", "nobody") == "nobody" and stash.get("nothing", "x") is None
    stash.put("sessions", "group:1", 3)
    assert stash.keys("sessions", "user:*") == ["user:1"] and stash.exists("sessions", "group:1")
    assert stash.delete("sessions", "group:1") and not stash.delete("sessions", "group:1")
    table = stash.table("sessions")
    table["a"] = 1
    assert dict(table)["a"] == 1 and len(table) == 2 and "b" not in table
    del table["a"]
    with pytest.raises(KeyError):
        table["a"]
    with pytest.raises(KeyError):
        del table["a"]
    table["none"] = None
    assert table["none"] is None and table.get("a", 5) == 5 and list(table.keys("n*")) == ["none"]
    del table["none"]
    assert (
        stash.exists("sessions") and not stash.exists("nothing") and stash.table("nothing").get("x", 6) == 6
    )
    with pytest.raises(KeyError):
        stash.info("nothing")
    stash.ensure("empty")
    assert sorted(stash.tables()) == ["empty", "sessions"]
    assert stash.info("sessions") == {"table": "sessions", "size": 1}
    table.clear()
    assert not table
    stash.delete_table("empty")
    assert (stash.tables(), stash.keys("sessions")) == (["sessions"], [])
