"""Prints the oldest versions that pyproject.toml allows, for pip: python oldest.py build|run|EXTRA...

Fails if a requirement lacks a lower or an upper bound.
"""

import re
import sys
import tomllib
from pathlib import Path


def requirements(kind: str) -> list[str]:
    """What pyproject.toml asks for building, for running, or for an extra."""
    with open(Path(__file__).parents[1] / "pyproject.toml", "rb") as file:
        project = tomllib.load(file)
    if kind == "build":
        return project["build-system"]["requires"]
    if kind == "run":
        return project["project"]["dependencies"]
    return project["project"]["optional-dependencies"][kind]


def oldest(requirement: str) -> str:
    """The same, with exactly the oldest version."""
    bounds = re.fullmatch(r"([\w-]+)>=([\d.]+),<[\d.]+", requirement)
    if bounds is None:
        raise SystemExit(f"pyproject.toml: {requirement!r} has to be of the form name>=oldest,<bound")
    return f"{bounds[1]}=={bounds[2]}"


for kind in ("build", "run", "cli", "test", "bench", "lint"):
    found = [oldest(requirement) for requirement in requirements(kind)]
    if kind in sys.argv[1:]:
        print(*found, sep="\n")
