"""Programs that tests of the journal start and kill: python journal_programs.py WHAT FILE."""

import json
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "state"))

from recorded_programs import Row

from share.engine import CommitLog, JournalEngine
from share.state import State


def bases_of(state: State) -> dict[int, bytes]:
    return {cell: state.base(cell) for cell in state.cells}


def account(path: str) -> None:
    """Goes on where the last one was killed; prints each position once it is durable."""
    engine = JournalEngine(path, patience=60)
    commits, found = CommitLog.open(engine, "home")
    if found.is_empty:
        state = State()
        state.names.update(n=0, by={}, rows=[], sent=[])
    else:
        state = State.load(found.bases, found.changes, found.next_id)
    names, position = state.names, found.position
    print(json.dumps([position, names["n"]]), flush=True)
    while True:
        names["n"] += 1
        names["by"][names["n"] % 10] = names["by"].get(names["n"] % 10, 0) + 1
        names["rows"].append(Row(names["n"]))
        if len(names["rows"]) > 20:
            del names["rows"][0]
        position += 1
        commits.commit(position, state.end(), state.next_id)
        if position % 3 == 0:  # commits of several in one record, too
            commits.wait(position)
            print(position, flush=True)
        if position % 41 == 0:
            commits.snapshot(bases_of(state))


def hold(path: str) -> None:
    """Has the file open until it is killed."""
    engine = JournalEngine(path)
    print(engine.last(), flush=True)
    sys.stdin.read()


def fill(path: str) -> None:
    """Commits until the disk is full; then what is in the way goes, and it goes on."""
    engine = JournalEngine(path)
    commits, _ = CommitLog.open(engine, "home")
    state = State()
    state.names["l"] = []
    position = 0
    while True:
        position += 1
        state.names["l"].append(position)
        state.names["blob"] = bytes(2000)
        commits.commit(position, state.end(), state.next_id)
        try:
            commits.wait(position)
        except OSError as error:
            print(json.dumps([position, commits.durable, type(error).__name__, error.errno]), flush=True)
            break
    sys.stdin.readline()
    commits.wait(position)
    commits.close()
    engine.close()
    print(position, flush=True)


if __name__ == "__main__":
    {"account": account, "hold": hold, "fill": fill}[sys.argv[1]](sys.argv[2])
