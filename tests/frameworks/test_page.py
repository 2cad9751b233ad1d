"""The programs of docs/frameworks.md are served as they are printed; only their share has a name of its own."""

import contextlib
import json
import os
import re
import signal
from pathlib import Path

import pytest
from servers import PATIENCE, Connection, wait_for
from test_contrib import Listener

PAGE = Path(__file__).parents[2] / "docs" / "frameworks.md"
PROGRAMS = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
PLAIN, FLASK, FASTAPI, CHAT, NEXT = PROGRAMS
HITS = re.search(r"^class Hits:\n(?:(?:    .*)?\n)+", PLAIN, re.MULTILINE).group()
GUNICORN = ("-m", "gunicorn", "page:app", "--workers", "2", "--bind", "unix:{socket}", "--pythonpath")
UVICORN = ("-m", "uvicorn", "page:app", "--workers", "2", "--uds", "{socket}", "--app-dir")
LINES = 40  # of each speaker


@pytest.fixture
def publish(tmp_path, name, monkeypatch):
    """Writes a program of the page to the folder that it is served from."""
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")  # the files may differ within a second

    def publish(program):
        assert '"site"' in program
        (tmp_path / "page.py").write_text(program.replace('"site"', repr(name)))
        (tmp_path / "hits.py").write_text(HITS)
        return tmp_path

    return publish


def check(server):
    before = server.get("/hit")["n"]
    found = [answer["n"] for answer in server.hits(60)]
    assert sorted(found) == list(range(before + 1, before + 61))


@pytest.mark.parametrize("program", [PLAIN, FLASK], ids=["plain", "extension"])
def test_flask(serve, publish, program):
    pytest.importorskip("flask")
    check(serve(*GUNICORN, publish(program), ready="/hit"))


def test_fastapi(serve, publish):
    pytest.importorskip("fastapi")
    server = serve(*UVICORN, publish(FASTAPI), ready="/hit")
    listener = Listener(server)
    with contextlib.closing(listener.connection):
        check(server)
        last = server.get("/hit")["n"]
        assert listener.until(last)[-1] == last


def test_the_next_release(lingering, serve, publish):
    pytest.importorskip("flask")
    release = PLAIN.replace('"site"', '"site", on_new_code="upgrade", linger=60')
    server = serve(*GUNICORN, publish(release), ready="/hit")
    check(server)
    before = server.get("/hit")["n"]
    assert release.count(HITS) == 1
    publish(release.replace(HITS, NEXT).replace("n=hits.hit()", "n=hits.hit(), by_page=dict(hits.by_page)"))
    server.process.send_signal(signal.SIGHUP)
    numbers = []
    while "by_page" not in (answer := server.get("/hit")):
        numbers.append(answer["n"])
    numbers.append(answer["n"])
    assert numbers == list(range(before + 1, before + 1 + len(numbers)))  # no restart from nothing
    # What the last of the old workers counts is executed with the new code, too.
    assert 1 <= answer["by_page"]["/"] <= len(numbers)


class Reader:
    """Lines as server-sent events."""

    def __init__(self, server):
        self.connection = Connection(server.socket)
        self.connection.request("GET", "/lines")
        self.response = self.connection.getresponse()

    def recv(self, timeout):  # which is the connection's
        while not (line := self.response.readline()).startswith(b"data: "):
            assert line, "the stream has ended"
        return line[6:]


def heard(listener, count):
    return [json.loads(listener.recv(PATIENCE)) for _ in range(count)]


def worker_of(socket):
    """The process at the other end of a connection, which has accepted it."""
    return socket.response.headers["x-worker"]


def test_everybody_hears_everything(serve, publish):
    """Speakers and listeners of both workers; then one worker is killed."""
    client = pytest.importorskip("websockets.sync.client")
    pytest.importorskip("fastapi")
    # Who serves a connection is said in a header, by a line that the page has not.
    program = CHAT.replace("socket.accept()", 'socket.accept(headers=[(b"x-worker", b"%d" % os.getpid())])')
    server = serve(*UVICORN, publish("import os\n" + program), ready="/openapi.json")
    with contextlib.ExitStack() as stack:

        def join(who):
            path = str(server.socket)
            return stack.enter_context(
                client.unix_connect(path, f"ws://localhost/chat/{who}", max_queue=None)
            )

        sockets = [join(0), join(1)]
        # Which worker accepts is chance.
        wait_for(
            lambda: sockets.append(join(len(sockets))) or len({*map(worker_of, sockets)}) == 2, "both workers"
        )
        readers = [Reader(server) for _ in range(2)]
        for reader in readers:
            stack.callback(reader.connection.close)
        for n in range(LINES):
            for who, socket in enumerate(sockets):
                socket.send(f"{who} says {n}")
        total = LINES * len(sockets)
        first, *others = [heard(listener, total) for listener in [*sockets, *readers]]
        assert all(other == first for other in others)
        assert [line[0] for line in first] == list(range(1, total + 1))
        for who in range(len(sockets)):
            assert [text for _, by, text in first if by == str(who)] == [
                f"{who} says {n}" for n in range(LINES)
            ]

        killed = worker_of(sockets[0])
        os.kill(int(killed), signal.SIGKILL)
        left = [socket for socket in sockets if worker_of(socket) != killed]
        for n, socket in enumerate(left):
            socket.send(f"after {n}")
        later = [heard(socket, len(left)) for socket in left]
        assert all(lines == later[0] for lines in later)
        assert [line[0] for line in later[0]] == list(range(total + 1, total + len(left) + 1))
        late = join("late")  # the history is there as well
        assert heard(late, total + len(left)) == first + later[0]
