"""``serve`` and ``stop``: a share that no program owns, and the end of one."""

import contextlib
import os
import signal
import socket
import sys
import time
from typing import Literal

import click

from share import Share
from share._lifecycle import attach_session, end
from share.cli._observer import find_share, share_names
from share.cli._output import json_option, print_json

__all__ = ["serve", "stop"]


@click.command()
@click.argument("name")
@click.option("--ring", default=16384, help="Cells (64 bytes) of the command ring, a power of two.")
@click.option(
    "--on-new-code",
    type=click.Choice(["raise", "upgrade"]),
    default="raise",
    help="What is done for a program whose class has been changed since: an error, or the coordinator loads it anew.",
)
@json_option
def serve(name: str, ring: int, on_new_code: Literal["raise", "upgrade"], json_: bool) -> None:
    """Creates a share of that name and keeps it until SIGINT, SIGTERM or `stop`.

    Programs use it with Share.attach(NAME) or Share.open(NAME). Run it where their modules are found: the coordinator
    imports the modules of their classes, from this folder and from PYTHONPATH.
    """
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    signals = {signal.SIGINT, signal.SIGTERM}
    try:
        shared = Share(name, ring=ring, on_new_code=on_new_code)
    except (FileExistsError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    # Blocked, to be taken one by one below; not earlier, as what is blocked here is inherited by the coordinator.
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        session = shared.session_of()
        while not session.control.coordinator_pid() and not session.control.closed:
            session.control.rescue()
            time.sleep(0.002)
        served = {"name": name, "segment": session.name, "owner": os.getpid()}
        if json_:
            print_json(served, lines=True)
        else:
            click.echo(f"serving {name} ({session.name}); Ctrl-C or `python -m share stop {name}` ends it")
        sys.stdout.flush()
        _tell_systemd()
        while not session.control.closed and signal.sigtimedwait(signals, 0.5) is None:
            session.control.rescue()
    finally:
        shared.close()  # `with` would also wait for what this process has queued, which is nothing
    # However it ended: of SIGTERM for the whole group the coordinator may be told before us.
    click.echo("stopped", err=True)


def _tell_systemd() -> None:
    """A service of ``Type=notify`` is up when it says so."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        if address:
            channel.sendto(b"READY=1", address.replace("@", "\0", 1) if address.startswith("@") else address)


@click.command()
@click.argument("share", shell_complete=share_names)
@json_option
def stop(share: str, json_: bool) -> None:
    """Ends a share: what is queued is executed, then its memory is removed. Its users get ShareClosedError."""
    info = find_share(share)
    if info.state not in ("running", "lost", "closed"):
        raise click.ClickException(
            f"{info.segment} is {info.state}: `python -m share gc` removes what is left"
        )
    # A coordinator that has been killed is replaced, for what is queued to be executed.
    control = attach_session(info.segment).control
    end(control, control.coordinator_pid(), os.getpid(), info.name)
    if json_:
        print_json({"segment": info.segment, "name": info.name, "stopped": True})
    else:
        click.echo(f"stopped {info.name or info.segment}")
