"""Several steps as one: ``update``, ``cas``, ``apply``, ``transact`` and ``wait_then``."""

import contextlib
import os
import random
import signal
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from classes import Counter, Failing, Log, Pair
from forked import all_well, in_child

from share import (
    DeletedObjectError,
    NotShareableError,
    PoisonedCommandError,
    ProcessId,
    Share,
    ShareTimeoutError,
    this_process,
)


class Account:
    """An amount, and a history in a part of it."""

    def __init__(self, money: int) -> None:
        self.money = money
        self.history: list[int] = []
        self.partner: Any = None


class Guarded:
    """Assigning it a negative number raises."""

    def __init__(self) -> None:
        self._level = 1
        self.other = 0

    @property
    def level(self) -> int:
        return self._level

    @level.setter
    def level(self, value: int) -> None:
        if value < 0:
            raise ValueError("below zero")
        self._level = value


class Lease:
    """Held by a process, until that gives it back or dies."""

    def __init__(self) -> None:
        self.holder: ProcessId | None = None
        self.history: list[ProcessId] = []

    def free(self) -> bool:
        return self.holder is None or not self.holder.alive

    def take(self, who: ProcessId) -> None:
        self.holder = who
        self.history.append(who)

    def give_back(self) -> None:
        self.holder = None


def move(a: Account, b: Account, amount: int, mood: float = 1.0) -> int:
    """Moves money; depending on the mood it fails before, in the middle, or at the end."""
    if mood < 0.1:
        raise LookupError("before")
    a.money -= amount
    a.history.append(-amount)
    if mood < 0.2:
        raise LookupError("in the middle")
    b.money += amount
    b.history.append(amount)
    if mood < 0.3 or a.money < 0:
        raise LookupError("at the end")
    return a.money


def test_update_assigns_all_in_one_command(shared: Share) -> None:
    shared.pair, shared.tree = Pair(), {"inner": Pair()}
    pair, inner = shared.pair, shared.tree["inner"]

    def write() -> None:
        for i in range(300):
            shared.update(pair, left=i, right=i)
            shared.update(inner, left=i, right=i)

    child = in_child(write)
    for _ in range(300):
        left, right = pair.both()
        assert left == right
        left, right = inner.both()
        assert left == right
    assert all_well([child])
    assert pair.both() == inner.both() == (299, 299)
    shared.update(pair, left=[1], extra="new")
    assert pair.left == [1] and pair.extra == "new"
    shared.update(pair)
    with shared.waiting():
        shared.update(pair, left=5)


def test_update_through_a_setter_that_raises(shared: Share) -> None:
    shared.guarded = Guarded()
    shared.update(shared.guarded, level=3, other=4)
    assert (shared.guarded.level, shared.guarded.other) == (3, 4)
    shared.update(shared.guarded, level=-1)
    with pytest.raises(ValueError, match="below zero"):
        shared.flush()
    with pytest.raises(TypeError, match="takes a shared object"):
        shared.update(Pair(), left=1)
    guarded = shared.guarded
    del shared.guarded
    with pytest.raises(DeletedObjectError), shared.waiting():
        shared.update(guarded, other=1)


def test_compare_and_set(shared: Share) -> None:
    shared.counter, shared.account = Counter(), Account(1)
    assert shared.cas(shared.counter, "n", 0, 5)
    assert not shared.cas(shared.counter, "n", 0, 6)
    assert shared.cas(shared.account, "history", [], [1, 2])
    assert shared.cas(shared.account, "history", shared.account.history, [3])
    assert (shared.counter.n, shared.account.history) == (5, [3])
    shared.counter.n = float("nan")
    assert shared.cas(shared.counter, "n", float("nan"), 1)
    with pytest.raises(AttributeError):
        shared.cas(shared.counter, "nothing", 0, 1)


