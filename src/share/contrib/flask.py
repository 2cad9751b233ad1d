"""A share for a Flask application: ``init_app(app, "shop", hits=Hits)``, and ``shared.hits`` in every view."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from flask import current_app
from werkzeug.local import LocalProxy

from share import Share

if TYPE_CHECKING:
    from flask import Flask

__all__ = ["init_app", "shared"]


def init_app(app: "Flask", name: str, /, **objects: Callable[[], Any]) -> Share:
    """Opens the share of that name for an application, and puts the objects into it that are not there yet.

    Each of ``objects`` is a class, or a function, whose result becomes the object of that name; of several workers
    that do this at once, one assigns. ``app.config["SHARE_OPTIONS"]`` is passed on to :meth:`share.Share.open`.
    """
    found: Share = Share.open(name, **app.config.get("SHARE_OPTIONS", {}))
    for key, make in objects.items():
        if key not in found:
            found.setdefault(key, make())
    app.extensions["share"] = found
    app.jinja_env.globals["shared"] = found
    return found


def _current() -> Share:
    found: Share | None = current_app.extensions.get("share")
    if found is None:
        raise RuntimeError(
            "this application has no share: call share.contrib.flask.init_app(app, name) first"
        )
    return found


shared: Any = LocalProxy(_current)  #: The share of the current application.
