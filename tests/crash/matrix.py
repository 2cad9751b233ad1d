"""The kill matrix: every test point of every role, killed, stopped and delayed, under changing loads.

As a program: ``python tests/crash/matrix.py [kills] [seed] [file]`` prints the table of counts, and writes it into the
file.
"""

import json
import logging
import random
import sys
import time
from collections import Counter
from pathlib import Path

import points
from arena import Arena, kills_in, report
from closing import closing_round

Table = Counter[tuple[str, str, str]]

#: Rings of 64 cells are nearly full all the time, wrap, and send everything over 512 bytes to spill segments.
RINGS = (64, 64, 1024)
ROLES = {
    "client": points.CLIENT,
    "coordinator": points.COORDINATOR,
    "successor": points.SUCCESSOR,
    "rescuer": points.RESCUER,
}
CLOSING = {"closing owner": points.CLOSING_OWNER, "closing coordinator": points.CLOSING_COORDINATOR}


def strike(arena: Arena, kind: str, point: str, action: str, tries: int = 4) -> bool:
    """A round at a point, again until it is met. Whether it was."""
    role = kind.removesuffix("s")
    most = 1 if point in points.ONCE else 4
    others = arena.random.randint(0 if role == "client" else 1, 3)
    for _ in range(tries):
        nth = arena.random.randint(1, most)
        if getattr(arena, f"{kind}_round")(point, action, nth, others):
            return True
        most = 1
    return False


def one_pass(arena: Arena, role: str, action: str) -> None:
    """Each point of the role once."""
    for point in ROLES[role]:
        strike(arena, role, point, action)


def pairs(arena: Arena) -> None:
    """Two roles at once: each point of the coordinator with some point of a client, and so on."""
    for point in points.COORDINATOR:
        client = arena.random.choice(points.CLIENT)
        arena.coordinator_round(point, "kill", arena.random.randint(1, 3), arena.random.randint(1, 3), client)
    for point in points.SUCCESSOR:
        strike(arena, "successors", point, "kill", 2)
    for point in points.RESCUER:
        arena.rescuer_and_successor_round(
            point, arena.random.choice(points.SUCCESSOR), arena.random.randint(1, 3)
        )


def closings(table: Table, chance: random.Random) -> None:
    """Each point of a close once, and pairs of them."""
    for point in points.CLOSING_OWNER:
        closing_round(table, chance, point, "")
        closing_round(table, chance, point, chance.choice(points.CLOSING_COORDINATOR))
    for point in points.CLOSING_COORDINATOR:
        closing_round(table, chance, "", point)


def one_share(table: Table, seed: int, number: int) -> None:
    """A life of one share, through every point."""
    arena = Arena(RINGS[number % len(RINGS)], seed + number)
    arena.largest = arena.usual = 3000 if number % 2 else 30000
    start = time.monotonic()
    try:
        for role in ROLES:
            one_pass(arena, role, "kill")
            if number % 4 == 1:
                one_pass(arena, role, "stop")
                one_pass(arena, role, "delay")
            for _ in range(2 if role == "client" else 0):
                one_pass(arena, role, "kill")
        pairs(arena)
    finally:
        table.update(arena.table)
        print(
            f"share {number}: {kills_in(arena.table)} kills, {arena.producers} producers, "
            f"{arena.control.role >> 32} coordinators, {time.monotonic() - start:.0f} s",
            flush=True,
        )
        arena.close()


def unmet(table: Table) -> list[tuple[str, str]]:
    """(role, point) where nobody has died yet."""
    places = [(role, point) for role, names in (ROLES | CLOSING).items() for point in names]
    return [(role, point) for role, point in places if not table[role, point, "kill"]]


def meet(table: Table, seed: int) -> None:
    """More tries, on a small ring, for the points that chance has left out."""
    chance = random.Random(seed)
    for role, point in unmet(table):
        if role in CLOSING:
            ends = ("", point) if role == "closing coordinator" else (point, "")
            for _ in range(10):
                if closing_round(table, chance, *ends):
                    break
            continue
        arena = Arena(64, seed)
        try:
            strike(arena, role, point, "kill", 20)
        finally:
            table.update(arena.table)
            arena.close()


def run(kills: int, seed: int, table: Table) -> None:
    """Lives of shares until there have been that many kills and every point was met; counts into the table."""
    number = 0
    while kills_in(table) < kills:
        one_share(table, seed, number)
        closings(table, random.Random(seed + number))
        number += 1
    meet(table, seed)


def main(arguments: list[str]) -> None:
    logging.getLogger("share").setLevel(logging.ERROR)
    wanted = int(arguments[0]) if arguments else 2000
    seed = int(arguments[1]) if len(arguments) > 1 else int(time.time())
    print(f"seed {seed}", flush=True)
    start = time.monotonic()
    table: Table = Counter()
    try:
        run(wanted, seed, table)
    finally:
        print("\n".join(report(table)))
        print(f"{time.monotonic() - start:.0f} s; not met: {unmet(table)}")
    if len(arguments) > 2:
        Path(arguments[2]).write_text(json.dumps([[*key, count] for key, count in table.items()]))


if __name__ == "__main__":
    main(sys.argv[1:])
