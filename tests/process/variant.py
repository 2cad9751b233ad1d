"""The build with test points: mechanisms can be switched off in it (``BROKEN`` in ``_atomic.h``)."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from programs import environment

ROOT = Path(__file__).parents[2]


def build(folder: Path) -> Path:
    """Compiles the variant in the folder; gives the directory to put on PYTHONPATH.

    ``SHARE_VARIANT=directory`` names one that exists already.
    """
    if ready := os.environ.get("SHARE_VARIANT"):
        return Path(ready)
    if not (ROOT / "setup.py").exists() or importlib.util.find_spec("Cython") is None:
        pytest.skip("the variant is compiled from the source tree, with Cython")
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, folder)
    shutil.copytree(
        ROOT / "src",
        folder / "src",
        ignore=shutil.ignore_patterns("*.so", "*.c", "__pycache__", "*.egg-info"),
    )
    done = subprocess.run(
        [sys.executable, "setup.py", "build_ext", "--inplace", f"-j{os.cpu_count()}"],
        cwd=folder, env={**os.environ, "SHARE_TESTPOINTS": "1", "CFLAGS": "-O1"}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    return folder / "src"


def environment_of(variant: Path, **more: str) -> dict[str, str]:
    """The environment of a program that uses the variant instead of the library under test."""
    env = environment(**more)
    return {**env, "PYTHONPATH": os.pathsep.join([str(variant), env["PYTHONPATH"]])}
