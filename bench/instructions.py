"""Counts the instructions of hot paths, which other programs on the machine do not change, and compares with a record.

python -m bench.instructions [--record]

One process runs each path a thousand times under `valgrind --tool=callgrind`; the coordinator runs beside it, outside.
The exit code is 1 if one takes more than twice the instructions that bench/instructions.json says; --record writes it.
"""

import argparse
import ctypes
import json
import shutil
import subprocess
import sys
import tempfile
from itertools import repeat
from pathlib import Path
from typing import Any

from share import Share, shareable
from share.cerial import dumps, loads

__all__ = ["counted"]

RECORD = Path(__file__).with_suffix(".json")
TIMES = 1000
MOST = 2.0


@shareable
class Counter:
    def __init__(self) -> None:
        self.n = 0
        self.text = "x" * 1024
        self.items = [1, 2, 3]
        self.table = {"k": 1}

    def increment(self) -> None:
        self.n += 1

    def put(self, key: str, value: int) -> None:
        self.table[key] = value

    def get(self) -> int:
        return self.n


#: What is counted; `counter` is shared, and nothing of it is waited for.
PATHS = {
    "read a plain attribute, to compare": "plain.n",
    "read an int": "counter.n",
    "read a 1 KB str": "counter.text",
    "read by name and attribute": "shared.counter.n",
    "read-only method": "counter.get()",
    "read an entry of a dict": "counter.table['k']",
    "len of a list": "len(counter.items)",
    "snapshot of an object": "snapshot(counter)",
    "queued call": "counter.increment()",
    "queued call with arguments": "counter.put('k', 1)",
    "set an attribute": "counter.n = 1",
    "encode a small row": "dumps(row)",
    "decode a small row": "loads(encoded)",
}


#: How a program tells callgrind what to count: instructions that do nothing outside valgrind.
MARKS = """
#include <valgrind/callgrind.h>
void begin(void) { CALLGRIND_START_INSTRUMENTATION; CALLGRIND_ZERO_STATS; }
void end(void) { CALLGRIND_DUMP_STATS; }
"""


def run(marks: Any) -> None:
    """All paths, one after the other; the process that is counted."""
    row = {"id": 17, "name": "Ada", "tags": ["a", "b"], "score": 1.5}
    with Share() as shared:
        shared.counter = Counter()
        names = {
            "shared": shared,
            "counter": shared.counter,
            "plain": Counter(),
            "snapshot": shared.snapshot,
            "dumps": dumps,
            "loads": loads,
            "row": row,
            "encoded": dumps(row),
            "repeat": repeat,
        }
        for statement in ("pass", *PATHS.values()):
            source = f"def loop(times):\n    for _ in repeat(None, times):\n        {statement}\n"
            exec(source, names)
            loop: Any = names["loop"]
            loop(50)
            shared.flush()
            marks.begin()
            loop(TIMES)
            marks.end()
            shared.flush()


def counted() -> dict[str, int]:
    """The instructions of each path, those of the loop around it taken off."""
    with tempfile.TemporaryDirectory() as folder:
        source, marks = Path(folder, "marks.c"), Path(folder, "marks.so")
        source.write_text(MARKS)
        subprocess.run(["gcc", "-shared", "-fPIC", "-o", marks, source], check=True)
        subprocess.run(
            ["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={folder}/out",
             sys.executable, "-m", "bench.instructions", "--run", marks],
            check=True, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1],
        )  # fmt: skip
        totals = [total(Path(folder, f"out.{number + 1}")) for number in range(len(PATHS) + 1)]
    empty, *rest = totals
    return {name: round((found - empty) / TIMES) for name, found in zip(PATHS, rest, strict=True)}


def total(path: Path) -> int:
    """The instructions that a dump of callgrind counts."""
    for line in path.read_text().splitlines():
        key, _, value = line.partition(":")
        if key in ("totals", "summary"):
            return int(value.split()[0])
    raise ValueError(f"{path} has no totals")


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.instructions",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--record", action="store_true", help="write what was counted into bench/instructions.json"
    )
    parser.add_argument("--run", metavar="MARKS", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        run(ctypes.CDLL(options.run))
        return 0
    if not shutil.which("valgrind"):
        print("missing: valgrind")
        return 1
    found = counted()
    if options.record:
        RECORD.write_text(json.dumps(found, indent=2) + "\n")
    recorded = json.loads(RECORD.read_text())
    good = True
    print("| hot path | instructions | recorded | |\n|---|---|---|---|")
    for name, count in found.items():
        fails = count > MOST * recorded.get(name, 0)
        good &= not fails
        print(
            f"| {name} | {count:,} | {recorded.get(name, 0):,} | {'FAILED: more than twice' if fails else ''} |"
        )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