def test_apply_loses_nothing(shared: Share) -> None:
    """Many that compute outside, at once; the function may change what it is given."""
    shared.account = Account(0)

    def add(history: list[int], more: int) -> list[int]:
        history.append(more)
        return history

    def work() -> None:
        for i in range(50):
            shared.apply(shared.account, "history", add, i)
            shared.apply(shared.account, "money", lambda money: money + 1)

    children = [in_child(work) for _ in range(2)]
    work()
    assert all_well(children)
    assert sorted(shared.account.history) == sorted([*range(50)] * 3)
    assert shared.account.money == 150


def test_a_transaction_is_all_or_nothing(shared: Share) -> None:
    """Over several objects, their parts, containers and names, whatever kind of object they are."""
    shared.a, shared.b = Account(100), Account(0)
    shared.plain, shared.queue, shared.table = [1, 2], deque([1], 5), {"deep": {"x": [0]}}
    shared.counter = Counter()
    for _ in range(300):  # a published log, too
        shared.plain.append(0)
    shared.flush()
    before = shared.snapshot(shared.a, shared.b, shared.plain, shared.queue, shared.table)

    def spoil(a: Account, b: Account, plain: Any, queue: Any, deep: Any, inside: Any) -> None:
        a.money, a.new = 0, "attribute"  # type: ignore[attr-defined]
        del a.history
        b.history.append(1)
        plain.append(3)
        queue.appendleft(9)
        deep["x"].append(1)
        deep["y"] = 2
        inside.counter.increment()
        raise KeyError("spoilt")

    for _ in range(3):
        shared.counter.increment()  # in the same group, and kept
        with pytest.raises(KeyError, match="spoilt") as caught:
            shared.transact(
                spoil, shared.a, shared.b, shared.plain, shared.queue, shared.table["deep"], shared
            )
        assert "spoil" in str(caught.value.__cause__)
        after = shared.snapshot(shared.a, shared.b, shared.plain, shared.queue, shared.table)
        assert [vars(x) for x in after[:2]] == [vars(x) for x in before[:2]]
        assert after[2:] == before[2:]
    assert shared.counter.n == 3
    assert shared.transact(move, shared.a, shared.b, 60) == 40
    shared.a.history.append(5)
    shared.plain.append(7)
    shared.queue.append(8)
    assert (shared.a.money, shared.b.money, shared.a.history) == (40, 60, [-60, 5])
    assert (shared.plain[-1], list(shared.queue)) == (7, [1, 8])


def test_names_made_in_a_transaction_that_fails(shared: Share) -> None:
    def make(inside: Any, really: bool) -> None:
        inside.made = {"x": 1}
        if really:
            raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        shared.transact(make, shared, True)
    assert "made" not in shared
    shared.transact(make, shared, False)
    assert shared.made == {"x": 1}


def test_what_a_transaction_takes_and_gives(shared: Share) -> None:
    shared.a, shared.b = Account(1), Account(2)
    assert shared.transact(lambda a: a, shared.a) is shared.a
    assert shared.transact(lambda: 5) == 5

    def befriend(a: Account, b: Account) -> None:
        a.partner = b

    shared.transact(befriend, shared.a, shared.b)
    assert shared.a.partner is shared.b
    shared.b.money = 7
    assert shared.a.partner.money == 7

    def unpublishable(a: Account) -> Any:
        a.money = 99
        return threading.Thread()

    with pytest.raises(NotShareableError):
        shared.transact(unpublishable, shared.a)

    def leave_a_thread(a: Account) -> None:
        a.money = 99
        a.partner = threading.Thread()

    with pytest.raises(NotShareableError):
        shared.transact(leave_a_thread, shared.a)
    assert shared.a.money == 1 and shared.a.partner is shared.b
    a = shared.a
    del shared.a
    with pytest.raises(DeletedObjectError):
        shared.transact(befriend, a, shared.b)
    with Share() as other, pytest.raises(ValueError, match="of share"):
        other.transact(befriend, shared.b, shared.b)


