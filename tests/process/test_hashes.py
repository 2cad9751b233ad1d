"""The hash of a text differs from process to process; where an object keeps one, that is said."""

import os
import subprocess
import sys

PROGRAM = """
import warnings
from share import Share

class Table:
    def __init__(self): self.buckets = [[] for _ in range(64)]
    def add(self, key): self.buckets[hash(key) % 64].append(key)
    def has(self, key): return key in self.buckets[hash(key) % 64]

class Named:
    def __init__(self): self.name, self.n = "n", 0
    def __hash__(self): return hash(self.name)
    def add(self): self.n += 1

if __name__ == "__main__":
    with warnings.catch_warnings(record=True) as seen, Share() as share:
        warnings.simplefilter("always")
        share.table = Table()
        share.again = Table()
        share.named = Named()
        for n in range(50):
            share.table.add(f"w{n}")
        print(sum(share.table.has(f"w{n}") for n in range(50)), *[str(each.message) for each in seen], sep="\\n")
"""


def run(seed: str | None) -> list[str]:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONHASHSEED"}
    if seed is not None:
        environment["PYTHONHASHSEED"] = seed
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_with_a_seed_the_coordinator_has_the_same_hashes() -> None:
    assert run("7") == ["50"]


def test_a_method_that_keeps_hashes_is_named_once() -> None:
    found = run(None)
    assert len(found) == 2
    assert found[1].startswith("Table.add (") and "PYTHONHASHSEED" in found[1]
