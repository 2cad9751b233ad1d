"""Programs in one file: the class and the share it is used with are in one module, which a coordinator imports."""

import contextlib
import os
import secrets
import sys
from pathlib import Path

import psutil
import pytest
from programs import environment, finish, start, wait_for

from share import Share, ShareClosedError, WouldDeadlockError

CLASS = """
from share import Share
class Hits:
    def __init__(self): self.n = 0
    def hit(self):
        self.n += 1
        return self.n
"""

# What an application does with its share at the top level of its module, and how it then uses it.
FORMS = {
    "an object made at once": (
        "shared = Share.open(NAME)\nhits = shared.setdefault('hits', Hits())",
        "hits.hit()",
    ),
    "a share without a name": ("shared = Share()\nhits = shared.setdefault('hits', Hits())", "hits.hit()"),
    "an owned name": ("shared = Share(NAME)\nshared.hits = Hits()\nhits = shared.hits", "hits.hit()"),
    "made if it is not there": (
        "shared = Share.open(NAME)\nif 'hits' not in shared:\n    shared.hits = Hits()\nhits = shared.hits",
        "hits.hit()",
    ),
    "a share alone": ("shared = Share.open(NAME)", "shared.setdefault('hits', Hits()).hit()"),
    "a function": (
        "def shared(): return Share.open(NAME)",
        "shared().setdefault('hits', Hits()).hit()",
    ),
    "a block": (
        "with Share.open(NAME) as shared:\n    shared.start = 0\n    total = shared.start + 1\n"
        "    keys, size = list(shared), len(shared)\n    del shared.start",
        "Share.open(NAME).setdefault('hits', Hits()).hit()",
    ),
}


@pytest.fixture
def application(tmp_path: Path) -> str:
    """The name of a module and of a share that nothing else uses."""
    return f"onefile_{secrets.token_hex(4)}"


@pytest.mark.parametrize("form", FORMS)
def test_a_program_in_one_file(form: str, application: str, tmp_path: Path) -> None:
    """It works, and nothing of it stays."""
    top, use = FORMS[form]
    (tmp_path / f"{application}.py").write_text(f"NAME = {application!r}\n{CLASS}{top}\n")
    path = os.pathsep.join([str(tmp_path), environment()["PYTHONPATH"]])
    done = finish(start("-c", f"from {application} import *\nprint({use})", env=environment(PYTHONPATH=path)))
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr
    wait_for(lambda: not Path(f"/dev/shm/share.{application}").exists(), "the end of the share")


METHODS = """
NAME = {name!r}
from share import Share
shared = Share.open(NAME)
kept = shared.setdefault("kept", [])
class User:
    def __init__(self): self.n, self.seen = 0, None
    def read(self):
        self.n += 1
        return shared.limit
    def write(self):
        self.n += 1
        shared.limit = 5
        return True
    def open(self):
        self.n += 1
        return list(Share.open(NAME))
    def keep(self):
        self.seen = kept
        return True
"""


def test_a_method_that_uses_such_a_share_is_told(
    application: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It can see nothing there; what it writes is not silently lost."""
    (tmp_path / f"{application}.py").write_text(METHODS.format(name=application))
    monkeypatch.syspath_prepend(str(tmp_path))
    module = __import__(application)
    try:
        with module.shared as shared:
            shared.limit = 3
            shared.user = module.User()
            for use in (shared.user.read, shared.user.write, shared.user.open):
                with pytest.raises(WouldDeadlockError, match="as an argument"):
                    use.call()
            with pytest.raises(WouldDeadlockError, match="kept or returned"):
                shared.user.keep.call()
            assert (shared.user.n, shared.user.seen, shared.limit) == (3, None, 3)
    finally:
        del sys.modules[application]


class Node:
    """An object that calls one of another share."""

    def __init__(self) -> None:
        self.n, self.other = 0, None

    def link(self, other: "Node") -> None:
        self.other = other

    def ping(self, k: int) -> str:
        self.n += 1
        return self.other.ping(k - 1) if k else "end"

    def look(self) -> int:
        self.n += 1
        return self.other.other_n()

    def other_n(self) -> int:
        self.seen = self.other.n
        return self.seen


def test_shares_that_call_each_other_in_a_circle() -> None:
    """A call to another share works; one that comes back raises there, and everybody goes on."""
    shares = [Share() for _ in range(3)]
    for share in shares:
        share.node = Node()
    for share, following in zip(shares, shares[1:] + shares[:1], strict=True):
        share.node.link(following.node)
    first, second, third = shares
    assert first.node.ping(2) == "end"
    with pytest.raises(WouldDeadlockError, match="which waits for it"):
        first.node.ping(3)
    assert second.node.ping(1) == third.node.ping(1) == "end"
    # A read of what a running call of the own share may change closes a circle too.
    second.node.link(first.node)
    with pytest.raises(WouldDeadlockError):
        first.node.look()
    assert first.node.ping(0) == "end"
    for share in shares:
        share.close()


class Caller(Node):
    """Waits for a future."""

    def ping(self, k: int) -> str:
        return self.other.ping.submit(k - 1).result() if k else "end"


@pytest.mark.slow
def test_a_circle_that_is_not_noticed_ends_with_its_shares() -> None:
    """A wait for a future is no wait that a coordinator says; SIGTERM and close() end all the same."""
    shares = one, two = Share(), Share()
    one.node, two.node = Caller(), Caller()
    one.node.link(two.node)
    two.node.link(one.node)
    assert one.node.ping.call(1) == "end"
    coordinators = [psutil.Process(share.health().coordinator) for share in shares]
    one.node.ping.send(2)
    tail = one.session_of().control.tail()
    wait_for(lambda: one.session_of().control.tail() > tail, "the call that closes the circle")
    coordinators[0].terminate()
    for share in shares:
        with contextlib.suppress(ShareClosedError, ExceptionGroup):
            share.close()
    assert psutil.wait_procs(coordinators, 60)[1] == []


def test_many_callers_and_no_circle() -> None:
    """Waits that only look like a circle, because they come and go, raise nothing."""
    with Share() as one, Share() as two:
        one.node, one.leaf, two.node, two.leaf = Node(), Node(), Node(), Node()
        one.node.link(two.leaf)
        two.node.link(one.leaf)
        futures = []
        for _ in range(200):
            one.leaf.ping.send(0)
            futures.append(one.node.ping.submit(1))
        assert [future.result() for future in futures] == ["end"] * 200
        futures = [two.node.ping.submit(1) for _ in range(200)]
        assert [future.result() for future in futures] == ["end"] * 200
