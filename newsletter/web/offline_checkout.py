"""The pages of the offline payment processor, as a real one has them at its own address. Not served in production."""

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
    """A checkout with its buttons, or the portal of an agreement."""
    return _page(page_id)


@bp.post("/<page_id>")
def submit(page_id: str) -> Response:
    """Do what the pressed button says: pay, decline, fail, cancel, end or back."""
    check_form(FORM, page_id)
    here, processor = services(), _processor()
    line = processor.look(page_id, now=here.now())
    match request.form.get("do"):
        case "pay":
            fresh = line.started_at is None
            payment = processor.pay(page_id, now=here.now())
            subscriptions.refresh(here.sessions, processor, page_id, clock=here.now)
            if payment is not None:
                with here.sessions.begin() as session:
                    subscriptions.receipt(
                        session, processor.name, page_id, payment, here.settings, now=here.now()
                    )
            if fresh:
                return _to(f"{line.done_url}?checkout={page_id}")
        case "decline" if line.started_at is None:
            return _page(page_id, declined=True)
        case "fail":
            processor.let_fail(page_id, now=here.now())
        case "cancel" if line.started_at is not None:
            processor.cancel_at_period_end(page_id, now=here.now())
        case "end" if line.started_at is not None:
            processor.cancel_now(page_id, now=here.now())
        case "back":
            return _to(line.back_url)
        case _:
            abort(400, "There is no such button.")
    if line.started_at is not None:
        subscriptions.refresh(here.sessions, processor, page_id, clock=here.now)
    return _to(f"{here.paths.checkout()}/offline/{page_id}")


def _page(page_id: str, *, declined: bool = False) -> Response:
    here, processor = services(), _processor()
    line = processor.look(page_id, now=here.now())
    fact = processor.read_object(page_id, now=here.now()) if line.started_at else None
    html = render_template(
        "offline_checkout.html", line=line, fact=fact, declined=declined, bound=page_id, now=here.now()
    )
    return make_response(html)


def _processor() -> OfflineProcessor:
    here = services()
    if here.settings.in_production or not isinstance(here.processor, OfflineProcessor):
        abort(404)
    return here.processor


@bp.errorhandler(NoSuchAgreement)
def _unknown(error: NoSuchAgreement) -> Response:
    return page(404, str(error))


@bp.errorhandler(ProcessorUnreachable)
def _unreadable(error: ProcessorUnreachable) -> Response:
    return page(503, str(error))


def _to(url: str) -> Response:
    return make_response(redirect(url, 303))
