"""``get``, ``watch`` and ``errors``: what is in a share, as it is committed."""

import time

import click
from rich.console import Console
from rich.pretty import Pretty, pretty_repr

from share._api import message_of
from share.cli._observer import Observer, Unreadable, share_names
from share.cli._output import as_json, json_option, print_json
from share.client._session import Shared

__all__ = ["errors", "get", "watch"]

_share = click.argument("share", shell_complete=share_names)
_path = click.argument("path", metavar="OBJ[.ATTR]")


@click.command()
@_share
@click.argument("path", metavar="[OBJ[.ATTR]]", default="")
@json_option
def get(share: str, path: str, json_: bool) -> None:
    """Prints what a name of a share, or a part of it, is now; without a name, all names."""
    observer = Observer(share)
    if path:
        value = observer.value(path)
        if json_:
            print_json(value)
        elif isinstance(value, str):
            click.echo(value)
        else:
            Console().print(Pretty(value if _has_repr(value) else as_json(value)))
        return
    found = {
        name: f"<{type(value).__qualname__}>" if isinstance(value, Shared)
        else repr(value) if isinstance(value, Unreadable)
        else value
        for name, value in observer.names().items()
    }  # fmt: skip
    if json_:
        print_json(found)
    else:
        for name, value in found.items():
            click.echo(f"{name}: {value if isinstance(value, str) else pretty_repr(value, max_string=60)}")


def _has_repr(value: object) -> bool:
    return type(value).__repr__ is not object.__repr__


@click.command()
@_share
@_path
@click.option("--interval", type=click.FloatRange(min=0.001), default=0.1, help="Seconds between looks.")
@click.option("--count", type=click.IntRange(min=1), help="End after so many values.")
@json_option
def watch(share: str, path: str, interval: float, count: int | None, json_: bool) -> None:
    """Prints a value now and whenever it has changed, until the share ends or Ctrl-C.

    It is looked at from time to time: of changes in quick succession only the last is shown.
    """
    observer = Observer(share)
    position, last, shown = -1, None, 0
    while not observer.control.closed:
        if observer.control.position() != position:
            position = observer.control.position()
            value = observer.value(path)
            text = pretty_repr(value if _has_repr(value) else as_json(value))
            if text != last:
                last, shown = text, shown + 1
                if json_:
                    print_json({"time": time.time(), "value": value}, lines=True)
                else:
                    click.echo(f"{time.strftime('%H:%M:%S')} {text}")
                if shown == count:
                    return
        time.sleep(interval)
    click.echo("the share has been closed", err=True)


@click.command()
@_share
@click.option("--traceback", is_flag=True, help="With the coordinator's tracebacks.")
@json_option
def errors(share: str, traceback: bool, json_: bool) -> None:
    """Lists the last 100 queued commands that raised while nobody waited for them; oldest first."""
    found = Observer(share).errors()
    if json_:
        print_json(
            [
                {
                    "position": failed.position,
                    "command": failed.command,
                    "error": type(failed.error).__name__,
                    "message": message_of(failed.error),
                    "traceback": failed.traceback,
                }
                for failed in found
            ]
        )
        return
    for failed in found:
        click.echo(" ".join(str(failed).splitlines()))
        if traceback:
            click.echo(failed.traceback)
    if not found:
        click.echo("no errors")
