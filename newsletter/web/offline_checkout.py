"""The pages of the offline payment processor, which a real processor has at its own address. Not served in production."""

from __future__ import annotations

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request

from newsletter.billing import subscriptions
from newsletter.billing.processors.offline import OfflineProcessor
from newsletter.billing.processors.protocol import NoSuchAgreement, ProcessorUnreachable
from newsletter.web.http.csrf import check_form
from newsletter.web.http.errors import page
from newsletter.web.services import services

bp = Blueprint("offline_checkout", __name__, url_prefix="/checkout/offline")
FORM = "offline-checkout"


@bp.get("/<page_id>")
def show(page_id: str) -> Response:
    """The page of a checkout with its buttons, or the portal of an agreement."""
    return _page(page_id)


@bp.post("/<page_id>")
def submit(page_id: str) -> Response:
    """Handle the button pressed: pay, decline, fail, cancel, end or back."""
    check_form(FORM, page_id)
    site, processor = services(), _processor()
    line = processor.look(page_id, now=site.now())
    match request.form.get("do"):
        case "pay":
            fresh = line.started_at is None
            payment = processor.pay(page_id, now=site.now())
            subscriptions.refresh(site.sessions, processor, page_id, clock=site.now)
            if payment is not None:
                with site.sessions.begin() as session:
                    subscriptions.receipt(
                        session, processor.name, page_id, payment, site.settings, now=site.now()
                    )
            if fresh:
                return _redirect(f"{line.done_url}?checkout={page_id}")
        case "decline" if line.started_at is None:
            return _page(page_id, declined=True)
        case "fail":
            processor.let_fail(page_id, now=site.now())
        case "cancel" if line.started_at is not None:
            processor.cancel_at_period_end(page_id, now=site.now())
        case "end" if line.started_at is not None:
            processor.cancel_now(page_id, now=site.now())
        case "back":
            return _redirect(line.back_url)
        case _:
            abort(400, "There is no such button.")
    if line.started_at is not None:
        subscriptions.refresh(site.sessions, processor, page_id, clock=site.now)
    return _redirect(f"{site.paths.checkout()}/offline/{page_id}")


def _page(page_id: str, *, declined: bool = False) -> Response:
    site, processor = services(), _processor()
    line = processor.look(page_id, now=site.now())
    fact = processor.read_object(page_id, now=site.now()) if line.started_at else None
    html = render_template(
        "offline_checkout.html", line=line, fact=fact, declined=declined, bound=page_id, now=site.now()
    )
    return make_response(html)


def _processor() -> OfflineProcessor:
    site = services()
    if site.settings.in_production or not isinstance(site.processor, OfflineProcessor):
        abort(404)
    return site.processor


@bp.errorhandler(NoSuchAgreement)
def _unknown(error: NoSuchAgreement) -> Response:
    return page(404, str(error))


@bp.errorhandler(ProcessorUnreachable)
def _unreadable(error: ProcessorUnreachable) -> Response:
    return page(503, str(error))


def _redirect(url: str) -> Response:
    return make_response(redirect(url, 303))
