"""The operators: who may open the desk, with which duty, and in which browsers they are signed in."""

from __future__ import annotations

from flask import Response, make_response, render_template, request
from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter import db
from newsletter.db.models import Operator
from newsletter.desk.guard import actor, bp, full_duty_required, redirect_to
from newsletter.errors import NotFound
from newsletter.subscribers import operators
from newsletter.subscribers.tokens import fingerprint
from newsletter.web.http.cookies import OPERATOR
from newsletter.web.services import services


@bp.get("/operators")
def operators_page() -> Response:
    site = services()
    with db.reading(site.sessions) as session:
        rows = session.scalars(
            select(Operator).where(Operator.removed_at.is_(None)).order_by(Operator.address)
        ).all()
        sign_ins = operators.open_sign_ins(session, now=site.now())
    names = {o.id: o.address for o in rows}
    html = render_template(
        "desk/operators.html",
        rows=rows,
        duties=operators.DUTIES,
        sign_ins=[
            (s, names.get(s.operator_id or 0, ""), s.secret_hash == fingerprint(OPERATOR.value()))
            for s in sign_ins
        ],
    )
    return make_response(html)


@bp.post("/operators")
@full_duty_required
def add_operator() -> Response:
    """Add an operator and mail them a link."""
    site = services()
    address = request.form.get("address", "")
    with site.sessions.begin() as session:
        added = operators.add(session, address, now=site.now(), by=actor())
        operators.give_duty(session, added, request.form.get("duty", "editor"), now=site.now(), by=actor())
        operators.ask_for_link(session, added.address, settings=site.settings, now=site.now())
    return redirect_to("operators")


@bp.post("/operators/<int:number>/duty")
@full_duty_required
def give_duty(number: int) -> Response:
    site = services()
    with site.sessions.begin() as session:
        one = _operator(session, number)
        operators.give_duty(session, one, request.form.get("duty", ""), now=site.now(), by=actor())
    return redirect_to("operators")


@bp.post("/operators/<int:number>/remove")
@full_duty_required
def remove_operator(number: int) -> Response:
    site = services()
    with site.sessions.begin() as session:
        operators.remove(session, _operator(session, number).address, now=site.now(), by=actor())
    return redirect_to("operators")


@bp.post("/operators/signins/<int:number>/end")
@full_duty_required
def end_sign_in(number: int) -> Response:
    site = services()
    with site.sessions.begin() as session:
        operators.end_sign_in(session, number, now=site.now(), by=actor())
    return redirect_to("operators")


def _operator(session: Session, number: int) -> Operator:
    found = session.get(Operator, number)
    if found is None:
        raise NotFound("There is no such operator.")
    return found
