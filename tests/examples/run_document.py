"""Runs the ``pycon`` examples of a Markdown document, in a process of their own, as one session."""

import doctest
import sys
from pathlib import Path


def examples_of(text):
    """The document with every line blanked that is no example, so that line numbers stay true."""
    lines, inside = [], False
    for line in text.splitlines():
        fence = line.startswith("```")
        lines.append(line if inside and not fence else "")
        if fence:
            inside = line == "```pycon"
    return "\n".join(lines) + "\n"


def main(path):
    names = {"__name__": "__main__"}
    test = doctest.DocTestParser().get_doctest(
        examples_of(Path(path).read_text()), names, Path(path).name, path, 0
    )
    failed, tried = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test)
    print(f"{tried} examples, {failed} failures")
    return 0 if tried and not failed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
