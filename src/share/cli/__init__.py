"""The command line: ``python -m share``."""

from typing import Any

import click

from share.cli._doctor import doctor
from share.cli._dump import dump
from share.cli._explain import explain
from share.cli._journal import journal
from share.cli._serve import serve, stop
from share.cli._shares import gc, ls
from share.cli._state import errors, get, watch
from share.cli._top import top
from share.errors import ShareError

__all__ = ["group"]


class _Group(click.Group):
    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ShareError as error:
            raise click.ClickException(str(error)) from error


group = _Group("share", help="Live objects shared between processes.")
for command in (doctor, dump, errors, explain, gc, get, journal, ls, serve, stop, top, watch):
    group.add_command(command)
