"""Who may import whom: the layers of the package, checked on the source of every module, compiled ones included."""

import ast
import re
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "share"

# From the top down. A module may import its own group and the groups below it. A folder's name means all of it.
LAYERS = [
    {"cli", "__main__", "contrib", "recipes", "testing"},
    {"__init__", "_api", "_lifecycle", "_options", "maintenance"},
    {"client", "coordinator"},
    {"_protocol", "engine", "primitives", "state"},
    {
        "_cells",
        "_arena",
        "_control",
        "_mapped",
        "_roles",
        "_heap",
        "_held",
        "_identity",
        "_slots",
        "_names",
        "_runtime",
        "_kinds",
        "_fillable",
        "_paths",
        "_program",
    },
    {"analysis"},
    {"cerial"},
    {"_ringbuf", "_committed", "_flags", "_memory", "_wait", "_process", "_spawn"},
    {"_segment", "_layout", "_atomic", "_internal"},
    {"errors"},
]
LEVEL = {name: level for level, names in enumerate(reversed(LAYERS)) for name in names}

# a module and one that it may not import although the layers would allow it
FORBIDDEN = [
    ("client", "coordinator"),
    ("coordinator", "client"),
    ("cerial", "analysis"),
    ("_ringbuf", "cerial"),
    ("_segment", "_ringbuf"),
    ("engine", "cerial"),
    ("engine", "state"),
]

CIMPORT = re.compile(r"^\s*from\s+([\w.]+)\s+c?import\s+(.+)|^\s*c?import\s+([\w.]+)", re.MULTILINE)


def modules() -> list[Path]:
    return sorted(path for path in SOURCE.rglob("*") if path.suffix in {".py", ".pyx", ".pxd", ".pyi"})


def group_of(parts: tuple[str, ...]) -> str:
    """What a module of the package counts as: its folder, or its own name."""
    return parts[0] if parts else "__init__"


def imports(path: Path, *, for_types: bool = True) -> set[tuple[str, ...]]:
    """The modules of the package that a file imports or cimports, at the top or inside functions."""
    package = path.relative_to(SOURCE).parent.parts
    found = set()
    for module, names in statements(path, for_types):
        dots = len(module) - len(module.lstrip("."))
        rest = tuple(part for part in module.lstrip(".").split(".") if part)
        if dots:
            base = package[: len(package) - dots + 1] + rest
        elif rest[:1] == ("share",):
            base = rest[1:]
        else:
            continue
        # `from share import _protocol`: the names may be modules themselves
        found |= {(*base, name) if name and is_module((*base, name)) else base for name in names}
    return found


class NotForTypes(ast.NodeTransformer):
    """Takes out what only checkers of types import."""

    def visit_If(self, node: ast.If) -> ast.AST | None:
        test = node.test
        return None if isinstance(test, ast.Name) and test.id == "TYPE_CHECKING" else self.generic_visit(node)


def statements(path: Path, for_types: bool) -> list[tuple[str, list[str]]]:
    """(module, names) of every import statement of a file; of those for checkers of types if they are wanted."""
    text = path.read_text().replace("\\\n", " ")
    if path.suffix in {".py", ".pyi"}:
        tree = ast.parse(text)
        nodes = list(ast.walk(tree if for_types else NotForTypes().visit(tree)))
        found = [(alias.name, [""]) for node in nodes if isinstance(node, ast.Import) for alias in node.names]
        return found + [
            ("." * node.level + (node.module or ""), [alias.name for alias in node.names])
            for node in nodes
            if isinstance(node, ast.ImportFrom)
        ]
    return [
        (module or plain, [name.split()[0] for name in names.strip("() ").split(",") if name.strip()] or [""])
        for module, names, plain in CIMPORT.findall(text)
    ]


def circles(graph: dict[tuple[str, ...], set[tuple[str, ...]]]) -> list[list[str]]:
    """The modules that import each other in a circle, each once."""
    reached: dict[tuple[str, ...], set[tuple[str, ...]]] = {}
    for start in graph:
        found, left = set(), [start]
        while left:
            new = graph.get(left.pop(), set()) - found
            found |= new
            left += new
        reached[start] = found
    alike = {
        frozenset(other for other in found if start in reached.get(other, ()))
        for start, found in reached.items()
    }
    return sorted(sorted(map("/".join, circle)) for circle in alike if circle)


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph: dict[tuple[str, ...], set[tuple[str, ...]]] = {}
    for path in modules():
        parts = path.relative_to(SOURCE).with_suffix("").parts
        if path.suffix == ".pyi":  # types only
            continue
        own = parts[:-1] if parts[-1] == "__init__" else parts
        graph.setdefault(own, set()).update(imports(path, for_types=False) - {own})
    assert circles(graph) == []


def test_a_circle_is_found() -> None:
    a, b, c = ("a",), ("b", "x"), ("c",)
    assert circles({a: {b}, b: {c}, c: set()}) == []
    assert circles({a: {b}, b: {a, c}, c: set()}) == [["a", "b/x"]]


def is_module(parts: tuple[str, ...]) -> bool:
    path = SOURCE.joinpath(*parts)
    return path.is_dir() or any(path.with_suffix(suffix).exists() for suffix in (".py", ".pyx", ".pxd"))


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_go_downward_only(path: Path) -> None:
    own = group_of(path.relative_to(SOURCE).with_suffix("").parts)
    assert own in LEVEL, f"{own} has no place in the layers: put it into one here and in docs/architecture.md"
    for parts in sorted(imports(path)):
        other = group_of(parts)
        assert LEVEL[other] <= LEVEL[own], f"{own} imports {other}, which lies above it"
        assert (own, other) not in FORBIDDEN, f"{own} must know nothing of {other}"


def test_the_check_sees_imports_of_every_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "SOURCE", tmp_path)
    for name in ("a.py", "b.pyx", "c.pxd"):
        (tmp_path / name).write_text("")
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "x.pyx").write_text(
        "from ..a import f, \\\n    g\nfrom .. import b\nfrom ..c cimport T\nimport os\n"
        "def f():\n    from .y import z\n"
    )
    assert imports(inner / "x.pyx") == {("a",), ("b",), ("c",), ("inner", "y")}
    (inner / "y.py").write_text(
        "import share.a\nfrom share import b\ndef f():\n    from share.inner.x import g\n"
    )
    assert imports(inner / "y.py") == {("a",), ("b",), ("inner", "x")}