def take(account: Account, amount: int) -> int:
    account.money -= amount
    account.history.append(amount)
    if account.money < 0:
        raise ValueError(f"{amount} is too much")
    return account.money


def take_all(inside: Any, accounts: list[Any], amounts: list[int], count: Any) -> list[Any]:
    """Each is a transaction in this one."""
    found: list[Any] = []
    for amount in amounts:
        for account in accounts:
            try:
                found.append(inside.transact(take, account, amount))
            except ValueError as error:
                count["failed"] += 1
                found.append(str(error))
    return found


def test_an_inner_transaction_undoes_its_own_part(shared: Share) -> None:
    shared.a, shared.list, shared.count = Account(10), [Account(5)], {"failed": 0}
    shared.list[0].history.append("before")
    accounts = [shared.a, shared.list[0]]
    found = shared.transact(take_all, shared, accounts, [4, 4, 4], shared.count)
    assert found == [6, 1, 2, "4 is too much", "4 is too much", "4 is too much"]
    assert (shared.a.money, shared.list[0].money, shared.count["failed"]) == (2, 1, 3)
    assert (shared.a.history, shared.list[0].history) == ([4, 4], ["before", 4])


def test_transactions_in_inner_ones(shared: Share) -> None:
    def innermost(account: Account) -> None:
        account.history.append("innermost")
        raise KeyError("innermost")

    def inner(inside: Any, account: Account, fails: bool) -> None:
        account.history.append("inner")
        try:
            inside.transact(innermost, account)
        except:  # noqa: E722 - as users write it
            account.history.append("caught")
        inside.made = ["by inner"]
        if fails:
            raise ValueError("inner")

    def outer(inside: Any, account: Account, fails: bool, ends: bool) -> list[Any]:
        account.history.append("outer")
        try:
            inside.transact(inner, inside, account, fails)
        except ValueError:
            account.history.append("failed")
        if ends:
            raise OSError("outer")
        return list(account.history)

    shared.a = Account(1)
    with pytest.raises(OSError, match="outer"):
        shared.transact(outer, shared, shared.a, False, True)
    assert shared.a.history == [] and "made" not in shared
    assert shared.transact(outer, shared, shared.a, True, False) == ["outer", "failed"]
    assert "made" not in shared
    assert shared.transact(outer, shared, shared.a, False, False)[2:] == ["outer", "inner", "caught"]
    assert shared.made == ["by inner"]


def test_an_inner_transaction_on_what_the_outer_one_has_made(shared: Share) -> None:
    def outer(inside: Any, accounts: list[Account]) -> list[str]:
        inside.made, found = Account(1), []
        accounts.append(Account(2))
        new = Account(3)
        for account, amount in (inside.made, 5), (accounts[-1], 5), (inside.made, 1), (new, 5), (new, 1):
            try:
                inside.transact(take, account, amount)
            except ValueError as error:
                found.append(str(error))
        accounts.append(new)
        return found

    shared.list = []
    assert shared.transact(outer, shared, shared.list) == ["5 is too much"] * 3
    assert (shared.made.money, [account.money for account in shared.list]) == (0, [2, 2])
    assert (shared.made.history, shared.list[1].history) == ([1], [1])


def test_an_inner_transaction_that_is_tried_until_it_goes(shared: Share) -> None:
    def outer(inside: Any, account: Account) -> int:
        amount = 5
        while True:
            try:
                inside.transact(take, account, amount)
                return amount
            except:  # noqa: E722 - as users write it
                amount -= 1

    shared.a = Account(2)
    assert shared.transact(outer, shared, shared.a) == 2
    assert (shared.a.money, shared.a.history) == (0, [2])


def test_a_transaction_that_never_goes_the_same_way_ends(shared: Share) -> None:
    def outer(inside: Any, account: Account) -> None:
        with contextlib.suppress(ValueError):
            inside.transact(take, account, 9 + random.random())

    shared.a = Account(1)
    with pytest.raises(RuntimeError, match="another way each time"):
        shared.transact(outer, shared, shared.a)
    assert (shared.a.money, shared.a.history) == (1, [])


