"""Unsubscribing by a page with a button, or by one click in a mail program (RFC 8058)."""

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
    """The page with the button. GET changes nothing."""
    site = services()
    try:
        with db.reading(site.sessions) as session:
            subscriber = unsubscribing.reader_of(session, token, tokens=site.tokens)
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
        subject = _verified_subject(token)
        if subject is None:
            raise
        _log.error("unsubscribe.page_without_database", reason=db.explain(error))
        html = render_template("unsubscribe.html", token=token, address="", reader=None, plan=None)
    return make_response(html)


@bp.post("/unsubscribe/<token>")
def leave(token: str) -> Response:
    """Unsubscribe at once, for our own button and for one click in a mail program (RFC 8058).

    The signed token in the address is sufficient: no cookie, form token or redirect is needed, and the body does not matter. The
    token never expires, and a second request changes nothing. Only our own second button also ends the payment. While the
    database is not available, the unsubscribe is spooled in a file and written later, so that readers need not repeat it.
    """
    site = services()
    try:
        with site.sessions.begin() as session:
            db.limit_lock_wait(session)
            left = unsubscribing.unsubscribe(session, token, tokens=site.tokens, now=site.now())
    except TokenError as error:
        return _refusal(error)
    except DBAPIError as error:
        return _spooled(token, error)
    money = _stop_paying(left.subscriber) if request.form.get("payment") == "cancel" else ""
    with db.reading(site.sessions) as session:
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
    """Spool the unsubscribe in a file while the database is not available. Raises ``fault`` (503) when that fails as well."""
    site, subject = services(), _verified_subject(token)
    if subject is None:
        raise fault
    try:
        spool.store(site.settings.LEAVING_DIR, subject, now=site.now())
    except OSError as error:
        _log.error("unsubscribe.not_spooled", reason=error.strerror or type(error).__name__)
        raise fault from None
    _log.error("unsubscribe.spooled", reason=db.explain(fault))
    site.spool_retry.start()
    html = render_template(
        "unsubscribe_done.html",
        token=token,
        address="",
        plan=None,
        money=request.form.get("payment") and "unsure",
    )
    return make_response(html)


def _verified_subject(token: str) -> str | None:
    """Return the subject of a link with a valid signature, else None. The database is not needed."""
    try:
        return services().tokens.read(UNSUBSCRIBE, token)
    except TokenError:
        return None


def _stop_paying(reader: Subscriber) -> str:
    """End the payment at the end of the paid period. Returns "" when it is done, else "unsure". The mail has stopped in any case."""
    site, number = services(), reader.id
    try:
        ends_at = cancellation.cancel_at_period_end(site.sessions, site.processor, number, clock=site.now)
    except (ProcessorError, Refused) as error:
        _log.warning("unsubscribe.still_charged", subscriber_id=number, reason=str(error))
        return "unsure"
    if ends_at is not None:
        with site.sessions.begin() as session:
            # Readers get a mail about it, because somebody with a forwarded mail may have pressed the button.
            notices.queue(
                session,
                "cancelled",
                key=f"cancelled:{number}:{ends_at.isoformat()}",
                due_at=site.now(),
                subscriber_id=number,
                values={"until": local_day(ends_at, reader.zone, default=site.settings.EDITION_TZ)},
            )
    return ""


@bp.post("/unsubscribe/<token>/undo")
def undo(token: str) -> Response:
    """Undo the unsubscribe."""
    site = services()
    try:
        with site.sessions.begin() as session:
            subscriber = unsubscribing.resubscribe(session, token, tokens=site.tokens, now=site.now())
            stopped = mail_stopped(session, subscriber)
        spool.discard(site.settings.LEAVING_DIR, site.tokens.read(UNSUBSCRIBE, token))
    except TokenError as error:
        return _refusal(error)
    return make_response(
        render_template(
            "unsubscribe_undone.html", reader=subscriber, address=masked(subscriber.address), stopped=stopped
        )
    )


def masked(address: str) -> str:
    """Return "a…@example.com", which readers recognize and which hides the address in a forwarded mail."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}…@{domain}"


def _refusal(error: TokenError) -> Response:
    # An erased reader gets no mail, as the link requests, so a mail program's click gets status 200.
    gone = isinstance(error, GoneToken)
    return make_response(render_template("unsubscribe_refused.html", gone=gone), 200 if gone else 404)
