"""The plan: its price, the redirects to and from the payment processor, the portal and canceling. The rules are in ``billing``."""

from __future__ import annotations

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request
from flask.blueprints import BlueprintSetupState

from newsletter import db, log
from newsletter.billing import cancellation, subscriptions
from newsletter.billing.processors.protocol import NoSuchAgreement, ProcessorError, ProcessorUnreachable
from newsletter.db.models import Subscriber
from newsletter.errors import NotFound, Refused
from newsletter.subscribers.access import Access
from newsletter.subscribers.signup import subscriber_of
from newsletter.subscribers.tokens import CHECKOUT, ExpiredToken, TokenError
from newsletter.web.http.csrf import check_form
from newsletter.web.http.errors import page
from newsletter.web.http.headers import adjust_csp
from newsletter.web.plan import plan_of
from newsletter.web.reader import current_reader
from newsletter.web.services import services

bp = Blueprint("checkout", __name__)
FORM = "checkout"
UNREACHABLE = "We could not reach our payment processor; nothing was charged. Please try again in a minute."
REFUSED = "Our payment processor did not accept the request; nothing was charged. We have been told."
UNSURE = (
    "We could not reach our payment processor, so we do not know yet whether it is done. Please try again in a"
    " minute: pressing twice does no harm."
)
_log = log.get("web")


@bp.record
def _allow_payment(_: BlueprintSetupState) -> None:
    """Allow redirects of forms to the processor's address: browsers apply the policy to redirects too."""
    own = "" if services().settings.in_production else " http://127.0.0.1:* http://localhost:*"
    adjust_csp("checkout", form_action=f"'self' https:{own}")


@bp.get("/checkout")
def plan() -> Response:
    return _plan_page(current_reader(), action=services().paths.checkout())


@bp.post("/checkout")
def begin() -> Response:
    """Redirect the signed-in reader to the processor."""
    number = current_reader()
    if number is None:
        return _redirect(services().paths.signin())
    check_form(FORM, _bound(number))
    return _begin(number)


@bp.get("/checkout/for/<token>")
def plan_for(token: str) -> Response:
    """The same page for the reader of a signed link, without signing in. GET changes nothing."""
    try:
        number = _number_in(token)
    except TokenError as error:
        return _refusal(error)
    return _plan_page(number, action=f"{services().paths.checkout()}/for/{token}", by_link=True)


@bp.post("/checkout/for/<token>")
def begin_for(token: str) -> Response:
    """Redirect to the processor. The signed token in the address replaces cookie and form token; it only allows paying for its reader."""
    try:
        return _begin(_number_in(token))
    except TokenError as error:
        return _refusal(error)


@bp.get("/checkout/done")
def done() -> Response:
    """The page to which the processor sends readers back. It shows the known state; a button asks the processor again."""
    site, number = services(), current_reader()
    known = None
    if number is not None:
        with db.reading(site.sessions) as session:
            found = session.get(Subscriber, number)
            known = None if found is None else plan_of(found)
    full = known is not None and known.access is Access.FULL
    return _done_page(full, waiting=False)


@bp.post("/checkout/done")
def look_again() -> Response:
    """Ask the processor for the state of this checkout, in case its webhook is late."""
    check_form("checkout-done")
    site = services()
    try:
        agreement_id = site.processor.finished_checkout(request.form.get("checkout", "")[:200])
        known = agreement_id and subscriptions.refresh(
            site.sessions, site.processor, agreement_id, clock=site.now
        )
    except NoSuchAgreement:
        known = None
    except ProcessorError as error:
        return _failed(error, "We could not reach our payment processor just now. What you paid is not lost.")
    return _done_page(bool(known), waiting=not known)


@bp.post("/checkout/portal")
def portal() -> Response:
    """Redirect to the processor's page with card and invoices."""
    site, number = services(), current_reader()
    if number is None:
        return _redirect(site.paths.signin())
    check_form(FORM, _bound(number))
    with db.reading(site.sessions) as session:
        found = session.get(Subscriber, number)
        known = None if found is None else plan_of(found).agreement
    if known is None or known.processor != site.processor.name:
        return _redirect(site.paths.checkout())
    try:
        return _redirect(site.processor.portal_url(known.processor_id, back_url=site.links.checkout()))
    except ProcessorError as error:
        return _failed(error, UNREACHABLE)


@bp.post("/checkout/cancel")
def cancel() -> Response:
    """Stop further charges. Access lasts until the end of the paid period."""
    site, number = services(), current_reader()
    if number is None:
        return _redirect(site.paths.signin())
    check_form(FORM, _bound(number))
    try:
        cancellation.cancel_at_period_end(site.sessions, site.processor, number, clock=site.now)
    except ProcessorError as error:
        return _failed(error, UNSURE)
    except Refused as error:
        return page(409, str(error))
    return _redirect(site.paths.checkout())


def _begin(number: int) -> Response:
    site = services()
    if site.settings.is_free:
        abort(404)
    try:
        url = subscriptions.begin_checkout(
            site.sessions,
            site.processor,
            number,
            settings=site.settings,
            links=site.links,
            now=site.now(),
        )
    except (subscriptions.AlreadyPaying, NotFound):
        return _redirect(site.paths.checkout())
    except ProcessorError as error:
        return _failed(error, UNREACHABLE)
    return _redirect(url)


def _number_in(token: str) -> int:
    site = services()
    subject = site.tokens.read(CHECKOUT, token)
    with db.reading(site.sessions) as session:
        return subscriber_of(session, subject).id


def _plan_page(number: int | None, *, action: str, by_link: bool = False) -> Response:
    found = None
    if number is not None:
        with db.reading(services().sessions) as session:
            reader = session.get(Subscriber, number)
            found = None if reader is None else plan_of(reader)
    if services().settings.is_free and (found is None or found.agreement is None):
        abort(404)
    html = render_template(
        "checkout.html", plan=found, action=action, by_link=by_link, bound=_bound(number or 0)
    )
    return make_response(html)


def _done_page(full: bool, *, waiting: bool) -> Response:
    asked = (request.form if request.method == "POST" else request.args).get("checkout", "")[:200]
    html = render_template("checkout_done.html", full=full, waiting=waiting, checkout=asked)
    return make_response(html)


def _bound(number: int) -> str:
    """Return the value that the tokens of this page's forms are bound to."""
    return f"reader:{number}"


def _failed(error: ProcessorError, unreachable: str) -> Response:
    _log.warning("checkout.failed", reason=str(error))
    if isinstance(error, ProcessorUnreachable):
        answer = page(503, unreachable)
        answer.headers["Retry-After"] = "60"
        return answer
    return page(502, REFUSED)


def _refusal(error: TokenError) -> Response:
    if isinstance(error, ExpiredToken):
        return page(410, "This link is too old. Sign in instead: your plan is in your account.")
    return page(404, "This link is not one of ours, or was cut off in the mail. Sign in instead.")


def _redirect(url: str) -> Response:
    return make_response(redirect(url, 303))
