"""``journal``: looking after the file in which an ended share was kept."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from share.cerial._standins import without_classes
from share.cli._kept import CLASSES, Kept
from share.cli._output import json_option, print_json, shown_error
from share.engine import CommitLog, JournalEngine, Restored, restore
from share.engine._images import META, entry_of, folded, meta_entry, meta_of
from share.errors import NotShareableError
from share.state import Replica, State
from share.state._unreadable import Unreadable, UnreadableClass

__all__ = ["journal"]

_file = click.argument("file", type=click.Path())


_load = click.option(
    "--load", is_flag=True, help="Load the classes in it, and unpickle: only of a journal that you trust."
)


@contextmanager
def _opened(file: str, load: bool) -> Iterator[JournalEngine]:
    """The journal, and if they may be loaded the user's modules as ``python -m`` finds them."""
    with JournalEngine(file, create=False) as engine:
        if not load:
            with without_classes(CLASSES):
                yield engine
            return
        sys.path.insert(0, os.getcwd())
        try:
            yield engine
        finally:
            sys.path.pop(0)


def _names(engine: JournalEngine, found: Restored) -> tuple[dict[str, Any], int]:
    """What the names of the share hold, and how many nodes there are.

    Raises:
        ShareError: a change cannot be applied: the bytes are damaged, or a class is missing or another one.
    """
    if found.is_empty:
        return {}, 0
    names: dict[str, Any] | None = None
    if found.is_of_slots:
        kept = Kept(found, (engine.blob("identity") or b"").decode())
        names, replica = kept.names(), kept.replica
    else:
        replica = Replica()
        replica.load(found.bases)
        replica.apply(found.changes)
    for cls in replica.known_classes():
        if isinstance(cls, UnreadableClass):
            raise cls.error
    for node in map(replica.node, replica.node_ids()):
        if type(node) is Unreadable:
            raise node._share_error or NotShareableError(node._share_why)
    if names is None:
        (root,) = replica.ids_in(0)
        return replica.node(root), len(replica)
    return names, len(replica)


@click.group()
def journal() -> None:
    """Checks, shortens or prints the journal of a share that is not running."""


@journal.command()
@_file
@_load
@json_option
def verify(file: str, load: bool, json_: bool) -> None:
    """Reads all of a journal, and says what is in it; exit code 1 if anything is damaged."""
    with _opened(file, load) as engine:
        wrong = engine.check()
        report: dict[str, Any] = {"file": str(engine.path), "bytes": engine.path.stat().st_size}
        try:
            found = restore(engine)
            report |= {
                "epoch": found.epoch,
                "position": found.position,
                "snapshot_bytes": found.base_size,
                "records": found.commits,
                "record_bytes": found.size,
            }
            names, report["nodes"] = _names(engine, found)
            report["names"] = sorted(names)
        except Exception as error:  # a class's own code may raise anything
            wrong.append(shown_error(error))
        report["wrong"] = wrong
    if json_:
        print_json(report)
    else:
        for key, value in report.items():
            if key != "wrong":
                click.echo(f"{key}: {', '.join(value) if key == 'names' else value}")
        for line in wrong:
            click.echo(f"damaged: {line}", err=True)
    if wrong:
        raise SystemExit(1)


@journal.command()
@_file
@json_option
def compact(file: str, json_: bool) -> None:
    """Puts a snapshot in the place of all commits, and makes the file as small as that allows.

    Of a log that was not made by a share (see CommitLog) it loads the classes, and unpickles.
    """
    with _opened(file, True) as engine:
        before = engine.path.stat().st_size
        commits, found = CommitLog.open(engine, "compact")
        try:
            if found.is_of_slots:
                images = folded(found.bases, found.changes)
                cells = {number: entry_of(image) for number, image in images.items()}
                commits.snapshot({META: meta_entry(meta_of(found.bases, found.changes)), **cells})
            elif not found.is_empty:
                state = State.load(found.bases, found.changes, found.next_id)
                try:
                    commits.snapshot({cell: state.base(cell) for cell in state.cells})
                finally:
                    state.close()
        finally:
            commits.close()
        engine.shrink()
        path = engine.path
    report = {"file": str(path), "bytes_before": before, "bytes": path.stat().st_size}
    if json_:
        print_json(report)
    else:
        click.echo(f"{path}: {before} bytes before, {report['bytes']} now")


@journal.command()
@_file
@_load
def export(file: str, load: bool) -> None:
    """Prints what the journal's names hold, as JSON: objects as dicts of their attributes."""
    with _opened(file, load) as engine:
        names, _ = _names(engine, restore(engine))
        print_json(names)
