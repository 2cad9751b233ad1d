"""The loss of power: what had not been flushed is there, or not, sector by sector.

A model of the disk, not of a certain one: a flush of a file makes its contents last, one of its folder the names in it.
Of all that came after the last flush any sectors of 512 bytes may have been written, and of names what came first. A
disk that says that it has flushed and has not is outside of it.
"""

import os
import random
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from test_journal import PROGRAMS, names_of, restored

from share import CorruptDataError

SECTOR = 512
LONG = "SHARE_LONG" in os.environ


class Step(NamedTuple):
    what: str
    path: str
    offset: int
    data: bytes


def steps(notes: bytes) -> Iterator[Step]:
    at = 0
    while at + 32 <= len(notes):
        what, length, offset, size = struct.unpack_from("4Q", notes, at)
        at += 32
        if at + length + size > len(notes):
            return  # it was killed while it noted this
        path = notes[at : at + length].decode()
        yield Step(chr(what), path, offset, notes[at + length : at + length + size])
        at += length + size


class Disk:
    """What lasts of the files of one folder, and what was done to them since."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder)
        self.contents: dict[str, bytearray] = {}
        self.pending: dict[str, list[Step]] = {}
        self.names: set[str] = set()  # that last
        self.renamed: list[tuple[str, str]] = []  # (what, name) since then

    def do(self, step: Step) -> None:
        if step.what == "S" and step.path == self.folder:
            self.names = self.names_after(len(self.renamed))
            self.renamed.clear()
        elif Path(step.path).parent != Path(self.folder):
            return
        elif step.what == "S":
            for each in self.pending.pop(step.path, ()):
                change(self.contents[step.path], each)
        elif step.what == "U":
            self.renamed.append(("U", step.path))
            self.contents.pop(step.path, None)
            self.pending.pop(step.path, None)
        else:
            if step.path not in self.contents:
                self.contents[step.path] = bytearray()
                self.renamed.append(("W", step.path))
            self.pending.setdefault(step.path, []).append(step)

    def names_after(self, count: int) -> set[str]:
        found = set(self.names)
        for what, path in self.renamed[:count]:
            (found.discard if what == "U" else found.add)(path)
        return found

    def leaves(self, chance: random.Random, folder: Path) -> None:
        """Writes what a loss of power now may leave into another folder."""
        for path in self.names_after(chance.randint(0, len(self.renamed))):
            content = bytearray(
                self.contents.get(path, b"")
            )  # of one that was removed and still has its name: empty
            how = chance.choice(("all", "none", "first", "any", "any"))
            pending = self.pending.get(path, [])
            if how == "first":
                pending = pending[: chance.randint(0, len(pending))]
            for step in pending:
                if how == "none":
                    break
                if step.what == "T" or how != "any":
                    if how != "any" or chance.random() < 0.5:
                        change(content, step)
                    continue
                for piece in sectors(step):
                    if chance.random() < 0.5:
                        change(content, piece)
            (folder / Path(path).name).write_bytes(content)


def sectors(step: Step) -> Iterator[Step]:
    at = 0
    while at < len(step.data):
        size = SECTOR - (step.offset + at) % SECTOR
        yield Step("W", step.path, step.offset + at, step.data[at : at + size])
        at += size


def change(content: bytearray, step: Step) -> None:
    if step.what == "T":
        del content[step.offset :]
        content.extend(bytes(step.offset - len(content)))
    else:
        content.extend(bytes(max(0, step.offset - len(content))))
        content[step.offset : step.offset + len(step.data)] = step.data


@pytest.fixture(scope="module")
def preload(tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = tmp_path_factory.mktemp("power") / "power.so"
    source = Path(__file__).with_name("power.c")
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
    return library


def noted(preload: Path, folder: Path, positions: list[int]) -> list[Step]:
    """What a program does that is killed after each of these numbers of answers, and started again."""
    notes = folder.parent / "notes"
    notes.touch()
    folder.mkdir()
    environment = {**os.environ, "LD_PRELOAD": str(preload), "SHARE_POWER": str(notes)}
    for count in positions:
        process = subprocess.Popen(
            [sys.executable, PROGRAMS, "account", folder / "shop.db"],
            stdout=subprocess.PIPE, text=True, env=environment,
        )  # fmt: skip
        assert process.stdout is not None
        for _ in range(count):
            assert process.stdout.readline()
        process.kill()
        process.communicate()
    return list(steps(notes.read_bytes()))


def lost_power(done: list[Step], folder: Path, chance: random.Random, often: float) -> tuple[int, set[int]]:
    """Opens what is left at some of the steps. Gives how many that were, and the positions that were found."""
    disk, acknowledged, looked, seen = Disk(folder), 0, 0, set()
    for number, step in enumerate(done):
        if step.what == "A":
            text = step.data.decode().strip()
            acknowledged = max(acknowledged, int(text) if text.isdigit() else 0)
            continue
        disk.do(step)
        if chance.random() >= often:
            continue
        looked += 1
        left = folder.parent / "left"
        left.mkdir(exist_ok=True)
        for old in left.iterdir():
            old.unlink()
        disk.leaves(chance, left)
        if not (left / "shop.db").exists():
            assert not acknowledged
            continue
        found = restored(left / "shop.db")
        assert found.position >= acknowledged, number
        seen.add(found.position)
        if found.position:
            names = names_of(found)
            assert names["n"] == found.position == sum(names["by"].values())
            first = max(1, found.position - 19)
            assert [row.uid for row in names["rows"]] == list(range(first, found.position + 1))
    return looked, seen


def test_a_loss_of_power_loses_nothing_that_was_acknowledged(preload: Path, tmp_path: Path) -> None:
    done = noted(preload, tmp_path / "disk", [30, 20])
    assert {step.what for step in done} >= set("AWS")
    looked, seen = lost_power(done, tmp_path / "disk", random.Random(1), 0.5)
    assert looked > 50 and len(seen) > 20


@pytest.mark.slow
def test_a_loss_of_power_at_each_step(preload: Path, tmp_path: Path) -> None:
    """Long enough for the file beside the journal to be written into it, and begun anew."""
    done = noted(preload, tmp_path / "disk", [400, 200, 1, 2000 if LONG else 200])
    assert (
        len([step for step in done if step.what == "S" and step.path.endswith(".db")]) > 1
    )  # when it was made, and then
    for seed in range(5 if LONG else 1):
        looked, seen = lost_power(done, tmp_path / "disk", random.Random(seed), 1.0 if LONG else 0.1)
        assert looked > 100 and len(seen) > 20


def test_a_journal_that_does_not_flush_is_found_out(preload: Path, tmp_path: Path) -> None:
    done = [step for step in noted(preload, tmp_path / "disk", [30]) if step.what != "S"]
    with pytest.raises((AssertionError, CorruptDataError)):
        lost_power(done, tmp_path / "disk", random.Random(1), 0.2)
