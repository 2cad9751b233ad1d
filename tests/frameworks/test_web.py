"""Web servers with several workers: every request is counted, once, whatever becomes of the workers."""

import contextlib
import http.client
import os
import signal
import subprocess
import sys

import psutil
import pytest
from servers import APPS, surroundings, wait_for

from share.maintenance import shares

pytest.importorskip("gunicorn")
pytest.importorskip("flask")
REQUESTS = 120


def gunicorn(serve, *options):
    return serve(
        "-m", "gunicorn", "flask_app:app", "--bind", "unix:{socket}", "--workers", "2", *options
    )  # fmt: skip


def check(server, found, before=0):
    """Each request got a number of its own, and nothing else was counted."""
    assert sorted(answer["n"] for answer in found) == list(range(before + 1, before + len(found) + 1))
    state = server.get("/")
    assert state["n"] == before + len(found) == sum(state["by"].values())


@pytest.mark.parametrize("preload", [(), ("--preload",)], ids=["", "preload"])
@pytest.mark.parametrize("kind", [("sync",), ("gthread", "--threads", "4")], ids=lambda kind: kind[0])
def test_gunicorn_counts_exactly(serve, kind, preload):
    server = gunicorn(serve, "--worker-class", *kind, *preload)
    check(server, server.hits(REQUESTS))
    seen = server.hits(REQUESTS, "/note")  # each sees at least its own
    assert server.get("/")["n"] == 2 * REQUESTS == max(answer["n"] for answer in seen)


@pytest.mark.parametrize("kind", ["sync", "gthread"])
def test_gunicorn_goes_on_when_a_worker_is_killed(serve, kind):
    server = gunicorn(serve, "--worker-class", kind, "--preload")
    first = server.hits(REQUESTS)
    check(server, first)
    killed = first[-1]["pid"]
    os.kill(killed, signal.SIGKILL)
    # Requests that the killed worker had taken get no answer; they may have been counted, or not.
    found = server.hits(REQUESTS, lost=(OSError, http.client.HTTPException))
    numbers = [answer["n"] for answer in found]
    assert len(set(numbers)) == len(numbers) and min(numbers) > REQUESTS
    assert REQUESTS + len(found) <= server.get("/")["n"] <= 2 * REQUESTS
    wait_for(lambda: server.get("/")["pid"] != killed, "another worker")


def test_gunicorn_keeps_the_state_over_a_reload(serve):
    server = gunicorn(serve, "--preload")
    check(server, first := server.hits(REQUESTS))
    old = {answer["pid"] for answer in first}
    server.process.send_signal(signal.SIGHUP)
    wait_for(lambda: server.get("/")["pid"] not in old, "new workers")
    # The last of the old workers may still end: what it had taken is answered.
    check(server, server.hits(REQUESTS), before=REQUESTS)


def workers(server):
    """The process ids of the master's workers; the coordinator is none."""
    found = []
    for child in psutil.Process(server.process.pid).children():
        with contextlib.suppress(psutil.NoSuchProcess):
            if child.status() != psutil.STATUS_ZOMBIE and "gunicorn" in child.cmdline():
                found.append(child.pid)
    return found


def test_gunicorn_with_more_workers_and_fewer(serve):
    server = gunicorn(serve, "--preload")
    server.process.send_signal(signal.SIGTTIN)
    wait_for(lambda: len(workers(server)) == 3, "a third worker")
    check(server, server.hits(REQUESTS))
    for _ in range(2):
        left = len(workers(server)) - 1
        server.process.send_signal(signal.SIGTTOU)
        wait_for(lambda left=left: len(workers(server)) == left, "a worker to leave")
    check(server, server.hits(REQUESTS), before=REQUESTS)


def test_the_share_ends_with_the_workers_of_a_master_that_is_killed(serve, name):
    server = gunicorn(serve, "--worker-class", "gthread")  # which looks for its master every second
    check(server, server.hits(REQUESTS))
    assert name in {info.name for info in shares()}
    server.process.kill()
    wait_for(lambda: name not in {info.name for info in shares()}, "the end of the share")


