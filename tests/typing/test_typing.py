"""Types: the public names as mypy sees them, and stubs that agree with the compiled modules."""

import subprocess
import sys
from pathlib import Path

import pytest

import share

HERE = Path(__file__).parent
PACKAGE = Path(share.__file__).parent
COMPILED = sorted(PACKAGE.rglob("*.so"))

# What stubtest finds and we do not want: members that Cython adds, `__buffer__` before Python 3.12, and that a
# compiled class cannot be a base beside another one, which only the newest checkers have a word for.
IGNORED = ("__reduce_cython__", "__setstate_cython__", "__pyx_", ".__buffer__ ", "is a disjoint base at runtime")


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-m", *arguments], check=False, capture_output=True, text=True)


def module_of(path: Path) -> str:
    return ".".join(("share", *path.relative_to(PACKAGE).parent.parts, path.name.partition(".")[0]))


@pytest.mark.slow
def test_public_names_have_the_documented_types(tmp_path: Path) -> None:
    result = run("mypy", "--strict", "--cache-dir", str(tmp_path), str(HERE / "public.py"))
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.slow
def test_stubs_agree_with_the_modules(tmp_path: Path) -> None:
    settings = tmp_path / "mypy.ini"
    settings.write_text(f"[mypy]\nignore_errors = true\ncache_dir = {tmp_path}\n")
    result = run("mypy.stubtest", "share", "--ignore-missing-stub", "--concise", "--mypy-config-file", str(settings))
    compiled = tuple(f"{module_of(path)}." for path in COMPILED)
    lines = (result.stdout + result.stderr).splitlines()
    assert not [line for line in lines if "error:" in line]
    assert not [line for line in lines if line.startswith(compiled) and not any(part in line for part in IGNORED)]


@pytest.mark.parametrize("path", COMPILED, ids=module_of)
def test_every_compiled_module_has_a_stub(path: Path) -> None:
    assert path.with_name(path.name.partition(".")[0] + ".pyi").exists()
