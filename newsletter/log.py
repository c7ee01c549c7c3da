"""Structured logs: a constant event name plus fields, one JSON line each (or coloured text on a terminal).

Addresses and signed links must not be logged. :func:`mask_addresses` removes those in messages of other libraries and in
traces.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, TextIO

import structlog

_ADDRESS = re.compile(r"[^\s<>\"'@:;,()\[\]]{1,64}@[^\s<>\"'@:;,()\[\]]+")
_TOKEN = re.compile(r"[\w-]{4,}\.[\w-]{5,8}\.[\w-]{43}")  # as subscribers/tokens.py signs them
# Characters that end a line, move the cursor, or change the direction of the text.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def mask_addresses(_: Any, __: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace anything that looks like an email address or a signed token, and control characters that could forge a line."""
    for key, value in fields.items():
        fields[key] = _masked(value)
    return fields


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return _CONTROL.sub(" ", _TOKEN.sub("[token]", _ADDRESS.sub("[address]", value)))
    if isinstance(value, Mapping):
        return {_masked(k): _masked(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(v) for v in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return _masked(str(value))  # a renderer would write it out all the same


class _StandardError(logging.StreamHandler[TextIO]):
    """Writes to the present standard error, as :data:`logging.lastResort` does, because it may be replaced or closed."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stderr


def configure(*, json: bool | None = None, level: int = logging.INFO) -> None:
    """Set up logging to standard error. ``json`` None: text on a terminal, JSON otherwise."""
    as_json = (not sys.stderr.isatty()) if json is None else json
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        mask_addresses,
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=_may_colour())
    )
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),  # looked up for each line
        cache_logger_on_first_use=False,
    )
    handler = _StandardError()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("werkzeug", "alembic", "urllib3", "stripe"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _may_colour() -> bool:
    """Return whether standard error is a terminal that shows colours, and NO_COLOR is not set."""
    from rich.console import Console  # takes a moment to import, and only a terminal is written to so

    console = Console(file=sys.stderr)
    return console.color_system is not None and not console.no_color


def get(package: str) -> Any:
    """Return the logger of a part of the program; call it with an event name and fields: ``log.info("feed.unchanged", feed_id=3)``."""
    return structlog.get_logger(package=package)
