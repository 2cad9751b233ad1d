"""A program of its own that opens a named share: ``named_program.py NAME WORKER``; talks on its standard streams."""

import sys

from share import Share


class Ledger:
    """Who has counted how far."""

    def __init__(self):
        self.counts = {}

    def add(self, worker, n):
        """Returns nothing, so it is queued."""
        self.counts[worker] = self.counts.get(worker, 0) + n

    def of(self, worker):
        return self.counts.get(worker, 0)

    def total(self):
        return sum(self.counts.values())


def main(name: str, worker: str) -> None:
    """``add N`` adds N ones and answers with this worker's count, read back at once; ``end`` leaves."""
    shared = Share.open(name)
    ledger = shared.setdefault("ledger", Ledger())
    print(shared.health().coordinator, flush=True)
    for line in sys.stdin:
        words = line.split()
        if words == ["end"]:
            break
        for _ in range(int(words[1])):
            ledger.add(worker, 1)
        print(ledger.of(worker), ledger.total(), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
