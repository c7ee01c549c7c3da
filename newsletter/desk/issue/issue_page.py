"""The page of an Issue: its next step, Checks, preview and evidence; and the list of Issues."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from flask import Response, make_response, render_template, request
from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter import db
from newsletter.db.models import Check, Issue, Placement, StoryRevision
from newsletter.delivery import ledger
from newsletter.delivery.ledger import LedgerSum
from newsletter.delivery.mail.messages import Template
from newsletter.delivery.states import issue_allowed
from newsletter.desk.audit import AuditLine, audit_lines_about
from newsletter.desk.background_counts import count_in_background
from newsletter.desk.guard import bp
from newsletter.desk.issue import preview
from newsletter.desk.issue.evidence import StoryEvidence, evidence_of
from newsletter.desk.issue.next_step import IssueFacts, NextStep, next_step
from newsletter.desk.issue.preview import PreviewOptions, preview_options
from newsletter.desk.issue.status import problems
from newsletter.desk.times import day_of, today
from newsletter.issues.render.authorship import by_model
from newsletter.issues.service import find_issue, standing
from newsletter.issues.views import IssueView, issue_view
from newsletter.jobs.dispatch_wait import dispatch_wait, how_to_mend
from newsletter.jobs.due import compose_moment
from newsletter.jobs.today import answer
from newsletter.subscribers import metrics
from newsletter.subscribers.preferences import due_at
from newsletter.summaries import changed_articles
from newsletter.web.services import services

ZONES = (
    "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles", "America/Anchorage",
    "Pacific/Honolulu", "America/Sao_Paulo", "Europe/London", "Europe/Berlin", "Africa/Nairobi", "Asia/Kolkata",
    "Asia/Tokyo", "Australia/Sydney", "Pacific/Auckland",
)  # fmt: skip
_WEIGHT = {"block": 0, "warn": 1, "pass": 2}
LISTED = 60  # Issues
REUSE_FACTOR = 3.0  # seconds of reuse for each second that the count took


@dataclass(frozen=True)
class IssuePage:
    """Everything the page of one Issue shows."""

    view: IssueView
    row: Issue
    checks: tuple[Check, ...]
    faults: tuple[tuple[Check, tuple[Check, ...]], ...]  # the first of each name and level, and the others
    rendition: Template | None  # of the previewed kind; None until rendered
    sums: LedgerSum
    next_step: NextStep
    seen: str  # identifies the state that the page shows, for its forms
    evidence: tuple[StoryEvidence, ...]
    acts: tuple[AuditLine, ...]

    @property
    def by_model(self) -> bool:
        return any(by_model(s.text) for s in self.view.stories)

    @property
    def blocked(self) -> bool:
        return any(c.level == "block" for c in self.checks)

    def may(self, after: str) -> bool:
        return issue_allowed(self.row.state, after)

    @property
    def partly_sent(self) -> bool:
        return self.row.frozen_at is not None


@bp.get("")
@bp.get("/")
def now() -> Response:
    """Today's Issue, or when it will be composed."""
    day = today()
    site = services()
    with db.reading(site.sessions) as session:
        row = session.scalars(select(Issue).where(Issue.issued_on == day)).one_or_none()
        if row is not None:
            return _shown(session, row)
        latest = session.scalars(select(Issue).order_by(Issue.issued_on.desc()).limit(1)).first()
        found_problems = problems(session, site.settings, None, now=site.now())
        found = answer(session, site.settings, now=site.now())
    moment = compose_moment(day, site.settings.compose_time, site.settings.EDITION_TZ)
    html = render_template(
        "desk/no_issue.html",
        day=day,
        composed_at=moment,
        late=moment is not None and site.now() > moment,
        latest=latest,
        problems=found_problems,
        answer=found,
    )
    return make_response(html)


@bp.get("/issues")
def issues() -> Response:
    with db.reading(services().sessions) as session:
        rows = session.scalars(select(Issue).order_by(Issue.issued_on.desc()).limit(LISTED)).all()
        gone_out = [row for row in rows if row.frozen_at is not None]
        uncertain = metrics.uncertain(session, gone_out)
    largest = max((row.audience_size or 0 for row in gone_out), default=0)
    taken = count_in_background(
        "issues", lambda own: metrics.accepted(own, gone_out), largest, reuse_factor=REUSE_FACTOR
    )
    html = render_template(
        "desk/issues.html", rows=rows, taken=taken.value if taken else {}, uncertain=uncertain, today=today()
    )
    return make_response(html)


