"""gunicorn's own stash and that of ``share.recipes`` in one worker: the same calls, their answers and their times."""

import os
import time
from statistics import median

from flask import Flask, jsonify
from gunicorn.dirty import DirtyApp, stash

from share import Share
from share.recipes import Stash

app = Flask(__name__)
ours = Stash(Share.open(os.environ["SHARE_NAME"]))
ROUNDS = 41


class Nothing(DirtyApp):
    """gunicorn starts the process that keeps the tables only beside an application for its dirty workers."""


def answers(stash):
    """What the calls of the interface give, one after the other.

    Keys that are not there are not asked for: up to 27.0 gunicorn's raises what it should catch, and gives no default.
    """
    table = stash.table("users")
    yield stash.keys("users"), stash.exists("users"), stash.exists("users", "ann"), stash.tables()
    yield (
        stash.put("users", "ann", {"age": 1}),
        stash.put("users", "bob", None),
        stash.put("users", "al", [1]),
    )
    yield (
        stash.get("users", "ann"),
        stash.get("users", "bob", 4),
        stash.exists("users", "ann"),
        stash.exists("users"),
    )
    yield (
        sorted(stash.keys("users")),
        sorted(stash.keys("users", "a*")),
        sorted(stash.keys("users", pattern="a??")),
    )
    yield (
        stash.info("users"),
        stash.delete("users", "al"),
        stash.delete("users", "al"),
        stash.delete("none", "al"),
    )
    yield table.name, len(table), "ann" in table, "al" in table, table["ann"], table["bob"], sorted(table)
    table["cid"] = 5
    del table["bob"]
    yield sorted(table.keys()), sorted(table.keys("c*")), sorted(table.keys(pattern="a*"))
    yield sorted(table.items(), key=str), sorted(table.values(), key=str), table.get("ann", 6)
    yield refused(lambda: table.__delitem__("no"), KeyError), refused(lambda: stash.info("none"), Exception)
    yield (
        table.clear(),
        len(table),
        stash.tables(),
        stash.ensure("empty"),
        stash.ensure("empty"),
        sorted(stash.tables()),
    )
    yield stash.clear("none"), stash.clear("users"), stash.delete_table("empty"), stash.tables()


def refused(call, error):
    try:
        return call()
    except error:
        return "refused"


def timed(call, stash):
    start = time.perf_counter()
    for _ in range(20):
        call(stash)
    return (time.perf_counter() - start) / 20


@app.get("/")
def same():
    return jsonify(theirs=list(answers(stash)), ours=list(answers(ours)))


@app.get("/times")
def times():
    """Microseconds: medians of rounds in which one comes after the other."""
    found = {}
    for name, call in {
        "get": lambda stash: stash.get("times", "key"),
        "put": lambda stash: stash.put("times", "key", {"n": 1}),
        "exists": lambda stash: stash.exists("times", "key"),
    }.items():
        ours.put("times", "key", {"n": 1})
        stash.put("times", "key", {"n": 1})
        rounds = [(timed(call, stash), timed(call, ours)) for _ in range(ROUNDS)]
        found[name] = [round(1e6 * median(column), 1) for column in zip(*rounds, strict=True)]
    return jsonify(found)
