"""``python -m share``: the command line."""

import sys


def main() -> None:
    """Runs the command line."""
    try:
        import click  # noqa: F401 -- to say what is missing
        import rich  # noqa: F401
    except ImportError:
        sys.exit("the command line needs click and rich: pip install 'share-state[cli]'")
    from share.cli import group

    # As a program of its own click calls it by its file's name, which completion in shells goes by.
    try:
        group(prog_name="python -m share" if sys.argv[0].endswith("__main__.py") else None)
    except BrokenPipeError:
        sys.stdout = None  # whoever read it has ended: there is nothing to flush


if __name__ == "__main__":
    main()
