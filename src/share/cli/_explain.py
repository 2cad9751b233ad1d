"""``share explain module:Class``: how calls of a class will run, and why."""

import importlib
import os
import sys

import click
from rich.console import Console

from share.analysis import explain as explain_class
from share.analysis._explain import HEADINGS
from share.cli._output import json_option, print_json
from share.errors import AnalysisError

__all__ = ["explain"]


def find_class(target: str) -> type:
    """Import what ``module:Class`` names; nested classes with dots."""
    module_name, _, path = target.partition(":")
    if not module_name or not path:
        raise click.BadParameter(f"{target!r} is not of the form module:Class, for example queue:Queue")
    sys.path.insert(0, os.getcwd())  # as ``python -m`` does
    try:
        found: object = importlib.import_module(module_name)
    except ImportError as error:
        raise click.BadParameter(f"cannot import {module_name!r}: {error}") from error
    finally:
        sys.path.pop(0)
    for name in path.split("."):
        if not hasattr(found, name):
            raise click.BadParameter(f"{module_name} has no {path!r}")
        found = getattr(found, name)
    if not isinstance(found, type):
        raise click.BadParameter(f"{target} is not a class but {type(found).__name__}")
    return found


@click.command()
@click.argument("target", metavar="MODULE:CLASS")
@click.option("--special", is_flag=True, help="Also show special methods that only look.")
@click.option(
    "--svg",
    type=click.Path(dir_okay=False, allow_dash=True),
    help="Draw it into this file ('-': the output) instead.",
)
@json_option
def explain(target: str, special: bool, svg: str | None, json_: bool) -> None:
    """Show for every method of a class what it reads and writes, and how a call will run."""
    try:
        found = explain_class(find_class(target), special=special)
    except AnalysisError as error:
        raise click.ClickException(str(error)) from error
    if svg is not None:
        try:
            with click.open_file(svg, "w", encoding="utf-8") as file:
                file.write(found.svg())
        except OSError as error:
            raise click.ClickException(f"{svg}: {error.strerror}") from error
        if json_ and svg != "-":
            print_json({"class": found.plan.name, "svg": svg})
    elif json_:
        methods = [dict(zip(HEADINGS, row.cells(), strict=True)) for row in found.rows]
        print_json({"class": found.plan.name, "heading": found.heading, "methods": methods})
    else:
        Console().print(found)
