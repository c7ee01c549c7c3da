"""The problems that readers report."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Response, make_response, render_template, request
from sqlalchemy import select

from newsletter import db
from newsletter.db.models import Report, Story, StoryRevision
from newsletter.desk.guard import actor, bp, redirect_to
from newsletter.desk.issue.decisions import reason
from newsletter.desk.paging import PAGE_SIZE, page_number
from newsletter.stories import reports as reporting
from newsletter.web.services import services


@dataclass(frozen=True)
class ReportLine:
    """One Report with the Story it is about."""

    report: Report
    kind: str
    slug: str
    headline: str


@bp.get("/reports")
def reports() -> Response:
    page = page_number()
    dealt_with = request.args.get("only") == "resolved"
    wanted = Report.resolved_at.is_not(None) if dealt_with else Report.resolved_at.is_(None)
    with db.reading(services().sessions) as session:
        rows = session.execute(
            select(Report, Story.slug)
            .join(Story, Story.id == Report.story_id)
            .where(wanted)
            .order_by(Report.reported_at.desc(), Report.id.desc())
            .offset((page - 1) * PAGE_SIZE)
            .limit(PAGE_SIZE + 1)
        ).all()
        headlines = {
            t.story_id: t.words["headline"]
            for t in session.scalars(
                select(StoryRevision)
                .where(StoryRevision.story_id.in_({r.story_id for r, _ in rows}))
                .order_by(StoryRevision.revision)
            )
        }
    lines = [
        ReportLine(r, reporting.REASONS.get(r.reason, r.reason), slug, headlines.get(r.story_id, slug))
        for r, slug in rows[:PAGE_SIZE]
    ]
    html = render_template(
        "desk/reports.html", lines=lines, page=page, more=len(rows) > PAGE_SIZE, dealt_with=dealt_with
    )
    return make_response(html)


@bp.post("/reports/<int:number>/resolve")
def resolve_report(number: int) -> Response:
    site = services()
    with site.sessions.begin() as session:
        reporting.resolve(session, number, now=site.now(), by=actor(), reason=reason(required=False))
    return redirect_to("reports")
