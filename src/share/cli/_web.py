"""``top --web``: the same figures as graphs in a browser, and the objects to look into."""

import json
import secrets
import sys
import threading
from collections import deque
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote

import click

from share.cli._observer import Unreadable
from share.cli._output import as_json, shown_error

if TYPE_CHECKING:
    from collections.abc import Iterable

    from share.cli._observer import Observer
    from share.cli._top import Figures

__all__ = ["Dashboard"]

_MOST = 300  # views that are kept
_LONGEST = 100_000  # characters of a value that are shown
_TYPES = {"html": "text/html; charset=utf-8", "json": "application/json"}


class Dashboard(ThreadingHTTPServer):
    """Serves one share's page, on this machine only. Its address has a random part, which other users do not know."""

    def __init__(self, observer: "Observer", views: "Iterable[Figures]", port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.observer, self.views = observer, views
        self.looking = threading.Lock()  # one request at a time looks into the share
        self.secret = secrets.token_urlsafe(16)
        self.seen: deque[tuple[int, dict[str, Any]]] = deque(maxlen=_MOST)

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self.server_address[1]}/{self.secret}/"

    def run(self) -> None:
        """Serves until the share has ended, or Ctrl-C."""
        threading.Thread(target=self._look, name="share-figures", daemon=True).start()
        self.serve_forever(poll_interval=0.1)

    def _look(self) -> None:
        try:
            for number, figures in enumerate(self.views, 1):
                self.seen.append((number, asdict(figures)))
        finally:
            self.shutdown()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says what has gone wrong here; not that a client has."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def answer(self, path: str) -> tuple[str, str] | None:
        """(kind, text) of what is at a path behind the secret."""
        if path == "":
            return "html", files("share.cli").joinpath("dashboard.html").read_text()
        if path == "figures":
            return "json", json.dumps([{"number": n, **figures} for n, figures in list(self.seen)])
        if path == "objects":
            return "json", json.dumps(
                {
                    name: repr(value) if isinstance(value, Unreadable) else value.__class__.__qualname__
                    for name, value in self.observer.names().items()
                }
            )
        if path.startswith("value/"):
            text = json.dumps(as_json(self.observer.value(unquote(path.removeprefix("value/")))), indent=2)
            return "json", json.dumps(text if len(text) <= _LONGEST else text[:_LONGEST] + "\n...")
        if path == "errors":
            return "json", json.dumps([str(error) for error in self.observer.errors()])
        return None


class _Handler(BaseHTTPRequestHandler):
    timeout = 5  # for a client that says nothing, as browsers do that connect in advance

    def do_GET(self) -> None:
        """Answers, or says no more than that there is nothing."""
        dashboard = cast("Dashboard", self.server)
        secret, _, path = self.path.removeprefix("/").partition("/")
        status, found = 404, None
        if secrets.compare_digest(secret.encode(), dashboard.secret.encode()):
            try:
                with dashboard.looking:
                    found = dashboard.answer(path)
                status = 200 if found else 404
            except Exception as error:
                message = error.message if isinstance(error, click.ClickException) else shown_error(error)
                status, found = 500, ("json", json.dumps(message))
        kind, text = found or ("json", '"there is nothing here"')
        body = text.encode(errors="replace")
        self.send_response(status)
        self.send_header("Content-Type", _TYPES[kind])
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Referrer-Policy", "no-referrer")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the terminal shows the address, and no more."""
