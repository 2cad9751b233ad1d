"""``python -m share``: the command line."""

import sys


def main() -> None:
    """Runs the command line."""
    try:
        import click
    except ImportError:
        sys.exit("the command line needs click and rich: pip install 'share-state[cli]'")
    from share.cli._explain import explain
    from share.cli._shares import gc, ls

    group = click.Group("share", help="Live objects shared between processes.")
    for command in (explain, gc, ls):
        group.add_command(command)
    group(prog_name="python -m share")


if __name__ == "__main__":
    main()
