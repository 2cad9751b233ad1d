"""A web application in one file: the class, the share and the endpoints."""

import os

from flask import Flask, jsonify

from share import Share

app = Flask(__name__)
shared = Share.open(os.environ["SHARE_NAME"], linger=float(os.environ.get("SHARE_LINGER", "0")))


class Hits:
    def __init__(self):
        self.n = 0
        self.by = {}

    def hit(self, pid):
        self.n += 1
        self.by[pid] = self.by.get(pid, 0) + 1
        return self.n

    def note(self, pid):  # nothing is returned: queued
        self.n += 1
        self.by[pid] = self.by.get(pid, 0) + 1


hits = shared.setdefault("hits", Hits())


@app.get("/")
def state():
    return jsonify(n=hits.n, by=dict(hits.by), pid=os.getpid())


@app.get("/hit")
def hit():
    return jsonify(n=hits.hit(os.getpid()), pid=os.getpid())


@app.get("/note")
def note():
    hits.note(os.getpid())
    return jsonify(n=hits.n, pid=os.getpid())
