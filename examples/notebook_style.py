"""What one would type into a notebook: no functions around it, and no ``if __name__ == "__main__"``.

    python examples/notebook_style.py

(``Share`` needs no such guard. CPython's own "spawn" start method does; "fork" does not.)
"""

import multiprocessing
import statistics

from share import Share


class Readings:
    def __init__(self):
        self.values = []

    def add(self, value):
        self.values.append(value)

    def mean(self):
        return statistics.fmean(self.values)


shared = Share()
shared.readings = Readings()
shared.unit = "degrees"

readings = shared.readings
fork = multiprocessing.get_context("fork")
processes = [fork.Process(target=readings.add, args=(value,)) for value in (19.5, 20.5, 23.0)]
for process in processes:
    process.start()
for process in processes:
    process.join()

print(f"{len(readings.values)} readings, mean {readings.mean()} {shared.unit}")
shared.close()
