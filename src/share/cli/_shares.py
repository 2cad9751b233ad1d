"""``ls`` and ``gc``: what shares there are, and removing dead ones."""

from dataclasses import asdict

import click
from rich import box
from rich.console import Console
from rich.table import Table

from share.cli._output import json_option, print_json
from share.maintenance import ShareInfo, remove_dead, shares

__all__ = ["gc", "ls"]

_COLOURS = {"running": "green", "lost": "yellow", "closed": "yellow", "dead": "red", "orphan": "red"}


def _size(count: int) -> str:
    return f"{count / (1 << 20):.1f}M"


def _table(infos: list[ShareInfo]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=0)
    for heading in ("segment", "name", "state"):
        table.add_column(heading, no_wrap=True)
    for heading in ("owner", "coord.", "procs", "queued", "memory"):
        table.add_column(heading, justify="right", no_wrap=True)
    for info in infos:
        colour = _COLOURS.get(info.state, "default")
        table.add_row(
            info.segment,
            info.name or "",
            f"[{colour}]{info.state}[/]",
            str(info.owner or ""),
            str(info.coordinator or ""),
            str(info.processes),
            str(info.backlog),
            _size(info.memory),
        )
    return table


@click.command()
@json_option
def ls(json_: bool) -> None:
    """Lists the shares on this machine."""
    found = shares()
    if json_:
        print_json([asdict(info) for info in found])
        return
    if found:
        Console().print(_table(found))
    else:
        click.echo("no shares")
    for info in found:
        if info.reason:
            click.echo(f"{info.segment}: {info.reason}")


@click.command()
@json_option
def gc(json_: bool) -> None:
    """Removes the memory of shares that only provably dead processes have used."""
    removed = remove_dead()
    if json_:
        print_json([asdict(info) for info in removed])
        return
    if removed:
        Console().print(_table(removed))
    click.echo(f"{len(removed)} removed")
