"""Leaving: a page with a button, and RFC 8058's one click."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, render_template

from newsletter import db
from newsletter.circulation import unsubscribe as circulation
from newsletter.circulation.tokens import GoneToken, TokenError
from newsletter.web.services import services

bp = Blueprint("unsubscribe", __name__)


@bp.get("/unsubscribe/<token>")
def page(token: str) -> Response:
    """A page with a button; looking changes nothing."""
    found = services()
    try:
        with db.reading(found.sessions) as session:
            subscriber = circulation.reader_of(session, token, tokens=found.tokens)
    except TokenError as error:
        return _refusal(error)
    return make_response(
        render_template(
            "unsubscribe.html", token=token, address=masked(subscriber.address), reader=subscriber
        )
    )


@bp.post("/unsubscribe/<token>")
def leave(token: str) -> Response:
    """Acts at once, for our own button and for a mail program's one click alike (RFC 8058).

    The address is the proof: no cookie, no form token, no redirect, whatever the body says. Works for ever, and twice.
    """
    found = services()
    try:
        with found.sessions.begin() as session:
            left = circulation.unsubscribe(session, token, tokens=found.tokens, now=found.now())
    except TokenError as error:
        return _refusal(error)
    return make_response(
        render_template("unsubscribe_done.html", token=token, address=masked(left.subscriber.address))
    )


@bp.post("/unsubscribe/<token>/undo")
def undo(token: str) -> Response:
    """They changed their mind."""
    found = services()
    try:
        with found.sessions.begin() as session:
            subscriber = circulation.resubscribe(session, token, tokens=found.tokens, now=found.now())
    except TokenError as error:
        return _refusal(error)
    return make_response(
        render_template("unsubscribe_undone.html", reader=subscriber, address=masked(subscriber.address))
    )


def masked(address: str) -> str:
    """``a…@example.com``: enough to know one's own address by, for a mail may have been forwarded."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}…@{domain}"


def _refusal(error: TokenError) -> Response:
    # An erased reader gets no mail: what they want is so already, and a mail program's click deserves its 200.
    gone = isinstance(error, GoneToken)
    return make_response(render_template("unsubscribe_refused.html", gone=gone), 200 if gone else 404)
