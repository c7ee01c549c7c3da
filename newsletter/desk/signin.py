"""Operators sign in with a link that works once, and sign out."""

from __future__ import annotations

from flask import Response, abort, make_response, render_template, request

from newsletter import db
from newsletter.desk.guard import actor, bp, redirect_to
from newsletter.subscribers import operators, pending_requests
from newsletter.subscribers.addresses import AddressError
from newsletter.subscribers.signin import is_used
from newsletter.subscribers.tokens import ExpiredToken, TokenError
from newsletter.web.http.cookies import OPERATOR
from newsletter.web.http.csrf import check_form
from newsletter.web.services import services


@bp.get("/signin")
def signin_page() -> Response:
    return make_response(render_template("desk/signin.html", asked=False))


@bp.post("/signin")
def ask() -> Response:
    """Store the request for a link. The response, and the work done, are the same for every address."""
    check_form("desk-signin")
    site, address = services(), request.form.get("address", "")
    try:
        pending_requests.store(
            site.sessions,
            pending_requests.SIGNIN,
            address,
            now=site.now(),
            ip=request.remote_addr,
            came_from=pending_requests.FROM_DESK,
        )
    except AddressError:
        pass  # the response is the same for an invalid address
    except pending_requests.TooManyRequests as error:
        abort(429, str(error))
    return make_response(render_template("desk/signin.html", asked=True, minutes=operators.minutes_valid()))


@bp.get("/signin/<token>")
def link_page(token: str) -> Response:
    """The page with the button. GET does not use up the link, so scanners of mail do no harm."""
    site = services()
    try:
        with db.reading(site.sessions) as session:
            operators.operator_in(session, token, tokens=site.tokens)
            used = is_used(session, token)
    except TokenError as error:
        return _refusal(error)
    if used:
        return _refusal(None)
    return make_response(render_template("desk/link.html", token=token))


@bp.post("/signin/<token>")
def spend(token: str) -> Response:
    """Use up the link and sign this browser in."""
    check_form("desk-link", token)
    site = services()
    try:
        with site.sessions.begin() as session:
            secret = operators.sign_in(session, token, tokens=site.tokens, now=site.now())
    except TokenError as error:
        return _refusal(error)
    answer = redirect_to()
    OPERATOR.set(answer, secret)
    return answer


@bp.post("/signout")
def sign_out() -> Response:
    site = services()
    with site.sessions.begin() as session:
        operators.sign_out(session, OPERATOR.value(), now=site.now(), by=actor())
    answer = redirect_to("signin")
    OPERATOR.delete(answer)
    return answer


def _refusal(error: TokenError | None) -> Response:
    gone = error is None or isinstance(error, ExpiredToken) or "used" in str(error)
    return make_response(render_template("desk/link_refused.html", gone=gone), 410 if gone else 404)
