"""Worker pools of others: joblib, scikit-learn, Dask, celery, and what os.fork alone gives."""

import os
import subprocess
import sys

import pytest
from servers import APPS, PATIENCE, surroundings, wait_for

from share import Share


def test_joblib_and_scikit_learn(run):
    pytest.importorskip("sklearn")
    assert run("estimators.py").split() == ["1000", "1005"]


def test_dask(run):
    pytest.importorskip("distributed")
    # Messages of Dask's own, about its ports and the memory of the machine, may stand before.
    assert run("dask_workers.py").splitlines()[-3:] == ["True 100", "100 False", "<class 'int'>"]


def test_forked_children_and_a_daemon(run, name, tmp_path):
    os.mkfifo(tmp_path / "go")
    assert run("daemon.py", tmp_path) == "1000\n"
    # Its program has ended; the daemon keeps the share.
    with Share.attach(name) as shared:
        assert shared.counter.n == 1001 and shared.parts["a"][0].n == 1
    with open(tmp_path / "go", "w"):
        pass
    wait_for(lambda: (tmp_path / "n").exists() and (tmp_path / "n").read_text(), "the daemon's answer")
    assert (tmp_path / "n").read_text() == "1011 11 1"


def test_celery_with_two_prefork_workers(name, tmp_path, monkeypatch):
    pytest.importorskip("celery")
    (tmp_path / "control").mkdir()
    environment = surroundings(name, BROKER_FOLDER=str(tmp_path))
    monkeypatch.syspath_prepend(str(APPS))
    monkeypatch.setenv("BROKER_FOLDER", str(tmp_path))
    monkeypatch.setenv("SHARE_NAME", name)
    import tasks

    with Share(name) as shared, (tmp_path / "log").open("w+") as log:
        shared.counter = tasks.Counter()
        for _ in range(40):
            tasks.add.delay(2)
        worker = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "tasks", "worker", "--pool", "prefork", "--concurrency", "2",
             "--without-mingle", "--without-gossip", "--without-heartbeat"],
            env=environment, cwd=APPS, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            wait_for(lambda: shared.counter.n >= 80 or worker.poll() is not None, "the tasks")
        finally:
            worker.terminate()
            worker.wait(PATIENCE)
        log.seek(0)
        assert shared.counter.n == 80, log.read()
        assert sum(shared.counter.by.values()) == 40 and worker.pid not in shared.counter.by
