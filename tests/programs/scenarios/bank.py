import csv
import io
import multiprocessing as mp
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from decimal import Decimal as D

from compared import Share, attempt, both


class Insufficient(Exception):
    def __init__(self, need, have):
        super().__init__(f"need {need}, have {have}")
        self.need, self.have = need, have

    def __reduce__(self):
        return type(self), (self.need, self.have)


class Account:
    def __init__(self, owner, bank):
        self.owner, self.bank, self._b = owner, bank, D(0)

    @property
    def balance(self):
        return self._b

    @balance.setter
    def balance(self, v):
        if v < 0:
            raise Insufficient(-v + self._b, self._b)
        self.bank.log(self, v - self._b)
        self._b = v

    def __lt__(self, o):
        return self.balance < o.balance


class Bank:
    def __init__(self):
        self.accounts = {}
        self.audit = []
        self._lock = threading.RLock()

    def open(self, o):
        with self._lock:
            a = self.accounts[o] = Account(o, self)
            return a

    def log(self, a, d):
        self.audit.append({"n": len(self.audit), "who": a.owner, "d": d})

    def transfer(self, a, b, n):
        with self._lock:
            a, b = self.accounts[a], self.accounts[b]
            a.balance -= n
            b.balance += n

    def total(self):
        return sum((a.balance for a in self.accounts.values()), D())

    def report(self, f):
        w = csv.DictWriter(f, ["n", "who", "d"])
        w.writeheader()
        w.writerows(self.audit)
        return len(self.audit)

    def richest(self):
        return max(self.accounts.values())


def scenario(b):
    a = b.open("ann")
    b.open("bob")
    a.balance += D("10.50")
    yield a.balance
    b.transfer("ann", "bob", D(3))
    yield b.total()
    yield attempt(b.transfer, "ann", "bob", D(300))
    yield b.audit

    def over():
        a.balance -= 1000

    e = attempt(over)
    yield e
    yield getattr(e, "need", None), getattr(e, "have", None)
    yield attempt(b.transfer, "ann", "zed", D(1))
    yield a.balance
    yield b.total()
    f = io.StringIO()
    yield b.report(f)
    yield f.getvalue()
    yield b.richest().owner
    b.richest().balance += 1
    yield b.total()
    yield a < b.accounts["bob"]
    yield sorted(b.accounts.values())[0].owner
    yield b.accounts["ann"].bank is b
    yield b.audit[-1]["d"]
    b.audit[-1]["note"] = "x"
    yield b.audit[-1]
    yield [r["who"] for r in b.audit if r["d"] > 0]
    yield b.audit[::2]
    yield b.audit.index(b.audit[1])


both(Bank, scenario, "bank")


def work(bank, k):
    import random

    r = random.Random(k)
    bad = 0
    for _ in range(60):
        x, y = r.sample("abcd", 2)
        try:
            bank.transfer.call(x, y, D(r.randint(1, 40)))
        except Insufficient:
            bad += 1
    return bad


def work_threads(bank, k):
    with ThreadPoolExecutor(3) as p:
        return sum(p.map(lambda i: work(bank, k * 10 + i), range(3)))


if __name__ == "__main__":
    for method in "spawn", "forkserver":
        with Share() as s:
            s.bank = Bank()
            for o in "abcd":
                s.bank.open(o).balance += 100
            with ProcessPoolExecutor(2, mp_context=mp.get_context(method)) as p:
                bad = sum(p.map(work_threads, [s.bank] * 2, range(2)))
            t = s.bank.total()
            n = len(s.bank.audit)
            print(
                "OK"
                if t == 400
                and all(a.balance >= 0 for a in s.bank.accounts.values())
                and n == 4 + 2 * (360 - bad)
                else f"DIFF {t} {n} {bad}",
                method,
                bad,
            )
