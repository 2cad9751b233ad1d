"""Builds the compiled programs of the litmus tests against the package under test, once a run."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import share
from share import _ringbuf
from share._wait import has_testpoints

# Built as the package is: whether with ThreadSanitizer, with test points.
SANITIZED = b"__tsan_init" in Path(_ringbuf.__file__).read_bytes()
FLAGS = ["-O2", *["-fsanitize=thread"] * SANITIZED, *["-DSHARE_TESTPOINTS=1"] * has_testpoints()]

SETUP = """
import sys
from Cython.Build import cythonize
from setuptools import Extension, setup
source, package, flags = sys.argv.pop(), sys.argv.pop(), sys.argv.pop().split()
extension = Extension("programs", [source], include_dirs=[package], extra_compile_args=flags, extra_link_args=flags)
setup(name="programs", ext_modules=cythonize([extension], include_path=[package + "/.."], quiet=True))
"""


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    pytest.importorskip("Cython")
    pytest.importorskip("setuptools")
    folder = tmp_path_factory.mktemp("litmus")
    source = folder / "programs.pyx"
    source.write_text(Path(__file__).with_name("programs.pyx").read_text())
    command = [sys.executable, "-c", SETUP, "-q", "build_ext", "--inplace"]
    done = subprocess.run(
        [*command, " ".join(FLAGS), str(Path(share.__file__).parent), "programs.pyx"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    spec = importlib.util.spec_from_file_location("programs", next(folder.glob("programs.*.so")))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
