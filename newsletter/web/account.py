"""A reader's own page: when the mail comes, the plan, and everything we hold. Forms are bound to this Sign-in."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request
from sqlalchemy.orm import Session

from newsletter import db
from newsletter.billing import cancellation
from newsletter.billing.processors.protocol import ProcessorError
from newsletter.db.models import Subscriber
from newsletter.errors import Refused
from newsletter.stories.topic_words import TOPICS
from newsletter.subscribers import erasure, preferences, signin
from newsletter.subscribers.preferences import known_zones, zone_or
from newsletter.subscribers.tokens import UNSUBSCRIBE, fingerprint, subject_of
from newsletter.web.http.cookies import READER
from newsletter.web.http.csrf import check_form, form_token
from newsletter.web.plan import plan_of
from newsletter.web.reader import current_reader
from newsletter.web.services import services

bp = Blueprint("account", __name__)
FORM = "account"


@bp.get("/account")
def page() -> Response:
    site = services()
    with db.reading(site.sessions) as session:
        found = signin.reader_of(session, READER.value(), now=site.now())
        if found is None:
            return make_response(redirect(site.paths.signin(), 303))
        return _page(session, found, saved=request.args.get("saved") == "yes")


@bp.post("/account")
def choose() -> Response:
    """Save hour, zone, cadence, pause and Topics, all or none of them."""
    given = request.form

    def act(session: Session, found: Subscriber) -> None:
        preferences.choose(
            found,
            hour=_hour(given.get("hour", "")),
            zone=given.get("zone", "")[:64],
            cadence=given.get("cadence", ""),
            paused_until=_day(given.get("paused_until", "")),
            topics=given.getlist("topic"),
            today=_today(found),
        )

    return _act(act) or _saved()


@bp.post("/account/resume")
def resume() -> Response:
    """End the pause: the mail comes again from the next Issue on."""
    return _act(lambda _, found: preferences.resume(found)) or _saved()


@bp.get("/account/export")
def export() -> Response:
    """Everything we hold on the reader, as a JSON file."""
    site = services()
    with db.reading(site.sessions) as session:
        found = signin.reader_of(session, READER.value(), now=site.now())
        if found is None:
            return make_response(redirect(site.paths.signin(), 303))
        answer = make_response(json.dumps(erasure.export(session, found), indent=2, ensure_ascii=False))
    answer.headers["Content-Type"] = "application/json; charset=utf-8"
    answer.headers["Content-Disposition"] = "attachment; filename=my-data.json"
    return answer


@bp.post("/account/signout")
def sign_out() -> Response:
    return (
        _act(lambda session, _: signin.sign_out(session, READER.value(), now=services().now()))
        or _signed_out()
    )


@bp.post("/account/signout/<int:number>")
def sign_out_one(number: int) -> Response:
    """End one Sign-in, such as that of a lost browser."""

    def act(session: Session, found: Subscriber) -> None:
        signin.sign_out_one(session, found.id, number, now=services().now())

    return _act(act) or _to(services().paths.account())


@bp.post("/account/signout-everywhere")
def sign_out_everywhere() -> Response:
    return (
        _act(lambda session, found: signin.sign_out_everywhere(session, found.id, now=services().now()))
        or _signed_out()
    )


@bp.post("/account/erase")
def erase_me() -> Response:
    """Erase the reader for good, if the box is ticked. A Subscription that would charge again is ended first."""
    here, number = services(), current_reader()

    def act(session: Session, found: Subscriber) -> None:
        if request.form.get("sure") != "yes":
            raise Refused("Please tick the box to say that you are sure.")
        outbox = here.settings.OUTBOX_DIR if here.settings.MAIL_PROVIDER == "outbox" else None
        mailbox = here.settings.BOUNCE_MAILDIR
        erasure.erase(session, found, now=here.now(), outbox=outbox, mailbox=mailbox)

    if number is not None and request.form.get("sure") == "yes":
        check_form(FORM, fingerprint(READER.value()))
        try:
            cancellation.cancel_now(here.sessions, here.processor, number, clock=here.now)
        except (ProcessorError, Refused):
            return _refused(
                "We could not end your payment just now, so nothing was erased. Please try again in a minute."
            )
    refused = _act(act)
    if refused is not None:
        return refused
    answer = make_response(render_template("account_erased.html"))
    READER.delete(answer)
    return answer


def _act(act: Callable[[Session, Subscriber], Any]) -> Response | None:
    """Run ``act`` for the signed-in reader. Returns None when it is done, else the response that says why not."""
    check_form(FORM, fingerprint(READER.value()))
    site = services()
    try:
        with site.sessions.begin() as session:
            found = signin.reader_of(session, READER.value(), now=site.now())
            if found is None:
                return make_response(redirect(site.paths.signin(), 303))
            act(session, found)
    except Refused as refusal:
        return _refused(str(refusal))
    return None


def _refused(reason: str) -> Response:
    """The page as it was, with the reason why nothing was done."""
    site = services()
    with db.reading(site.sessions) as session:
        found = signin.reader_of(session, READER.value(), now=site.now())
        return _page(session, found, error=reason) if found else abort(409, reason)


def _page(session: Session, found: Subscriber, *, error: str = "", saved: bool = False) -> Response:
    site = services()
    now = site.now()
    today = _today(found)
    token = site.tokens.make(UNSUBSCRIBE, subject_of(found.id, found.address_hash))
    html = render_template(
        "account.html",
        reader=found,
        error=error,
        saved=saved,
        plan=plan_of(found),
        topics=TOPICS,
        signins=signin.signed_in(session, found.id, now=now),
        this_signin=fingerprint(READER.value()),
        # The reader's own zone is listed even under an old name such as "Japan": else the browser would select another.
        zones=sorted({z for z in known_zones() if "/" in z or z == "UTC"} | {found.zone}),
        tomorrow=today + timedelta(days=1),
        # A pause that is over is not shown: its day could not be saved again.
        paused_until=found.paused_until if found.paused_until and found.paused_until > today else None,
        unsubscribe=site.paths.unsubscribe(token),
        account_token=form_token(FORM, fingerprint(READER.value())),
    )
    return make_response(html, 422 if error else 200)


def _today(found: Subscriber) -> date:
    """The day it is in the reader's zone."""
    site = services()
    return site.now().astimezone(ZoneInfo(zone_or(found.zone, site.settings.EDITION_TZ))).date()


def _hour(text: str) -> int:
    """The hour chosen; -1, which is not valid, for anything else."""
    return int(text) if len(text) <= 2 and text.isdecimal() else -1


def _day(text: str) -> date | None:
    if not text.strip():
        return None
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise Refused("Please write the day as year-month-day, such as 2026-12-31.") from None


def _saved() -> Response:
    """Redirect to the page, with a fresh secret if this browser's is old."""
    here = services()
    answer = _to(f"{here.paths.account()}?saved=yes")
    with here.sessions.begin() as session:
        fresh = signin.rotate(session, READER.value(), now=here.now())
    if fresh:
        READER.set(answer, fresh)
    return answer


def _signed_out() -> Response:
    answer = _to(services().paths.home())
    READER.delete(answer)
    return answer


def _to(path: str) -> Response:
    return make_response(redirect(path, 303))