def test_what_an_inner_transaction_raises_and_nobody_catches(shared: Share) -> None:
    shared.a = Account(1)

    def outer(inside: Any, account: Account) -> None:
        account.money = 2
        inside.transact(take, account, 9)

    with pytest.raises(ValueError, match="9 is too much"):
        shared.transact(outer, shared, shared.a)
    assert (shared.a.money, shared.a.history) == (1, [])


class Nesting:
    """Its method is no transaction."""

    def __init__(self) -> None:
        self.n = 0

    def run(self, inside: Any) -> int:
        self.n += 1
        inside.transact(print)
        return self.n


def test_a_command_that_is_no_transaction_has_none_inside(shared: Share) -> None:
    shared.nesting = Nesting()
    with pytest.raises(AttributeError, match="call the function itself"):
        shared.nesting.run(shared)


def test_a_transaction_has_a_deadline(shared: Share, tmp_path: Path) -> None:
    shared.counter = Counter()
    path = str(tmp_path / "open")

    def slow(counter: Counter) -> None:
        while not os.path.exists(path):
            time.sleep(0.001)
        counter.n = 1

    with pytest.raises(ShareTimeoutError):
        shared.transact(slow, shared.counter, timeout=0.02)
    Path(path).touch()
    assert shared.counter.n == 1  # it stays queued


def test_the_sum_of_all_accounts_is_constant(shared: Share) -> None:
    """100 accounts, 4 processes that move money with random failures, and snapshots all the while."""
    names = [f"account{i}" for i in range(100)]
    for name in names:
        shared[name] = Account(100)
    accounts = [shared[name] for name in names]
    shared.failures = Counter()

    def work() -> None:
        dice, failed = random.Random(os.getpid()), 0
        for _ in range(60):
            a, b = dice.sample(accounts, 2)
            try:
                shared.transact(move, a, b, dice.randrange(1, 60), dice.random())
            except LookupError:
                failed += 1
        shared.failures.add.call(failed)

    children = [in_child(work) for _ in range(4)]
    running = list(children)
    while running:
        found = shared.snapshot(*accounts)
        assert sum(account.money for account in found) == 10_000
        assert all(account.money - 100 == sum(account.history) for account in found)
        running = [
            pid for pid in running if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
        ]
    assert all_well(children)
    assert 0 < shared.failures.n < 240


def test_a_coordinator_that_dies_in_a_transaction(shared: Share) -> None:
    shared.a, shared.b, shared.pids = Account(100), Account(0), []
    shared.flush()
    first = shared.health().coordinator

    def die_once(a: Account, b: Account) -> None:
        a.money -= 60
        if os.getpid() == first:
            os.kill(first, signal.SIGKILL)
        b.money += 60

    shared.transact(die_once, shared.a, shared.b)
    assert (shared.a.money, shared.b.money) == (40, 60)


def test_wait_then_is_first_come_first_served(shared: Share) -> None:
    shared.jobs, shared.log = [], Log()
    ready = threading.Semaphore(0)

    def take(number: int) -> Any:
        return shared.wait_then(lambda: len(shared.jobs) > 0, shared.jobs.pop, 0, timeout=60)

    with ThreadPoolExecutor(8) as pool:
        waits = []
        control = shared.session_of().control
        for i in range(8):
            tail = control.tail()
            waits.append(pool.submit(take, i))
            while control.tail() == tail:  # its first attempt, which gives it its place
                time.sleep(0.001)
        for i in range(8):
            shared.jobs.append(i)
        assert [wait.result() for wait in waits] == list(range(8))
    assert len(shared.jobs) == 0
    del ready


