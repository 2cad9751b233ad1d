"""docs/errors.md has every public error, says rightly what else each is, and quotes messages that the source has."""

import builtins
import re
from pathlib import Path

import pytest

import share
from share import errors

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "errors.md"
SOURCE = ROOT / "src" / "share"  # an installed package has no .pyx
SECTIONS = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", PAGE.read_text(), re.MULTILINE | re.DOTALL))


def messages(section):
    """The messages in the tables of a section: the first cell that is code, or the second where classes come first."""
    return [
        next(cell for cell in re.findall(r"`([^`]+)`", line) if " " in cell)
        for line in section.splitlines()
        if line.startswith("| ") and "`" in line
    ]


def text_of_source():
    """All string literals of the package, one after the other; what an f-string fills in is a hole."""
    found = []
    for path in sorted(SOURCE.rglob("*.py*")):
        if path.suffix in (".py", ".pyx"):
            text = path.read_text()
            # Adjacent literals are one message.
            text = re.sub(r'"\s*(?:\\\n)?\s*\n?\s*f?"', "", text)
            found.append(re.sub(r"\{[^{}]*\}", "\N{HORIZONTAL ELLIPSIS}", text))
    return "\n".join(found)


TEXT = text_of_source()


@pytest.mark.parametrize("name", errors.__all__)
def test_every_error_is_there_with_its_other_base(name):
    assert name in SECTIONS
    cls = getattr(share, name)
    (other,) = [base.__name__ for base in cls.__bases__ if base.__module__ == "builtins"]
    assert f"`{other}`" in SECTIONS[name]


def test_nothing_else_is_there():
    assert set(SECTIONS) == set(errors.__all__)


@pytest.mark.parametrize("name", sorted(SECTIONS))
def test_messages_are_those_of_the_source(name):
    quoted = messages(SECTIONS[name])
    if name != "ReadOnlyCopyError":
        assert quoted
    for message in quoted:
        for part in re.split("\N{HORIZONTAL ELLIPSIS}", message):
            assert part.strip(" :;.,()") in TEXT, f"{message!r}: the source has no {part!r}"


def test_the_last_section_is_of_built_in_exceptions():
    last = PAGE.read_text().partition("## Built-in exceptions")[2]
    rows = re.findall(r"^\| `(\w+)` \| `([^`]+)`", last, re.MULTILINE)
    assert len(rows) == 3
    for exception, message in rows:
        assert issubclass(getattr(builtins, exception), (Exception, Warning))
        assert all(part.strip() in TEXT for part in message.split("\N{HORIZONTAL ELLIPSIS}"))
