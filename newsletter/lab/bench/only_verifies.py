"""A yardstick: a webhook that verifies and reads events, and stores nothing. Run as ``gunicorn newsletter.lab.bench.only_verifies:app``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from newsletter import clock, settings
from newsletter.delivery.providers.sendgrid import events

_KEY = settings.load().SENDGRID_WEBHOOK_KEY


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """The webhook without its database."""
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    lines = {name: environ.get("HTTP_" + name.upper().replace("-", "_"), "") for name in _LINES}
    events.verify(body, lines, key=_KEY, now=clock.system())
    events.read_events(body)
    start_response("204 No Content", [])
    return []


_LINES = (events.SIGNATURE, events.MOMENT)
