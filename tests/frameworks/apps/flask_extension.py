"""A Flask application with the extension: nothing but the class, its name, and the endpoints."""

import os

from flask import Flask, jsonify, render_template_string

from share.contrib.flask import init_app, shared


class Hits:
    def __init__(self):
        self.n = 0
        self.by = {}

    def hit(self, pid):
        self.n += 1
        self.by[pid] = self.by.get(pid, 0) + 1
        return self.n


app = Flask(__name__)
init_app(app, os.environ["SHARE_NAME"], hits=Hits)


@app.get("/")
def state():
    return jsonify(n=shared.hits.n, by=dict(shared.hits.by), pid=os.getpid())


@app.get("/hit")
def hit():
    return jsonify(n=shared.hits.hit(os.getpid()), pid=os.getpid())


@app.get("/page")
def page():
    return jsonify(render_template_string("{{ shared.hits.n }} hits"))
