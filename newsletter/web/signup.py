"""Sign-up and its confirmation. The response to every sign-up looks the same."""

from __future__ import annotations

import re
from datetime import timedelta
from math import ceil

from flask import Blueprint, Response, make_response, render_template, request

from newsletter import db
from newsletter.issues import archive
from newsletter.subscribers import pending_requests, signin, signup
from newsletter.subscribers.addresses import AddressError
from newsletter.subscribers.tokens import CONFIRM, ExpiredToken, TokenError
from newsletter.web import metering
from newsletter.web.http import bot_timing
from newsletter.web.http.cookies import READER
from newsletter.web.http.csrf import check_form, is_same_origin
from newsletter.web.plan import plan_of
from newsletter.web.services import services

bp = Blueprint("signup", __name__)


@bp.get("/signup")
def form() -> Response:
    """The form on a page of its own."""
    return make_response(render_template("signup.html", came_from="signup"))


@bp.post("/signup")
def ask() -> Response:
    """Store the sign-up. A known address, an unknown one, one over a limit and a bot get the same page."""
    check_form("signup")
    form_data = request.form
    if form_data.get("website"):  # a honeypot: people do not see the field, so only bots fill it
        return _asked()
    if bot_timing.too_quick():
        return _form_again(bot_timing.TOO_QUICK)
    site = services()
    try:
        wait = pending_requests.wait(
            site.sessions, site.settings, pending_requests.SIGNUP, now=site.now(), ip=request.remote_addr
        )
        pending_requests.store(
            site.sessions,
            pending_requests.SIGNUP,
            form_data.get("address", ""),
            hour=_hour(form_data.get("hour", "")),
            zone=form_data.get("zone", ""),
            now=site.now(),
            ip=request.remote_addr,
            came_from=_came_from(form_data.get("came_from", "")),
        )
    except AddressError as error:
        return _form_again(str(error))
    except pending_requests.TooManyRequests as error:
        return _form_again(str(error), status=429)
    return _asked(wait)


def _asked(wait: timedelta = timedelta()) -> Response:
    """The page that says to look for the mail; ``wait`` is how long it takes at least."""
    return make_response(render_template("signup_asked.html", hours=ceil(wait / timedelta(hours=1))))


def _form_again(error: str, *, status: int = 422) -> Response:
    form_data = request.form
    html = render_template(
        "signup.html",
        error=error,
        address=form_data.get("address", "")[:254],
        hour=_hour(form_data.get("hour", "")),
        came_from=_came_from(form_data.get("came_from", "")),
    )
    return make_response(html, status)


@bp.get("/confirm/<token>")
def confirm_page(token: str) -> Response:
    """The page with the button. GET changes nothing, so scanners of mail do no harm."""
    site = services()
    try:
        subject = site.tokens.read(CONFIRM, token)
        with db.reading(site.sessions) as session:
            subscriber = signup.subscriber_of(session, subject)
    except TokenError as error:
        return _refusal(error)
    words = signup.consent_words(site.settings.SITE_NAME)
    return make_response(
        render_template("confirm.html", token=token, consent_words=words, subscriber=subscriber)
    )


@bp.post("/confirm/<token>")
def confirm(token: str) -> Response:
    """Confirm the sign-up and sign this browser in. The signed token in the address replaces cookie and form token.

    A second request changes nothing and signs nobody in: the link stands in a mail for days. Nor does a page of another site that sends it.
    """
    site = services()
    secret = ""
    try:
        with site.sessions.begin() as session:
            confirmed = signup.confirm(
                session, token, tokens=site.tokens, settings=site.settings, now=site.now()
            )
            reader = confirmed.subscriber
            plan = plan_of(reader)
            if confirmed.first and is_same_origin():
                secret = signin.begin(session, reader.id, now=site.now(), instead_of=READER.value())
                metering.carry_over(session, reader.id)
            newest = archive.latest_issue(session)
    except TokenError as error:
        return _refusal(error)
    html = render_template(
        "confirm_done.html",
        subscriber=reader,
        left=reader.unsubscribed_at is not None,
        done=confirmed,
        plan=plan,
        signed_in=bool(secret),
        newest=newest.issued_on if newest else None,
    )
    answer = make_response(html)
    if secret:
        READER.set(answer, secret)
    return answer


def _refusal(error: TokenError) -> Response:
    expired = isinstance(error, ExpiredToken)
    return make_response(render_template("confirm_refused.html", expired=expired), 410 if expired else 404)


def _hour(text: str) -> int:
    return int(text) if re.fullmatch(r"[01]?[0-9]|2[0-3]", text, re.ASCII) else 6


def _came_from(text: str) -> str:
    """Return the name of the page with the form, or "other" when the value has another form."""
    return text if re.fullmatch(r"[a-z-]{1,40}", text) else "other"
