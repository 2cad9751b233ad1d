"""Checks an installed wheel: one object, two processes, spawn and fork. Needs nothing but the package itself.

python tests/packaging/smoke.py
"""

import multiprocessing
import os
import sys

from share import Share


class Tally:
    """Lives in ``__main__``, so that its class travels by value."""

    def __init__(self):
        self.total = 0
        self.seen = {}

    def add(self, who, n):
        self.total += n
        self.seen[who] = self.seen.get(who, 0) + 1

    def best(self):
        return max(self.seen.values())


def work(shared, who):
    for n in range(1, 501):
        shared.tally.add(who, n)


def run(start_method):
    context = multiprocessing.get_context(start_method)
    with Share() as shared:
        shared.tally = Tally()
        processes = [context.Process(target=work, args=(shared, who)) for who in range(2)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        assert [process.exitcode for process in processes] == [0, 0]
        assert shared.tally.total == 2 * sum(range(1, 501)), shared.tally.total
        assert shared.tally.best() == 500, shared.tally.best()
        assert not shared.errors, shared.errors
        name = repr(shared).split()[1].rstrip(":")
    left = [entry for entry in os.listdir("/dev/shm") if entry.startswith(name)]
    assert not left, left


def main():
    for start_method in ("spawn", "fork"):
        run(start_method)
        print(f"Python {sys.version.split()[0]}, {start_method}: fine")


if __name__ == "__main__":
    main()
