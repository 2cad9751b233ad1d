"""A process that publishes random programs' nodes as a coordinator does, with none of a coordinator's other work."""

import copyreg
import mmap
import os
import pickle
import random
import secrets
import struct
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parent.parent / "state"))

from recorded_programs import Bag, Program

from share._control import Control
from share._segment import Segment

EMPTY = (1 << 64) - 1
NODES, DELETED = 6, 4
COMMIT, SEGMENTS, SEGMENT_TABLE, CELL_PAGES = 384, 1152, 4096, 1664
SIZE = 1 << 26
HEAP = 3


def reduce_bag(bag: Bag) -> Any:
    return Bag, (), vars(bag), None, iter(list(dict.items(bag)))


copyreg.pickle(Bag, reduce_bag)  # a Counter's own way leaves its attributes out


class Lists(Program):
    """Programs whose names hold lists: those are no top-level objects, so their cells refer to each other only."""

    def step_names(self, target: Any) -> None:
        name = self.one_of(["a", "b", "c", "d"])
        if self.choose(5) == 0:
            self.both(lambda d: d.pop(name), target)
        else:
            value = self.value()
            boxes = ([value[0]], [value[1]])
            self.both(lambda d, v: d.__setitem__(name, v), target, boxes)


class Publisher:
    """Slots and blocks, in one segment. It reuses blocks and numbers of cells as soon as it may."""

    def __init__(self, name: str, least_log: int) -> None:
        self.control = Control.create(name, 64, b"")
        self.segment = Segment.create(f"{name}_m0", SIZE)
        self.least_log = least_log
        self.memory = self.map(name)
        self.heap = self.map(f"{name}_m0")
        self.end = 128
        self.free: dict[int, list[int]] = {}
        self.position = 0
        self.cells: dict[int, dict[str, Any]] = {}
        self.owners = 1000
        # What a version that has been overwritten needed is free once nobody can have C from before.
        self.put(self.memory, SEGMENT_TABLE, HEAP, SIZE)
        self.put(self.memory, SEGMENTS, 1)

    @staticmethod
    def map(name: str) -> mmap.mmap:
        descriptor = os.open(f"/dev/shm/{name}", os.O_RDWR)
        try:
            return mmap.mmap(descriptor, 0)
        finally:
            os.close(descriptor)

    @staticmethod
    def put(memory: mmap.mmap, at: int, *words: int) -> None:
        for i, word in enumerate(words):
            memory[at + 8 * i : at + 8 * i + 8] = struct.pack("<Q", word)

    @staticmethod
    def get(memory: mmap.mmap, at: int) -> int:
        return int(struct.unpack("<Q", memory[at : at + 8])[0])

    def carve(self, size: int) -> int:
        at = self.end
        self.end += (size + 63) // 64 * 64
        assert self.end <= SIZE
        return at

    def allocate(self, length: int) -> tuple[int, int]:
        capacity = 64
        while capacity < length + 16:
            capacity *= 2
        if self.free.get(capacity):
            at = self.free[capacity].pop(0)
        else:
            at = self.carve(capacity)
            self.put(self.heap, at, 1, capacity)
        return at, self.get(self.heap, at)

    def release(self, at: int) -> None:
        self.put(self.heap, at, self.get(self.heap, at) + 1)
        self.free.setdefault(self.get(self.heap, at + 8), []).append(at)

    def slot(self, number: int) -> int:
        page = (number // 64 + 1).bit_length() - 1
        where = self.get(self.memory, CELL_PAGES + 8 * page)
        if where == 0:
            where = self.carve((64 << page) * 128)
            for i in range(64 << page):
                self.put(self.heap, where + i * 128, EMPTY)
                self.put(self.heap, where + i * 128 + 56, EMPTY)
            self.put(self.memory, CELL_PAGES + 8 * page, where)
        return where + (number - 64 * ((1 << page) - 1)) * 128

    def block(self, data: bytes) -> tuple[int, int]:
        at, generation = self.allocate(len(data))
        self.heap[at + 16 : at + 16 + len(data)] = data
        return at, generation

    def publish(self, state: Any, changes: dict[int, bytes]) -> None:
        """One commit."""
        self.position += 1
        number = state.commits
        for cell in sorted(self.cells.keys() - set(state.cells)):
            self.version(cell, DELETED, 0, (0,) * 5)
            self.cells[cell]["gone"] = True
        for cell, data in changes.items():
            known = self.cells.get(cell)
            if known is None:
                at = self.slot(cell)
                self.owners += 1
                self.put(self.heap, at, EMPTY)
                self.put(self.heap, at + 56, EMPTY)
                flags = self.carve(16)
                self.put(self.heap, at + 112, self.owners, flags | 1 << 52)
                known = self.cells[cell] = {"last": 0, "flags": flags, "kept": [[], []], "which": 0}
            if "base" not in known or known["length"] + len(data) > max(self.least_log, known["size"] // 2):
                base = state.base(cell)
                known["base"], known["size"] = self.block(base), len(base)
                log = struct.pack("<Q", known["last"]) + data
                at, generation = self.allocate(len(log) + self.least_log + len(base))
                known["log"] = (at, generation)
                self.heap[at + 16 : at + 16 + len(log)] = log
                known["length"] = len(data)
            else:
                at = known["log"][0] + 24 + known["length"]
                self.heap[at : at + len(data)] = data
                known["length"] += len(data)
            known["last"] = number
            self.version(
                cell,
                NODES,
                known["length"],
                (known["base"][0], known["size"], known["base"][1], known["log"][0], known["log"][1]),
            )
        # Flags first, so that who reads from here on waits.
        for cell in changes:
            if cell:
                self.put(self.heap, self.cells[cell]["flags"] + 8, self.position)
        self.put(self.memory, COMMIT, self.position)
        for cell in [cell for cell, known in self.cells.items() if known.get("gone")]:
            # From the next commit on the number may be used again.
            known = self.cells.pop(cell)
            at = self.slot(cell)
            self.put(self.heap, at, EMPTY)
            self.put(self.heap, at + 56, EMPTY)
            self.put(self.heap, at + 112, 0)
            for block in {block for kept in known["kept"] for block in kept}:
                self.release(block)

    def version(self, cell: int, kind: int, length: int, payload: tuple[int, ...]) -> None:
        known = self.cells[cell]
        known["which"] = 1 - known["which"]
        at = self.slot(cell) + 56 * known["which"]
        self.put(self.heap, at, EMPTY)
        before = known["kept"][known["which"]]
        known["kept"][known["which"]] = [payload[0], payload[3]] if kind == NODES else []
        for block in before:
            if block not in known["kept"][0] and block not in known["kept"][1]:
                self.release(block)
        self.put(self.heap, at + 8, kind | length << 32, *payload)
        self.put(self.heap, at, self.position)


def write(connection: Connection, seed: int, least_log: int, program_class: str) -> None:
    """Runs commands one by one as it is told to; says how the state's plain twin looks after each."""
    name = f"share_{secrets.token_hex(4)}_{os.getpid():x}"
    publisher = Publisher(name, least_log)
    program = {"Program": Program, "Lists": Lists}[program_class](random.Random(seed).randrange)

    def publish() -> None:
        changes = program.state.end()
        program.replica.apply(changes)
        publisher.publish(program.state, changes)

    program.publish = publish  # type: ignore[method-assign]
    names = program.state.id_of(program.state.names)
    try:
        program.publish()
        connection.send((name, names))
        while (asked := connection.recv()) is not None:
            if asked < 0:  # as fast as it can, while others read
                history = [(publisher.position, pickle.dumps(program.plain))]
                for _ in range(-asked):
                    program.command()
                    history.append((publisher.position, pickle.dumps(program.plain)))
                connection.send(history)
                continue
            for _ in range(asked):
                program.command()
            roots = {
                key: (program.state.id_of(value), program.state.home_of(value))
                for key, value in program.state.names.items()
                if program.state.id_of(value)
            }
            connection.send((program.plain, roots, list(program.state.cells)))
    except EOFError:
        pass
    finally:
        program.state.close()
        for segment in (f"{name}_m0", name):
            Path("/dev/shm", segment).unlink(missing_ok=True)
