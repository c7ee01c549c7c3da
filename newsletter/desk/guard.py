"""Access to the desk: every page except those for signing in requires a Sign-in, and every form its token."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, g, make_response, redirect, render_template, request
from flask.blueprints import BlueprintSetupState

from newsletter import db
from newsletter.db.models import Operator
from newsletter.desk.times import clock_time
from newsletter.errors import NewsletterError, NotFound
from newsletter.subscribers import operators
from newsletter.subscribers.tokens import fingerprint
from newsletter.web.http.cookies import OPERATOR
from newsletter.web.http.csrf import check_form, form_token
from newsletter.web.http.errors import page
from newsletter.web.http.headers import PRIVATE, adjust_csp
from newsletter.web.services import services

bp = Blueprint("desk", __name__, url_prefix="/desk")
FORM = "desk"
# The endpoints that need no Sign-in; they look the same for everybody.
PUBLIC_ENDPOINTS = frozenset({"desk.signin_page", "desk.ask", "desk.link_page", "desk.spend"})

P = ParamSpec("P")
R = TypeVar("R")


def operator() -> Operator:
    """Return the operator who is signed in."""
    found: Operator = g.operator
    return found


def actor() -> str:
    """Return the signed-in operator as the audit trail names them: "operator:3"."""
    return f"operator:{operator().id}"


def desk_token() -> str:
    """Return the form token of this Sign-in, for every form on the desk."""
    return form_token(FORM, fingerprint(OPERATOR.value()))


def desk_path(path: str = "") -> str:
    """Return the path of a desk page, such as ``desk_path("issues")``."""
    return services().paths.desk(path)


def redirect_to(path: str = "") -> Response:
    """Redirect the browser to a desk page after a form, so that reloading the page does not send the form again."""
    return make_response(redirect(desk_path(path), 303))


@bp.before_request
def _guard() -> Response | None:
    if request.endpoint in PUBLIC_ENDPOINTS:
        return None
    with db.reading(services().sessions) as session:
        found = operators.operator_of(session, OPERATOR.value(), now=services().now())
    if found is None:
        return redirect_to("signin")
    g.operator = found
    if request.method not in ("GET", "HEAD", "OPTIONS"):
        check_form(FORM, fingerprint(OPERATOR.value()))
    return None


@bp.after_request
def _forbid_caching(response: Response) -> Response:
    response.headers["Cache-Control"] = PRIVATE
    response.headers["X-Robots-Tag"] = "noindex"
    return response


@bp.errorhandler(NewsletterError)
def _refused(error: NewsletterError) -> Response:
    """Return the page with the reason of a refusal."""
    if isinstance(error, NotFound) or g.get("operator") is None:
        return page(404 if isinstance(error, NotFound) else 409, str(error))
    return make_response(render_template("desk/refused.html", reason=str(error), back=_came_from()), 409)


def _came_from() -> str:
    """Return the path of the desk page with the form, from the Referer header, or that of the desk; never another site."""
    place = urlsplit(request.headers.get("Referer", "")).path
    home = desk_path()
    return place if place.startswith(home) and place != request.path else home


@bp.context_processor
def _variables() -> dict[str, Any]:
    return {
        "desk": desk_path,
        "desk_token": desk_token,
        "clock_time": clock_time,
        "operator": g.get("operator"),
        "shows_outbox": services().settings.MAIL_PROVIDER == "outbox",
        "shows_bounces": services().settings.BOUNCE_MAILDIR is not None,
    }


@bp.record
def _allow_frames(_: BlueprintSetupState) -> None:
    """Allow frames from our own origin, in which the desk shows mail."""
    adjust_csp("desk", frame_src="'self'")


def full_duty_required(view: Callable[P, R]) -> Callable[P, R]:
    """Restrict a view to managers: editors decide about Issues only, and not about readers and operators."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        if operator().duty != "manager":
            abort(403, "That is a manager's to decide. Ask one of them.")
        return view(*args, **kwargs)

    return guarded
