"""``top``: how busy a share is, and who waits for what."""

import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import click
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

from share.cli._observer import Observer, ProcessInfo, share_names
from share.cli._output import json_option, print_json

__all__ = ["top"]

_STEP = 0.02  # seconds between two looks at the positions, and so the resolution of the lag


@dataclass
class Figures:
    """One interval of a share's life."""

    segment: str
    name: str | None
    state: str
    coordinator: int
    commands: int  # executed since the share was made
    commands_per_second: float
    queued: int  # ring cells
    ring: int  # ring cells in all
    lag: float  # seconds for which the oldest command that is queued has been waiting, as far as was seen
    running_for: float  # seconds for which the coordinator has been running its present commands
    memory: int
    errors: int | None  # None: they cannot be read
    processes: list[ProcessInfo]


def measure(observer: Observer, interval: float) -> Iterator[Figures]:
    """The figures of one interval after the other, until the share is closed."""
    control = observer.control
    claimed: deque[tuple[float, int]] = (
        deque()
    )  # when the ring's end was seen where, for what is not committed
    last, before = time.monotonic(), control.commands()
    while not control.closed:
        end = last + interval
        while (now := time.monotonic()) < end and not control.closed:
            _note(claimed, now, control.tail(), control.position())
            time.sleep(min(_STEP, end - now))
        commands = control.commands()
        _note(claimed, now, control.tail(), control.position())
        if control.closed:
            return
        yield Figures(
            observer.info.segment,
            observer.info.name,
            "lost" if control.lost else "running",
            control.coordinator_pid(),
            commands,
            (commands - before) / (now - last),
            control.backlog(),
            control.cells,
            now - claimed[0][0] if claimed else 0.0,
            control.running_for(),
            control.memory(),
            _number_of_errors(observer),
            observer.processes(),
        )
        last, before = now, commands


def _number_of_errors(observer: Observer) -> int | None:
    try:
        return len(observer.errors())
    except Exception:  # whatever it is: the other figures tell all the same how the share is
        return None


def _note(claimed: deque[tuple[float, int]], now: float, tail: int, committed: int) -> None:
    while claimed and claimed[0][1] <= committed:
        claimed.popleft()
    if tail > committed and (not claimed or claimed[-1][1] != tail):
        claimed.append((now, tail))


def _view(figures: Figures) -> Group:
    head = Table.grid(padding=(0, 2))
    head.add_row("share", f"{figures.name or figures.segment} ({figures.state})")
    head.add_row("coordinator", str(figures.coordinator or "none"))
    head.add_row("commands/s", f"{figures.commands_per_second:,.0f}  ({figures.commands:,} in all)")
    head.add_row("queued", f"{figures.queued:,} of {figures.ring:,} cells")
    head.add_row(
        "commit lag", f"{figures.lag * 1000:,.0f} ms; running for {figures.running_for * 1000:,.0f} ms"
    )
    head.add_row("memory", f"{figures.memory / (1 << 20):,.1f} MB")
    head.add_row("errors", "cannot be read" if figures.errors is None else str(figures.errors))
    table = Table(box=None, pad_edge=False)
    for heading in ("pid", "role", "waits for", "program"):
        table.add_column(heading, no_wrap=True)
    for process in figures.processes:
        table.add_row(str(process.pid), process.role, ", ".join(process.waits) or "-", process.program)
    return Group(head, "", table)


@click.command()
@click.argument("share", shell_complete=share_names)
@click.option("--interval", type=click.FloatRange(min=0.05), default=1.0, help="Seconds between two views.")
@click.option("--count", type=click.IntRange(min=1), help="End after so many views.")
@click.option("--web", is_flag=True, help="Show them in a browser, at the address that is printed.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Of --web; 0: any that is free.")
@json_option
def top(share: str, interval: float, count: int | None, web: bool, port: int, json_: bool) -> None:
    """Shows how busy a share is and who waits for what, until the share ends or Ctrl-C.

    Where the output is no terminal, one view is printed, or as many as --count says.
    """
    observer, console = Observer(share), Console()
    if count is None and not json_ and not console.is_terminal:
        count = 1
    views = measure(observer, interval)
    if web:
        _show_in_browser(observer, views, port, json_)
        return
    if json_:
        for number, figures in enumerate(views, 1):
            print_json(asdict(figures), lines=True)
            if number == count:
                break
    elif not console.is_terminal:
        for number, figures in enumerate(views, 1):
            console.print(_view(figures))
            if number == count:
                break
    else:
        with Live(console=console, auto_refresh=False) as live:
            for number, figures in enumerate(views, 1):
                live.update(_view(figures), refresh=True)
                if number == count:
                    break


def _show_in_browser(observer: Observer, views: Iterator[Figures], port: int, json_: bool) -> None:
    from share.cli._web import Dashboard

    try:
        dashboard = Dashboard(observer, views, port)
    except OSError as error:
        raise click.ClickException(f"port {port}: {error}") from error
    with dashboard:
        if json_:
            print_json({"url": dashboard.url}, lines=True)
        else:
            click.echo(f"{dashboard.url} shows {observer.info.name or observer.info.segment}; Ctrl-C ends it")
        sys.stdout.flush()
        try:
            dashboard.run()
        except KeyboardInterrupt:
            pass