def test_wait_then_in_processes_takes_each_once(shared: Share) -> None:
    shared.jobs, shared.done = [], Log()

    def work() -> None:
        for _ in range(25):
            job = shared.wait_then(lambda: len(shared.jobs) > 0, shared.jobs.pop, timeout=60)
            shared.done.write(os.getpid(), job)

    children = [in_child(work) for _ in range(4)]
    for i in range(100):
        shared.jobs.append(i)
    assert all_well(children)
    assert sorted(job for _, job in shared.done.all()) == list(range(100))


def test_wait_then_ends(shared: Share) -> None:
    shared.jobs, shared.failing = [1], Failing()
    with pytest.raises(ShareTimeoutError, match="has not been called"):
        shared.wait_then(lambda: len(shared.jobs) > 5, shared.jobs.pop, timeout=0.05)
    with pytest.raises(LookupError, match="word"):
        shared.wait_then(lambda: True, shared.failing.fail_with_answer, "word")
    with pytest.raises(TypeError, match="takes a shared object"):
        shared.wait_then(lambda: True, len, [1])
    assert shared.wait_then(lambda: len(shared.jobs) > 0, shared.jobs.pop, timeout=60) == 1
    shared.jobs.append(2)
    assert shared.wait_then(shared.jobs.__len__, shared.jobs.pop, timeout=60) == 2
    shared.wait_then(lambda: not shared.jobs, shared.jobs.extend, [3, 4], timeout=60)
    assert shared.jobs == [3, 4]


def test_a_holder_that_is_killed_frees_its_lease_for_one(shared: Share) -> None:
    """Though nobody writes, exactly one of those who wait gets it."""
    shared.lease = Lease()
    lease = shared.lease
    mine = this_process()
    assert mine.alive and mine.pid == os.getpid() and mine == this_process()

    def hold() -> None:
        lease.take(this_process())
        shared.flush()
        signal.pause()

    def take() -> None:
        shared.wait_then(lease.free, lease.take, this_process(), timeout=60)
        lease.give_back()
        shared.flush()

    holder = in_child(hold)
    assert shared.wait_for(lambda: lease.holder, timeout=60) == lease.holder
    held = lease.holder
    assert held.pid == holder and held.alive
    children = [in_child(take) for _ in range(3)]
    time.sleep(0.2)  # what must not happen: that one of them takes it
    assert len(lease.history) == 1
    os.kill(holder, signal.SIGKILL)
    os.waitpid(holder, 0)
    assert all_well(children)
    assert sorted(who.pid for who in lease.history[1:]) == sorted(children)
    assert not held.alive


def test_who_is_killed_in_a_line_holds_nobody_up(shared: Share) -> None:
    shared.jobs = []
    jobs = shared.jobs
    control = shared.session_of().control

    def take() -> None:
        shared.wait_then(lambda: len(jobs) > 0, jobs.pop, timeout=60)

    children = []
    for _ in range(3):
        tail = control.tail()
        children.append(in_child(take))
        while control.tail() == tail:
            time.sleep(0.001)
    os.kill(children[0], signal.SIGKILL)
    os.waitpid(children[0], 0)
    jobs.append(1)
    jobs.append(2)
    assert all_well(children[1:])
    assert len(jobs) == 0


class Endless:
    """Has a method that never ends."""

    def __init__(self) -> None:
        self.n = 0

    def spin(self) -> None:
        self.n += 1
        while True:
            pass

    def add(self) -> None:
        self.n += 10


def test_a_method_that_never_ends_is_given_up(no_process_left: None) -> None:
    with Share(max_run=2) as shared:
        shared.endless = Endless()
        shared.endless.add()
        with pytest.raises(PoisonedCommandError, match="max_run"):
            shared.endless.spin.call()
        shared.endless.spin.send()
        shared.endless.add()
        assert shared.endless.n == 20
        with pytest.raises(PoisonedCommandError):
            shared.flush()
    with pytest.raises(ValueError, match="max_run"):
        Share(max_run=0)
