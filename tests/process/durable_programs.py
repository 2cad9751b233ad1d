"""What tests of journals run as programs, and kill: python durable_programs.py WHAT FILE ..."""

import sys

from share import Share


class Row:
    def __init__(self, n):
        self.n = n
        self.tags = []


class Ledger:
    """Knows of each call, so that one that is lost or doubled shows."""

    def __init__(self):
        self.n, self.entries, self.by, self.rows = 0, [], {}, []

    def add(self, key):
        self.n += 1
        self.entries.append(self.n)
        self.by[key] = self.by.get(key, 0) + 1
        self.rows.append(Row(self.n))
        if len(self.rows) > 20:
            del self.rows[0]
        return self.n

    def is_whole(self):
        return (
            list(self.entries) == list(range(1, self.n + 1))
            and sum(self.by.values()) == self.n
            and [row.n for row in self.rows] == list(range(max(0, self.n - 20) + 1, self.n + 1))
        )


def count(path, durable):
    """Prints the coordinator's pid, then what is acknowledged as stored, until it is killed."""
    with Share(journal=path, durable=durable) as shared:
        if "ledger" not in shared:
            shared.ledger = Ledger()
            shared.flush(durable=True)
        print(shared.health().coordinator, flush=True)
        ledger = shared.ledger
        for i in range(10**9):
            for key in range(i % 7):
                ledger.add.send(key)
            if durable == "engine" and i % 2:
                print(ledger.add("x"), flush=True)
            else:
                ledger.add.send("x")
                shared.flush(durable=True)
                print(ledger.n, flush=True)


def hold(path, name):
    """Has the share until its input ends."""
    with Share(name, journal=path) as shared:
        shared.n = getattr(shared, "n", 0) + 1
        shared.flush()
        print("up", flush=True)
        sys.stdin.read()


def join(path, name):
    """One of several that open the same share: adds one to a number, and says so."""
    with Share.open(name, journal=path) as shared:
        print(shared.ledger.add("x"), flush=True)
        sys.stdin.read()


def states(path, number):
    """Makes states that can be told apart, and prints each when it is stored; then it waits to be killed."""
    with Share(journal=path) as shared:
        shared.ledger = Ledger()
        for i in range(1, int(number) + 1):
            print(shared.ledger.add(i % 5), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    {"count": count, "hold": hold, "join": join, "states": states}[sys.argv[1]](*sys.argv[2:])
