"""Readers sign in with a link that works once."""

from __future__ import annotations

import re
from datetime import timedelta
from math import ceil
from typing import Any

from flask import Blueprint, Response, make_response, redirect, render_template, request

from newsletter import db
from newsletter.subscribers import pending_requests, signin
from newsletter.subscribers.addresses import AddressError
from newsletter.subscribers.signin import is_used
from newsletter.subscribers.tokens import ExpiredToken, TokenError
from newsletter.web import metering
from newsletter.web.http import bot_timing
from newsletter.web.http.cookies import READER, THEN
from newsletter.web.http.csrf import check_form
from newsletter.web.reader import current_reader
from newsletter.web.services import services

bp = Blueprint("signin", __name__)
ASK_FORM, LINK_FORM = "signin", "signin-link"
_PAGE = re.compile(r"/(?:stories|issues)/[\w-]{1,200}", re.ASCII)


@bp.get("/signin")
def form() -> Response:
    """The form; a reader who is signed in already is redirected to the account."""
    then = _ours(request.args.get("then", ""))
    if current_reader() is not None:
        return make_response(redirect(then or services().paths.account(), 303))
    return make_response(render_template("signin.html", asked=False, then=then))


@bp.post("/signin")
def ask() -> Response:
    """Store the request for a link. The response, and the work done, are the same for every address."""
    check_form(ASK_FORM)
    if bot_timing.too_quick():
        return _form_again(bot_timing.TOO_QUICK)
    site, address = services(), request.form.get("address", "")
    asker: dict[str, Any] = {"now": site.now(), "ip": request.remote_addr}
    try:
        wait = pending_requests.wait(site.sessions, site.settings, pending_requests.SIGNIN, **asker)
        pending_requests.store(site.sessions, pending_requests.SIGNIN, address, **asker)
    except AddressError as error:
        return _form_again(str(error))
    except pending_requests.TooManyRequests as error:
        return _form_again(str(error), status=429)
    html = render_template(
        "signin.html", asked=True, minutes=signin.minutes_valid(), hours=ceil(wait / timedelta(hours=1))
    )
    answer = make_response(html)
    if then := _ours(request.form.get("then", "")):
        THEN.set(answer, then)
    return answer


def _form_again(error: str, *, status: int = 422) -> Response:
    address, then = request.form.get("address", "")[:254], _ours(request.form.get("then", ""))
    html = render_template("signin.html", asked=False, error=error, address=address, then=then)
    return make_response(html, status)


def _ours(path: str) -> str:
    """Return the path of a Story or an Issue to return to; empty when it is anything else."""
    return path if _PAGE.fullmatch(path) else ""


@bp.get("/signin/<token>")
def link_page(token: str) -> Response:
    """The page with the button. GET does not use up the link, so scanners of mail do no harm."""
    site = services()
    try:
        with db.reading(site.sessions) as session:
            signin.reader_in(session, token, tokens=site.tokens)
            used = is_used(session, token)
    except TokenError as error:
        return _refusal(error)
    return _refusal(None) if used else make_response(render_template("signin_link.html", token=token))


@bp.post("/signin/<token>")
def spend(token: str) -> Response:
    """Use up the link and sign this browser in with a new secret."""
    check_form(LINK_FORM, token)
    site = services()
    try:
        with site.sessions.begin() as session:
            new_secret = signin.sign_in(
                session, token, tokens=site.tokens, now=site.now(), instead_of=READER.value()
            )
            metering.carry_over(session, signin.reader_in(session, token, tokens=site.tokens).id)
    except TokenError as error:
        return _refusal(error)
    then = _ours(THEN.value())
    answer = make_response(redirect(then or site.paths.account(), 303))
    READER.set(answer, new_secret)
    if then:
        THEN.delete(answer)
    return answer


def _refusal(error: TokenError | None) -> Response:
    gone = error is None or isinstance(error, ExpiredToken) or "used" in str(error)
    return make_response(render_template("signin_refused.html", gone=gone), 410 if gone else 404)
