"""Types: the public names as mypy sees them, and stubs that agree with the compiled modules."""

import subprocess
import sys
from pathlib import Path

import pytest

import share

HERE = Path(__file__).parent
PACKAGE = Path(share.__file__).parent

# What Cython adds to every class and module, and what a stub leaves out on purpose.
ALLOWED = r"""
share\.__main__
.*\.__reduce_cython__
.*\.__setstate_cython__
.*\.__pyx_vtable__
.*\.__pyx_capi__
.*\.__test__
.*\.__reduce(_ex)?__
"""


def mypy(*arguments: str, module: str = "mypy") -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, cwd=HERE.parents[1])


@pytest.mark.slow
def test_public_names_have_the_documented_types(tmp_path: Path) -> None:
    result = mypy("--strict", "--cache-dir", str(tmp_path), str(HERE / "public.py"))
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.slow
def test_stubs_agree_with_the_modules(tmp_path: Path) -> None:
    allowed = tmp_path / "allowed"
    allowed.write_text(ALLOWED)
    result = mypy(
        "share", "--ignore-missing-stub", "--concise", "--ignore-unused-allowlist",
        "--allowlist", str(allowed), module="mypy.stubtest",
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.so")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_compiled_module_has_a_stub(path: Path) -> None:
    stub = path.with_name(path.name.partition(".")[0] + ".pyi")
    assert stub.exists()
