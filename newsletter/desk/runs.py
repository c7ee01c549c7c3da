"""The Runs of the pipeline's Steps."""

from __future__ import annotations

from flask import Response, make_response, render_template, request
from sqlalchemy import select

from newsletter import db
from newsletter.db.models import Run
from newsletter.desk.guard import bp
from newsletter.desk.paging import PAGE_SIZE, page_number
from newsletter.web.services import services


@bp.get("/runs")
def runs() -> Response:
    page = page_number()
    failed = request.args.get("only") == "failed"
    statement = select(Run).order_by(Run.started_at.desc(), Run.id.desc())
    if failed:
        statement = statement.where(Run.outcome == "failed")
    with db.reading(services().sessions) as session:
        rows = session.scalars(statement.offset((page - 1) * PAGE_SIZE).limit(PAGE_SIZE + 1)).all()
    lines = [(run, _outcome_in_words(run)) for run in rows[:PAGE_SIZE]]
    more = len(rows) > PAGE_SIZE
    return make_response(
        render_template("desk/runs.html", lines=lines, page=page, more=more, only_failed=failed)
    )


def _outcome_in_words(run: Run) -> str:
    """Return the numbers in a Run's detail that are not zero, as text."""
    parts = ((name, value) for name, value in run.detail.items() if value not in (0, None, "", False))
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in parts)