@bp.get("/issues/<day>")
def issue(day: str) -> Response:
    with db.reading(services().sessions) as session:
        return _shown(session, find_issue(session, day_of(day)))


def _shown(session: Session, row: Issue) -> Response:
    look = preview_options(request.args)
    page = load_issue_page(session, row, look)
    text = preview.with_example_slots(page.rendition).text if page.rendition and look.form == "text" else ""
    is_today, site = row.issued_on == today(), services()
    html = render_template(
        "desk/issue.html",
        answer=answer(session, site.settings, now=site.now()) if is_today else None,
        problems=problems(session, site.settings, row, now=site.now()) if is_today else None,
        page=page,
        issue=page.row,
        look=look,
        text=text,
        switches=(
            *(() if site.settings.is_free else (("Edition", "kind", preview.KINDS),)),
            ("Form", "form", preview.FORMS),
            ("Width", "width", preview.WIDTHS),
            ("Light", "scheme", preview.SCHEMES),
        ),
        zones=ZONES,
        arrives=arrives(row, look, site.now()),
        is_today=is_today,
    )
    return make_response(html)


def load_issue_page(session: Session, row: Issue, look: PreviewOptions) -> IssuePage:
    """Read everything that the page of one Issue shows."""
    site = services()
    view = issue_view(session, row, now=site.now())
    checks = session.scalars(select(Check).where(Check.issue_id == row.id).order_by(Check.id)).all()
    checks = sorted(checks, key=lambda c: _WEIGHT[c.level])
    sums = ledger.sum_up(session, row.id)
    words = {
        story_id: story_revision
        for story_id, story_revision in session.execute(
            select(Placement.story_id, StoryRevision)
            .join(StoryRevision, StoryRevision.id == Placement.story_revision_id)
            .where(Placement.issue_id == row.id)
        )
    }
    changed = {
        c.story_id for c in changed_articles.changed(session, now=site.now()) if c.issued_on == row.issued_on
    }
    wait = dispatch_wait(session, now=site.now()) if row.state == "dispatching" else None
    waits_for = f"The email provider takes nothing: {wait.because}. {wait.in_words}" if wait else ""
    if wait and wait.refused_us:
        waits_for += f" {how_to_mend(site.settings)}"
    facts = IssueFacts(
        state=row.state,
        changed_at=max([row.composed_at, *(r.rendered_at for r in row.renditions)]),
        hold_reason=row.hold_reason or "",
        audience=sums.audience,
        accepted=sums.accepted,
        uncertain=sums.uncertain,
        checked=bool(checks),
        blocks=tuple(c.reason for c in checks if c.level == "block"),
        warns=sum(c.level == "warn" for c in checks),
        auto=site.settings.APPROVAL == "auto",
        waits_for=waits_for,
        refused_us=wait is not None and wait.refused_us,
    )
    return IssuePage(
        view=view,
        row=row,
        checks=tuple(checks),
        faults=_faults(checks),
        rendition=ledger.stored_templates(session, row.id).get(look.kind),
        sums=sums,
        next_step=next_step(facts),
        seen=standing(session, row),
        evidence=tuple(evidence_of(s, words[s.id], flagged=s.id in changed) for s in view.stories),
        acts=audit_lines_about(session, f"issue:{row.issued_on}"),
    )


def _faults(checks: Sequence[Check]) -> tuple[tuple[Check, tuple[Check, ...]], ...]:
    """Return the Checks that do not pass, the most serious first: the first of each name and level, and the others."""
    found: dict[tuple[str, str], list[Check]] = {}
    for check in checks:
        if check.level != "pass":
            found.setdefault((check.level, check.name), []).append(check)
    return tuple((like[0], tuple(like[1:])) for like in found.values())


def arrives(row: Issue, look: PreviewOptions, now: datetime) -> datetime | None:
    """Return when a reader of that zone and hour gets the mail, in their zone, or None when the zone is unknown."""
    try:
        zone = ZoneInfo(look.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
    ready = row.frozen_at or max(
        row.approved_at or row.composed_at, now if row.state == "draft" else row.composed_at
    )
    stale = row.composed_at + timedelta(hours=services().settings.STALE_AFTER)
    due = due_at(row.issued_on, look.hour, zone.key, ready_at=min(ready, stale), stale_at=stale)
    return due.astimezone(zone)
