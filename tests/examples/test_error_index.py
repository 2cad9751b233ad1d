"""docs/errors.md has every public error and every message of the source, and none that the source has not."""

import builtins
import re
from pathlib import Path

import pytest

import share
from share import errors

HOLE = "\N{HORIZONTAL ELLIPSIS}"
ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "errors.md"
SOURCE = ROOT / "src" / "share"  # an installed package has no .pyx
SECTIONS = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", PAGE.read_text(), re.MULTILINE | re.DOTALL))


def messages(section):
    """The messages in the first column of a section's table."""
    return [
        message
        for line in section.splitlines()
        if line.startswith("| `")
        for message in re.findall(r"`([^`]+)`", line.split(" | ")[0])
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


RAISED = re.compile(rf"(?<!class )\b({'|'.join(errors.__all__)})\(\s*(?:[\w.]+,\s*)?(?=[fr]?[\"'])")
LITERAL = re.compile(r"""[\s\\]*(f?)(["'])""")


def literal_at(text, start):
    """The adjacent literals that begin there, as one; what an f-string fills in is a hole."""
    found = []
    while literal := LITERAL.match(text, start):
        formatted, quote = literal.groups()
        start, depth = literal.end(), 0
        while depth or text[start] != quote:
            if text[start] == "\\":
                start += 1
            if formatted and text[start] in "{}":
                depth += 1 if text[start] == "{" else -1
                found += HOLE if depth == 1 and text[start] == "{" else ""
            elif not depth:
                found += text[start]
            start += 1
        start += 1
    return "".join(found)


def raised():
    """{error: {message: where}}; messages that are nothing but what is filled in are left out."""
    found = {name: {} for name in errors.__all__}
    for path in sorted(SOURCE.rglob("*.py*")):
        if path.suffix in (".py", ".pyx"):
            text = path.read_text()
            for match in RAISED.finditer(text):
                message = literal_at(text, match.end())
                if re.search("[a-z]{2}", message):
                    place = f"{path.relative_to(ROOT)}:{text.count(chr(10), 0, match.start()) + 1}"
                    found[match[1]][message] = place
    return found


RAISES = raised()


def covers(quoted, message):
    """Whether a message in the page stands for one of the source."""
    parts = [re.escape(part.strip()) for part in quoted.split(HOLE) if part.strip()]
    return re.match("" if quoted.startswith(HOLE) else parts[0], message) and re.search(
        ".*".join(parts), message
    )


@pytest.mark.parametrize("name", errors.__all__)
def test_every_message_is_there(name):
    quoted = [each for each in messages(SECTIONS[name]) if re.search("[a-z]{2}", each)]
    missing = {m: place for m, place in RAISES[name].items() if not any(covers(q, m) for q in quoted)}
    assert not missing


def test_messages_are_found():
    assert sum(map(len, RAISES.values())) > 150
    assert "share \N{HORIZONTAL ELLIPSIS} has been closed" in RAISES["ShareClosedError"]


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
    assert len(rows) == 5
    for exception, message in rows:
        assert issubclass(getattr(builtins, exception), (Exception, Warning))
        assert all(part.strip() in TEXT for part in message.split("\N{HORIZONTAL ELLIPSIS}"))
