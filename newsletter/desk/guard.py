"""Who may come in: every page of the desk but the sign-in asks for a Sign-in, and every form for its token."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, g, make_response, redirect, render_template, request
from flask.blueprints import BlueprintSetupState

from newsletter import db
from newsletter.db.models import Operator
from newsletter.desk.days import clock_time
from newsletter.errors import NewsletterError, NotFound
from newsletter.subscribers import operators
from newsletter.subscribers.tokens import fingerprint
from newsletter.web import desk_cookie
from newsletter.web.http.csrf import check_form, form_token
from newsletter.web.http.errors import page
from newsletter.web.http.headers import PRIVATE, adjust_csp
from newsletter.web.services import services

bp = Blueprint("desk", __name__, url_prefix="/desk")
FORM = "desk"
# The only pages that are there for everybody; they look the same for everybody.
OPEN = frozenset({"desk.signin_page", "desk.ask", "desk.link_page", "desk.spend"})

P = ParamSpec("P")
R = TypeVar("R")


def operator() -> Operator:
    """Who is signed in."""
    found: Operator = g.operator
    return found


def by() -> str:
    """How the audit trail names them."""
    return f"operator:{operator().id}"


def desk_token() -> str:
    """The form token of this Sign-in, for every form on the desk."""
    return form_token(FORM, fingerprint(desk_cookie.secret()))


def to(path: str = "") -> str:
    """The path of a desk page: ``to("issues")``."""
    return services().paths.desk(path)


def go(path: str = "") -> Response:
    """Lead the browser to a desk page after an act: reloading it repeats nothing."""
    return make_response(redirect(to(path), 303))


@bp.before_request
def _guard() -> Response | None:
    if request.endpoint in OPEN:
        return None
    with db.reading(services().sessions) as session:
        found = operators.operator_of(session, desk_cookie.secret(), now=services().now())
    if found is None:
        return go("signin")
    g.operator = found
    if request.method not in ("GET", "HEAD", "OPTIONS"):
        check_form(FORM, fingerprint(desk_cookie.secret()))
    return None


@bp.after_request
def _keep_nowhere(response: Response) -> Response:
    response.headers["Cache-Control"] = PRIVATE
    response.headers["X-Robots-Tag"] = "noindex"
    return response


@bp.errorhandler(NewsletterError)
def _refused(error: NewsletterError) -> Response:
    """What a room refused, in its own words."""
    if isinstance(error, NotFound) or g.get("operator") is None:
        return page(404 if isinstance(error, NotFound) else 409, str(error))
    return make_response(render_template("desk/refused.html", reason=str(error), back=_came_from()), 409)


def _came_from() -> str:
    """The desk page that the form stood on, as the browser says, or the desk itself; never another site."""
    place = urlsplit(request.headers.get("Referer", "")).path
    home = to()
    return place if place.startswith(home) and place != request.path else home


@bp.context_processor
def _given() -> dict[str, Any]:
    return {
        "desk": to,
        "desk_token": desk_token,
        "clock_time": clock_time,
        "operator": g.get("operator"),
        "shows_outbox": services().settings.MAIL_PROVIDER == "outbox",
    }


@bp.record
def _allow_frames(_: BlueprintSetupState) -> None:
    """Its pages show mail in frames of our own; nothing else may be framed."""
    adjust_csp("desk", frame_src="'self'")


def needs_full_duty(act: Callable[P, R]) -> Callable[P, R]:
    """Editors decide about Issues; readers and operators are a manager's business."""

    @wraps(act)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        if operator().duty != "manager":
            abort(403, "That is a manager's to decide. Ask one of them.")
        return act(*args, **kwargs)

    return guarded
