"""Unsubscribing: a page with a button, and RFC 8058's one click."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, render_template, request
from sqlalchemy.exc import DBAPIError

from newsletter import db, log
from newsletter.billing import cancellation
from newsletter.billing.processors.protocol import ProcessorError
from newsletter.db.models import Subscriber
from newsletter.delivery import notices
from newsletter.errors import Refused
from newsletter.subscribers.preferences import local_day
from newsletter.subscribers.tokens import UNSUBSCRIBE, GoneToken, TokenError
from newsletter.subscribers.unsubscribing import spool
from newsletter.subscribers.unsubscribing import unsubscribe as unsubscribing
from newsletter.subscribers.unsubscribing.operator_suppressions import mail_stopped
from newsletter.web.plan import plan_of
from newsletter.web.services import services

bp = Blueprint("unsubscribe", __name__)
_log = log.get("web")


@bp.get("/unsubscribe/<token>")
def page(token: str) -> Response:
    """A page with a button; looking changes nothing."""
    found = services()
    try:
        with db.reading(found.sessions) as session:
            subscriber = unsubscribing.reader_of(session, token, tokens=found.tokens)
            html = render_template(
                "unsubscribe.html",
                token=token,
                address=masked(subscriber.address),
                reader=subscriber,
                plan=plan_of(subscriber),
            )
    except TokenError as error:
        return _refusal(error)
    except DBAPIError as error:
        # Without the database the page still has its button.
        subject = _proved(token)
        if subject is None:
            raise
        _log.error("unsubscribe.page_without_database", reason=db.explain(error))
        html = render_template("unsubscribe.html", token=token, address="", reader=None, plan=None)
    return make_response(html)


@bp.post("/unsubscribe/<token>")
def leave(token: str) -> Response:
    """Unsubscribe at once, for our own button and for a mail program's one click alike (RFC 8058).

    The token in the address is the proof: no cookie, no form token, no redirect, whatever the body says. It never expires, and
    a second time changes nothing. Only our own second button also ends the payment; a mail program's click never does.
    While the database cannot take it, the unsubscribe is spooled in a file and written later: nobody presses twice.
    """
    found = services()
    try:
        with found.sessions.begin() as session:
            db.limit_lock_wait(session)
            left = unsubscribing.unsubscribe(session, token, tokens=found.tokens, now=found.now())
    except TokenError as error:
        return _refusal(error)
    except DBAPIError as error:
        return _spooled(token, error)
    money = _stop_paying(left.subscriber) if request.form.get("payment") == "cancel" else ""
    with db.reading(found.sessions) as session:
        subscriber = session.get_one(Subscriber, left.subscriber.id)
        html = render_template(
            "unsubscribe_done.html",
            token=token,
            address=masked(subscriber.address),
            plan=plan_of(subscriber),
            money=money,
        )
    return make_response(html)


def _spooled(token: str, fault: DBAPIError) -> Response:
    """Spool the unsubscribe in a file, because the database cannot take it. Raises ``fault`` (503) when that fails as well."""
    here, subject = services(), _proved(token)
    if subject is None:
        raise fault
    try:
        spool.store(here.settings.LEAVING_DIR, subject, now=here.now())
    except OSError as error:
        _log.error("unsubscribe.not_spooled", reason=error.strerror or type(error).__name__)
        raise fault from None
    _log.error("unsubscribe.spooled", reason=db.explain(fault))
    here.spool_retry.start()
    html = render_template(
        "unsubscribe_done.html",
        token=token,
        address="",
        plan=None,
        money=request.form.get("payment") and "unsure",
    )
    return make_response(html)


def _proved(token: str) -> str | None:
    """The subject of a link whose signature holds; None otherwise. Asks no database."""
    try:
        return services().tokens.read(UNSUBSCRIBE, token)
    except TokenError:
        return None


def _stop_paying(reader: Subscriber) -> str:
    """End the payment at the end of what is paid for. Returns "" when it is done, else "unsure"; the mail has stopped in any case."""
    here, number = services(), reader.id
    try:
        ends_at = cancellation.cancel_at_period_end(here.sessions, here.processor, number, clock=here.now)
    except (ProcessorError, Refused) as error:
        _log.warning("unsubscribe.payment_runs_on", subscriber_id=number, reason=str(error))
        return "unsure"
    if ends_at is not None:
        with here.sessions.begin() as session:
            # Readers are told by mail: somebody else may have pressed, for a mail with this link may have been forwarded.
            notices.queue(
                session,
                "cancelled",
                key=f"cancelled:{number}:{ends_at.isoformat()}",
                due_at=here.now(),
                subscriber_id=number,
                values={"until": local_day(ends_at, reader.zone, default=here.settings.EDITION_TZ)},
            )
    return ""


@bp.post("/unsubscribe/<token>/undo")
def undo(token: str) -> Response:
    """Undo the unsubscribe."""
    found = services()
    try:
        with found.sessions.begin() as session:
            subscriber = unsubscribing.resubscribe(session, token, tokens=found.tokens, now=found.now())
            stopped = mail_stopped(session, subscriber)
        spool.discard(found.settings.LEAVING_DIR, found.tokens.read(UNSUBSCRIBE, token))
    except TokenError as error:
        return _refusal(error)
    return make_response(
        render_template(
            "unsubscribe_undone.html", reader=subscriber, address=masked(subscriber.address), stopped=stopped
        )
    )


def masked(address: str) -> str:
    """``a…@example.com``: enough to recognize one's own address; a mail may have been forwarded."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}…@{domain}"


def _refusal(error: TokenError) -> Response:
    # An erased reader gets no mail, which is what the link asks for: a mail program's click is answered 200.
    gone = isinstance(error, GoneToken)
    return make_response(render_template("unsubscribe_refused.html", gone=gone), 200 if gone else 404)
