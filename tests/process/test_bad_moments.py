"""A share used when it is too late, or while something else goes on: after close, at exit, around a fork."""

import os
import subprocess
import sys

import pytest
from programs import SOURCE

from share import Share, ShareClosedError

PRELUDE = """
import atexit, os, threading
from share import Share
class Counter:
    def __init__(self): self.n = 0
    def increment(self): self.n += 1
def attempt(f):
    try: print(f())
    except Exception as error: print(type(error).__name__)
"""

PROGRAMS = {
    "a handler that runs after the share has ended": (
        "shared = None\natexit.register(lambda: attempt(lambda: shared.x))\nshared = Share(); shared.x = 1",
        "ShareClosedError",
        "unclosed share",
    ),
    "a handler that runs before": (
        "shared = Share(); shared.x = 1\n"
        "def late(): shared.x += 1; attempt(lambda: shared.x); shared.close()\n"
        "atexit.register(late)",
        "2",
        "",
    ),
    "a share made and used in a handler": (
        "def late():\n"
        "    with Share() as shared:\n"
        "        shared.c = Counter(); shared.c.increment(); print(shared.c.n)\n"
        "atexit.register(late)",
        "1",
        "",
    ),
    "a proxy used when the interpreter takes modules apart": (
        "shared = Share(); shared.c = Counter(); counter = shared.c\n"
        "class Late:\n"
        "    def __del__(self): attempt(lambda: counter.n)\n"
        "late = Late(); shared.close()",
        "ShareClosedError",
        "",
    ),
    "forks in another thread while shares begin and end": (
        "import warnings; warnings.simplefilter('ignore', DeprecationWarning)  # 3.12's on forks of threads\n"
        "stop = False\n"
        "def fork():\n"
        "    while not stop:\n"
        "        child = os.fork()\n"
        "        if child == 0: os._exit(0)\n"
        "        os.waitpid(child, 0)\n"
        "thread = threading.Thread(target=fork); thread.start()\n"
        "for _ in range(4):\n"
        "    with Share() as shared:\n"
        "        shared.c = Counter(); shared.c.increment(); assert shared.c.n == 1\n"
        "stop = True; thread.join(); print('done')",
        "done",
        "",
    ),
    "a fork while another thread imports what it uses of share": (
        "import signal, sys, warnings; warnings.simplefilter('ignore', DeprecationWarning)\n"
        "importing, forking = threading.Event(), threading.Event()\n"
        "class Finder:\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == 'share.client._futures': importing.set(); forking.wait()\n"
        "shared = Share(); shared.c = Counter(); submit = shared.c.increment.submit\n"
        "sys.meta_path.insert(0, Finder()); os.register_at_fork(before=forking.set)\n"
        "thread = threading.Thread(target=submit); thread.start(); importing.wait()\n"
        "sys.setswitchinterval(10)  # it goes on when the fork waits for it\n"
        "child = os.fork(); sys.setswitchinterval(0.005)\n"
        "if child == 0:\n"
        "    signal.alarm(60); shared.c.increment.submit().result(); os._exit(0)\n"
        "assert os.waitpid(child, 0)[1] == 0; thread.join(); print(shared.c.n); shared.close()",
        "2",
        "",
    ),
    "a fork before the coordinator is up": (
        "shared = Share()\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    shared.x = 5; os._exit(shared.x != 5)\n"
        "assert os.waitpid(child, 0)[1] == 0; print(shared.x); shared.close()",
        "5",
        "",
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_program(name: str) -> None:
    """It ends in order, prints what it should, and only the expected warning."""
    code, output, warning = PROGRAMS[name]
    result = subprocess.run(
        [sys.executable, "-W", "always", "-c", PRELUDE + code],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": SOURCE},
        check=False,
    )
    assert (result.returncode, result.stdout.strip()) == (0, output), result.stderr
    assert warning in result.stderr
    assert len(result.stderr.splitlines()) == bool(warning)


USES = {
    "read": lambda shared, items: shared.items_,
    "write": lambda shared, items: setattr(shared, "x", 1),
    "delete": lambda shared, items: delattr(shared, "items_"),
    "subscript": lambda shared, items: shared["items_"],
    "in": lambda shared, items: "items_" in shared,
    "len": lambda shared, items: len(shared),
    "iterate": lambda shared, items: list(shared),
    "clear": lambda shared, items: shared.clear(),
    "flush": lambda shared, items: shared.flush(),
    "errors": lambda shared, items: shared.errors,
    "setdefault": lambda shared, items: shared.setdefault("y", 1),
    "a method that reads": lambda shared, items: items.index(1),
    "a method that writes": lambda shared, items: items.append(2),
    "a method that waits": lambda shared, items: items.pop(),
}


@pytest.mark.parametrize("use", USES)
def test_after_close(use: str) -> None:
    shared = Share()
    shared.items_ = [1]
    items = shared.items_
    shared.close()
    shared.close()
    with pytest.raises(ShareClosedError):
        USES[use](shared, items)
    assert shared.health().state == "closed"
    assert "closed" in repr(shared)
