"""Programs under real frameworks, as their users start them: ``pytest tests/frameworks``, needs that extra."""

import secrets
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from servers import APPS, PATIENCE, Server, surroundings


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.frameworks)


@pytest.fixture
def name():
    """A name for a share that nothing else uses."""
    return f"frameworks-{secrets.token_hex(6)}"


@pytest.fixture
def run(name, tmp_path):
    """Runs a program to its end and gives its output; the test fails if it fails."""

    def run(*arguments, **environment):
        # Into a file: what the program has started, and what goes on after it, may keep its output open.
        with (tmp_path / "output").open("w+") as output:
            done = subprocess.run(
                [sys.executable, *map(str, arguments)],
                env=surroundings(name, **environment), stdout=output, stderr=output, cwd=APPS, timeout=PATIENCE,
            )  # fmt: skip
            output.seek(0)
            text = output.read()
        assert done.returncode == 0, text
        return text

    return run


@pytest.fixture
def lingering(name):
    """Ends, after the servers that use it, a share that would stay for a while."""
    yield
    subprocess.run([sys.executable, "-m", "share", "stop", name], env=surroundings(name), check=True)


@pytest.fixture
def serve(tmp_path, name):
    """Starts a server; ``{socket}`` in its arguments is the socket's path, and ``ready`` answers when it is up."""
    running = []

    def serve(*arguments, **options):
        running.append(Server(tmp_path, name, *arguments, **options))
        return running[-1]

    yield serve
    for server in running:
        server.end()
