"""The composition root of the site."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import IntegerConverter, Map

from newsletter import clock as clocks
from newsletter import db, desk
from newsletter.clock import Clock
from newsletter.delivery import providers
from newsletter.issues.service import IssueService
from newsletter.links import Links
from newsletter.settings import Settings
from newsletter.subscribers.tokens import Tokens
from newsletter.web import BLUEPRINTS, PAYMENTS, templating
from newsletter.web.http import errors, headers
from newsletter.web.http.page_cache import NoCache, PageCache
from newsletter.web.services import KEY, Services

TEMPLATES = Path(__file__).parent.parent / "templates" / "web"
BODY_CAP = 256 * 1024  # bytes; a view that takes more says so with request.max_content_length


class RowNumber(IntegerConverter):
    """``<int:number>`` in an address: a number that the id of a row may have. Larger ones match no address."""

    def __init__(self, map: Map) -> None:
        super().__init__(map, max=2**31 - 1)


class Site(Flask):
    """Flask without its log of exceptions, which contains the path, because a path may contain a reader's token."""

    def log_exception(self, exc_info: Any) -> None:
        """Log nothing: :mod:`newsletter.web.http.errors` logs the endpoint and the trace."""


def create_app(
    settings: Settings,
    *,
    sessions: db.Sessions | None = None,
    clock: Clock | None = None,
    page_cache: PageCache | None = None,
) -> Flask:
    """Return the site as a WSGI app. Opens the database of ``settings`` unless ``sessions`` are given; makes no connection.

    With a ``page_cache`` public pages are kept for seconds; without one, every request reads the tables.
    """
    clock = clock or clocks.system
    app = Site("newsletter", template_folder=str(TEMPLATES), static_folder=None)
    app.config.update(MAX_CONTENT_LENGTH=BODY_CAP, MAX_FORM_MEMORY_SIZE=BODY_CAP)
    # Werkzeug would redirect "//x" to an absolute address made of the Host header.
    app.url_map.merge_slashes = False
    app.url_map.converters["int"] = RowNumber
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.extensions[KEY] = Services(
        IssueService(
            settings=settings,
            sessions=sessions or db.make_sessions(db.make_engine(settings.DATABASE_URL)),
            clock=clock,
            links=Links(settings.SITE_URL),
            tokens=Tokens(settings.signing_keys, clock=clock),
            provider=providers.make(settings, now=clock),
        ),
        page_cache or NoCache(),
    )
    app.extensions[KEY].spool_retry.start()  # for what an earlier process spooled
    headers.install(app)
    errors.install(app)
    templating.install(app)
    with app.app_context():
        for name in BLUEPRINTS if settings.has_checkout else (b for b in BLUEPRINTS if b not in PAYMENTS):
            app.register_blueprint(import_module(f"newsletter.web.{name}").bp)
        app.register_blueprint(desk.bp)
    if settings.TRUSTED_PROXIES:
        hops = settings.TRUSTED_PROXIES
        wrapped: Any = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=0, x_port=0, x_prefix=0)
        app.wsgi_app = wrapped  # type: ignore[method-assign]
    return app
