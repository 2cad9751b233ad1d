"""``dump``: what a coordinator is doing at this moment, even if it is stuck."""

import fcntl
import os
import signal
import time
from pathlib import Path

import click

from share.cli._observer import find_share, share_names
from share.cli._output import json_option, print_json

__all__ = ["dump"]

_LAST = 'File "<string>", line 1 in <module>\n'  # of the main thread, whose stack is written last


@click.command()
@click.argument("share", shell_complete=share_names)
@click.option("--timeout", type=click.FloatRange(min=0), default=10.0, help="Seconds to wait for it.")
@json_option
def dump(share: str, timeout: float, json_: bool) -> None:
    """Prints the Python stacks of a share's coordinator: what it is running, also while that does not end."""
    pid = find_share(share).coordinator
    if not pid:
        raise click.ClickException(f"{share} has no coordinator at present")
    try:
        stacks = _stacks(pid, timeout)
    except OSError as error:
        raise click.ClickException(f"the coordinator {pid} cannot be looked into: {error}") from error
    if json_:
        print_json({"coordinator": pid, "stacks": stacks})
    else:
        click.echo(f"coordinator {pid}\n\n{stacks}", nl=False)


def _stacks(pid: int, timeout: float) -> str:
    end = time.monotonic() + timeout
    while not (place := _file_of(pid)):  # it has just been started, or is no coordinator of ours
        if time.monotonic() > end:
            raise click.ClickException(f"the coordinator {pid} has not got ready within {timeout:g} s")
        time.sleep(0.01)
    with open(place, "r+b", buffering=0) as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # of several that ask, one after the other
        file.truncate(0)
        os.kill(pid, signal.SIGUSR2)
        while True:
            found = os.pread(file.fileno(), 1 << 20, 0).decode(errors="replace")
            if found.endswith(_LAST):
                return found
            if time.monotonic() > end:
                raise click.ClickException(
                    f"the coordinator {pid} has not answered within {timeout:g} s: it is stopped, or waits in the "
                    f"kernel\n{found}"
                )
            time.sleep(0.005)


def _file_of(pid: int) -> Path | None:
    """The file that a coordinator writes its stacks into; None while it would be ended by the signal."""
    caught = [
        line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("SigCgt")
    ]
    if not int(caught[0].split()[1], 16) >> (signal.SIGUSR2 - 1) & 1:
        return None
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            if os.readlink(link).startswith("/memfd:share-dump"):
                return link
        except OSError:
            continue  # closed meanwhile
    return None
