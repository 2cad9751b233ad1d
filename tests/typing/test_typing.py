"""Types: the public names as mypy sees them, and stubs that agree with the compiled modules."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import share

HERE = Path(__file__).parent
PACKAGE = Path(share.__file__).parent
COMPILED = sorted(PACKAGE.rglob("*.so"))

# What stubtest finds and we do not want: members that Cython adds, `__buffer__` before Python 3.12, classes without an
# `__init__` of their own, and that a compiled class cannot be a base beside another one.
IGNORED = (
    "__reduce_cython__",
    "__setstate_cython__",
    "__pyx_",
    ".__buffer__ ",
    '.__init__ is inconsistent, stub does not have *args parameter "args"',
    "is a disjoint base at runtime",
)


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-m", *arguments], check=False, capture_output=True, text=True)


def module_of(path: Path) -> str:
    return ".".join(("share", *path.relative_to(PACKAGE).parent.parts, path.name.partition(".")[0]))


@pytest.mark.slow
def test_public_names_have_the_documented_types(tmp_path: Path) -> None:
    result = run(
        "mypy", "--strict", "--follow-imports=silent", "--cache-dir", str(tmp_path), str(HERE / "public.py")
    )
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.slow
def test_mypy_sees_what_the_guide_says(tmp_path: Path) -> None:
    guide = HERE.parents[1].joinpath("docs", "guide.md").read_text()
    (block,) = re.findall(r"^```pycon\n(>>> class Score:\n.*?)^```", guide, re.MULTILINE | re.DOTALL)
    lines = [
        "from share import Share",
        *(line[4:] for line in block.splitlines() if line[:3] in (">>>", "...")),
    ]
    for said, wrong in [("5", 0), ('"a lot"', 1)]:
        (tmp_path / "app.py").write_text("\n".join(lines).replace("add(5)", f"add({said})"))
        result = run("mypy", "--strict", "--cache-dir", str(tmp_path), str(tmp_path / "app.py"))
        found = re.findall(r"app.py:\d+: error: .*", result.stdout)
        assert result.returncode == wrong == len(found), result.stdout + result.stderr
        assert all("arg-type" in error for error in found)


@pytest.mark.slow
def test_basedpyright_agrees(tmp_path: Path) -> None:
    pytest.importorskip("basedpyright")
    settings = {
        "include": [str(HERE / "public.py")],
        "extraPaths": [str(PACKAGE.parent)],
        "typeCheckingMode": "strict",
        "enableTypeIgnoreComments": True,
    }
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    result = run("basedpyright", "--project", str(tmp_path), "--pythonpath", sys.executable)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.slow
def test_stubs_agree_with_the_modules(tmp_path: Path) -> None:
    settings = tmp_path / "mypy.ini"
    settings.write_text(f"[mypy]\nignore_errors = true\ncache_dir = {tmp_path}\n")
    result = run(
        "mypy.stubtest", "share", "--ignore-missing-stub", "--concise", "--mypy-config-file", str(settings)
    )
    compiled = tuple(f"{module_of(path)}." for path in COMPILED)
    lines = (result.stdout + result.stderr).splitlines()
    assert not [line for line in lines if "error:" in line]
    assert not [
        line for line in lines if line.startswith(compiled) and not any(part in line for part in IGNORED)
    ]


@pytest.mark.parametrize("path", COMPILED, ids=module_of)
def test_a_compiled_module_that_python_code_imports_has_a_stub(path: Path) -> None:
    package, _, name = module_of(path).rpartition(".")
    absolute = re.compile(rf"(from|import) {package}\.{name}\b|from {package} import [^\n]*\b{name}\b")
    users = [source.name for source in PACKAGE.rglob("*.py") if absolute.search(source.read_text())]
    users += [
        source.name for source in path.parent.glob("*.py") if f"from .{name} import" in source.read_text()
    ]
    assert not users or path.with_name(f"{name}.pyi").exists()
