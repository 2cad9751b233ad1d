"""The kill matrix: every test point of every role, killed, stopped and delayed, under changing loads.

As a program: ``python tests/crash/matrix.py [kills] [seed]`` prints the table of counts.
"""

import logging
import sys
import time
from collections import Counter

import points
from arena import Arena, report

#: Rings of 64 cells are nearly full all the time, wrap, and send everything over 512 bytes to spill segments.
RINGS = (64, 64, 1024)
ROLES = {
    "client": points.CLIENT,
    "coordinator": points.COORDINATOR,
    "successor": points.SUCCESSOR,
    "rescuer": points.RESCUER,
}


def one_pass(arena: Arena, role: str, action: str) -> None:
    """Each point of the role once."""
    for point in ROLES[role]:
        most = 1 if point in points.ONCE else 4
        others = arena.random.randint(0 if role == "client" else 1, 3)
        for _ in range(4):
            nth = arena.random.randint(1, most)
            if getattr(arena, f"{role}_round")(point, action, nth, others):
                break
            most = 1


def run(kills: int, seed: int, table: Counter[tuple[str, str, str]]) -> None:
    """Passes over the whole matrix until there have been that many kills; counts into the table."""
    number = 0
    while sum(n for (_, _, action), n in table.items() if action == "kill") < kills:
        arena = Arena(RINGS[number % len(RINGS)], seed + number)
        arena.largest = arena.usual = 3000 if number % 2 else 30000
        try:
            for role in ROLES:
                one_pass(arena, role, "kill")
                if number % 4 == 1:
                    one_pass(arena, role, "stop")
                    one_pass(arena, role, "delay")
                for _ in range(8 if role == "client" else 0):
                    one_pass(arena, role, "kill")
        finally:
            table.update(arena.table)
            done, coordinators = sum(arena.table.values()), arena.control.role >> 32
            print(
                f"share {number}: {done} strikes, {arena.producers} producers, {coordinators} coordinators",
                flush=True,
            )
            arena.close()
        number += 1


if __name__ == "__main__":
    logging.getLogger("share").setLevel(logging.ERROR)
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else int(time.time())
    print(f"seed {seed}")
    start = time.monotonic()
    counts: Counter[tuple[str, str, str]] = Counter()
    try:
        run(wanted, seed, counts)
    finally:
        print("\n".join(report(counts)))
        print(f"{time.monotonic() - start:.0f} s")