def test_the_state_lingers_while_all_workers_are_replaced_without_preload(lingering, serve, monkeypatch):
    monkeypatch.setenv("SHARE_LINGER", "60")
    server = gunicorn(serve, "--max-requests", "50")
    check(server, server.hits(3 * REQUESTS))
    server.process.send_signal(signal.SIGHUP)
    check(server, server.hits(REQUESTS), before=3 * REQUESTS)


ROLLING = """
import os
from flask import Flask, jsonify
from share import Share

app = Flask(__name__)
shared = Share.open(os.environ["SHARE_NAME"], on_new_code="upgrade", linger=60)

class Hits:
    def __init__(self):
        self.n = 0

    def hit(self):
        self.n += 1
        return self.n

hits = shared.setdefault("hits", Hits())

@app.get("/")
def state():
    return jsonify(n=hits.n, new=getattr(hits, "new", None), release=1)

@app.get("/hit")
def hit():
    return jsonify(n=hits.hit(), release=1)
"""
NEXT = (
    ROLLING.replace("release=1", "release=2")
    .replace("self.n += 1\n", "self.n += 1\n        self.new += 1\n")
    .replace(
        "    def hit(self)",
        "    def __share_upgrade__(self, old):\n        self.new = 0\n\n    def hit(self)",
    )
)


def test_a_rolling_restart_with_new_code(lingering, serve, tmp_path, monkeypatch):
    """While requests come in, the workers are replaced by ones with a new release of the class; the state goes on."""
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")  # the files differ within a second
    (tmp_path / "rolling.py").write_text(ROLLING)
    server = serve(
        "-m", "gunicorn", "rolling:app", "--pythonpath", tmp_path, "--bind", "unix:{socket}", "--workers", "2"
    )  # fmt: skip
    found = server.hits(REQUESTS)
    (tmp_path / "rolling.py").write_text(NEXT)
    server.process.send_signal(signal.SIGHUP)
    while not found[-1]["release"] == found[-2]["release"] == 2:
        found += server.hits(10)
    found += server.hits(REQUESTS)
    assert sorted(answer["n"] for answer in found) == list(range(1, len(found) + 1))
    state = server.get("/")
    assert state["n"] == len(found) and REQUESTS <= state["new"] <= len(found) - REQUESTS


def test_gunicorn_with_workers_that_come_and_go(serve):
    server = gunicorn(serve, "--preload", "--max-requests", "20", "--max-requests-jitter", "10")
    found = server.hits(REQUESTS)
    check(server, found)
    assert len({answer["pid"] for answer in found}) > 2


def test_a_share_that_is_served_outlives_all_workers_without_preload(serve, name):
    """Without preload the state is the workers' alone; ``python -m share serve`` keeps it."""
    keeper = subprocess.Popen(
        [sys.executable, "-m", "share", "serve", name],
        env=surroundings(name), cwd=APPS, stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        assert keeper.stdout.readline().startswith("serving")
        server = gunicorn(serve, "--max-requests", "50")
        check(server, server.hits(REQUESTS))
        server.process.send_signal(signal.SIGHUP)
        check(server, server.hits(REQUESTS), before=REQUESTS)
        server.end()
    finally:
        keeper.terminate()
        keeper.communicate()
    assert keeper.returncode == 0


def test_uvicorn_with_two_workers_counts_exactly(serve):
    pytest.importorskip("fastapi")
    server = serve("-m", "uvicorn", "fastapi_app:app", "--uds", "{socket}", "--workers", "2")
    found = server.hits(REQUESTS)
    check(server, found)
    assert found[0]["pid"] != server.process.pid


def test_the_stash_of_gunicorn(serve):
    """That of ``share.recipes`` gives the same answers, and reads cost less, in the same worker and run."""
    pytest.importorskip("gunicorn.dirty.stash")
    server = serve(
        "-m", "gunicorn", "stash_app:app", "--bind", "unix:{socket}", "--workers", "2",
        "--dirty-app", "stash_app:Nothing", "--dirty-workers", "1",
        ready="/times",
    )  # fmt: skip
    found = server.get("/")
    assert found["ours"] == found["theirs"]
    times = server.get("/times")
    print(times)
    for call in ("get", "exists"):  # one sends a message to another process, and waits for its answer
        theirs, ours = times[call]
        assert ours < theirs
