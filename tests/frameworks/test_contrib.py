"""The extensions of ``share.contrib``, under real servers with several workers, and the figures for Prometheus."""

import contextlib
import http.client
import json
import os
import signal

import pytest
from servers import Connection, Items, wait_for
from test_web import REQUESTS, check

from share import Share, send


def check_after_a_kill(server, found):
    """What was answered was counted once; a request whose answer was lost, once or not at all."""
    numbers = [answer["n"] for answer in found]
    assert len(set(numbers)) == len(numbers) and min(numbers, default=REQUESTS + 1) > REQUESTS
    assert REQUESTS + len(found) <= server.get("/")["n"] <= 2 * REQUESTS


def test_flask_counts_exactly_while_a_worker_is_killed(serve):
    pytest.importorskip("flask")
    server = serve(
        "-m", "gunicorn", "flask_extension:app", "--bind", "unix:{socket}", "--workers", "2", "--preload"
    )
    first = server.hits(REQUESTS)
    check(server, first)
    assert server.get("/page") == f"{REQUESTS} hits"
    killed = first[-1]["pid"]
    os.kill(killed, signal.SIGKILL)
    check_after_a_kill(server, server.hits(REQUESTS, lost=(OSError, http.client.HTTPException)))
    wait_for(lambda: server.get("/")["pid"] != killed, "another worker")


def test_flask_without_a_share_says_what_to_do():
    flask = pytest.importorskip("flask")
    from share.contrib.flask import shared

    with flask.Flask("none").app_context(), pytest.raises(RuntimeError, match="init_app"):
        shared.anything


@pytest.fixture
def fastapi(serve):
    pytest.importorskip("fastapi")
    return serve("-m", "uvicorn", "fastapi_extension:app", "--uds", "{socket}", "--workers", "2")


def test_fastapi_counts_exactly(fastapi):
    check(fastapi, fastapi.hits(REQUESTS))


def test_fastapi_counts_exactly_while_a_worker_is_killed(fastapi):
    first = fastapi.hits(REQUESTS)
    check(fastapi, first)
    killed = first[-1]["pid"]
    os.kill(killed, signal.SIGKILL)
    check_after_a_kill(fastapi, fastapi.hits(REQUESTS, lost=(OSError, http.client.HTTPException)))
    wait_for(lambda: fastapi.get("/")["pid"] != killed, "another worker")


class Listener:
    """One client of the stream of events."""

    def __init__(self, server):
        self.connection = Connection(server.socket)
        self.connection.request("GET", "/events")
        self.response = self.connection.getresponse()
        self.seen = []

    def until(self, value):
        """All values up to that one."""
        while not self.seen or self.seen[-1] != value:
            line = self.response.readline()
            if line.startswith(b"data: "):
                self.seen.append(json.loads(line[6:]))
        return self.seen


def test_events_of_all_workers_reach_all_listeners(fastapi):
    with contextlib.ExitStack() as stack:
        listeners = [Listener(fastapi) for _ in range(6)]
        for listener in listeners:
            stack.callback(listener.connection.close)
            assert listener.until(0) == [0]
        fastapi.hits(REQUESTS)
        for listener in listeners:
            seen = listener.until(REQUESTS)
            assert seen == sorted(set(seen))  # each later than the last; some may be left out
    check(fastapi, fastapi.hits(3), before=REQUESTS)  # listeners that have gone are in nobody's way


def test_prometheus():
    pytest.importorskip("prometheus_client")
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.parser import text_string_to_metric_families

    from share.contrib.prometheus import ShareCollector

    def figures():
        return {
            (sample.name, sample.labels.get("state")): sample.value
            for family in text_string_to_metric_families(generate_latest(registry).decode())
            for sample in family.samples
            if sample.labels["share"] == "mine"
        }

    registry = CollectorRegistry()
    with Share() as shared:
        registry.register(ShareCollector(shared, "mine"))
        shared.items = Items()
        shared.flush()
        before = figures()
        for i in range(100):
            shared.items.append(i)
        send(shared.items.fail)
        with pytest.raises(ValueError, match="on purpose"):
            shared.flush()
        found = figures()
        assert found["share_commands_total", None] - before["share_commands_total", None] == 101
        assert found["share_commit_position_total", None] > before["share_commit_position_total", None]
        assert found["share_queued_cells", None] == 0
        assert found["share_errors_kept", None] == 1
        assert (found["share_state", "running"], found["share_state", "lost"]) == (1, 0)
        assert found["share_takeovers_total", None] == 0
        os.kill(shared.health().coordinator, signal.SIGKILL)
        shared.items.append("after")
        shared.flush()
        assert figures()["share_takeovers_total", None] == 1
    assert figures()["share_state", "closed"] == 1


def test_prometheus_of_a_share_that_ends_while_it_is_looked_at(monkeypatch):
    pytest.importorskip("prometheus_client")
    from share.contrib.prometheus import ShareCollector

    read_errors = Share.read_errors

    def end_first(shared, wait=True):
        shared.close()
        return read_errors(shared, wait)

    monkeypatch.setattr(Share, "read_errors", end_first)
    collector = ShareCollector(Share(), "mine")
    for _ in range(2):
        found = {metric.name: metric.samples[-1].value for metric in collector.collect()}
        assert found["share_errors_kept"] == 0
    assert found["share_state"] == 1  # the last of them: closed


def test_fastapi_waits_for_changes_without_the_loop(tmp_path):
    """Also for the first value, which may wait for what is queued behind others."""
    pytest.importorskip("fastapi")
    import asyncio

    from share.contrib.fastapi import changes

    async def look(shared):
        values = changes(shared, lambda: shared.items.copy())
        first = asyncio.ensure_future(anext(values))
        await asyncio.sleep(0.01)
        assert not first.done()
        (tmp_path / "go").touch()  # it is this loop that lets it go on
        assert await first == ["first"]
        later = asyncio.ensure_future(anext(values))
        await asyncio.sleep(0)
        shared.items.append("second")
        assert await later == ["first", "second"]
        shared.close()
        assert [value async for value in values] == []
        assert [value async for value in changes(shared, lambda: shared.items.copy())] == []

    with Share() as shared:
        shared.items = Items()
        shared.flush()
        send(shared.items.append_when, "first", str(tmp_path / "go"))
        asyncio.run(asyncio.wait_for(look(shared), 100))


def test_opentelemetry():
    pytest.importorskip("opentelemetry.sdk")
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader

    from share.contrib.opentelemetry import observe

    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])

    def read():
        (resource,) = reader.get_metrics_data().resource_metrics
        return {
            (metric.name, point.attributes.get("state")): point.value
            for scope in resource.scope_metrics
            for metric in scope.metrics
            for point in metric.data.data_points
            if point.attributes["share"] == "mine"
        }

    try:
        with Share() as shared:
            observe(shared, "mine", provider.get_meter("test"))
            shared.items = Items()
            shared.flush()
            before = read()
            for i in range(10):
                shared.items.append(i)
            send(shared.items.fail)
            with pytest.raises(ValueError, match="on purpose"):
                shared.flush()
            found = read()
            assert found["share.commands", None] - before["share.commands", None] == 11
            assert found["share.errors_kept", None] == 1
            assert (found["share.state", "running"], found["share.state", "closed"]) == (1, 0)
        assert read()["share.state", "closed"] == 1
    finally:
        provider.shutdown()
