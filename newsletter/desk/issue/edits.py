"""Edit a draft: its texts, its Stories and their order. Every change is rendered and checked at once."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Response, make_response, render_template, request
from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter import db
from newsletter.db.models import Check, Issue, Placement, StoryRevision
from newsletter.desk.audit import name_of
from newsletter.desk.guard import actor, bp, operator, redirect_to
from newsletter.desk.issue import edit_forms
from newsletter.desk.issue.decisions import seen
from newsletter.desk.times import day_of
from newsletter.errors import ChangedMeanwhile
from newsletter.issues import revisions
from newsletter.issues.checks import operators
from newsletter.issues.checks.context import offered
from newsletter.issues.render.story_phrases import row_name
from newsletter.issues.service import find_issue, standing
from newsletter.issues.views import StoryView, issue_view
from newsletter.web.services import services

HISTORY = 30  # revisions of an Issue on one page


@bp.get("/issues/<day>/edit")
def edit_page(day: str) -> Response:
    with db.reading(services().sessions) as session:
        return make_response(_page(session, find_issue(session, day_of(day))))


@bp.post("/issues/<day>/edit")
def edit(day: str) -> Response:
    """Make the edit that the form names in ``act``. A remedy of a Check leads back to the Checks."""
    given, now, wanted = request.form, services().now(), seen()
    change_issue = edit_forms.edit_of(given)

    def change(session: Session, issue: Issue) -> dict[str, object]:
        return change_issue(session, issue, given, operator().id, now)

    def untouched(session: Session, issue: Issue) -> bool:
        return bool(given.get("part")) and given["part"] == edit_forms.part_of(session, issue, given)

    try:
        services().issues.edit(day_of(day), change, by=actor(), seen=wanted, untouched=untouched)
    except ChangedMeanwhile:
        if given["act"] not in edit_forms.FREE_TEXT_EDITS:
            raise
        return _conflict(day)
    if given.get("then") == "checks":
        return redirect_to(f"issues/{day_of(day)}#checks")
    return redirect_to(f"issues/{day_of(day)}/edit")


def _conflict(day: str) -> Response:
    """Return the page for an edit of a text that was changed meanwhile: it shows both texts, so that neither is lost."""
    given, site = request.form, services()
    with db.reading(site.sessions) as session:
        row = find_issue(session, day_of(day))
        view = issue_view(session, row, now=site.now())
        story = next((s for s in view.stories if s.id == edit_forms.number(given, "story")), None)
        last = next(iter(revisions.listed(session, row)), None)
        html = render_template(
            "desk/conflict.html",
            issue=row,
            given=given,
            texts=_both_texts(row, story, given),
            story=story,
            gone=bool(edit_forms.number(given, "story")) and story is None,
            seen=standing(session, row),
            part=edit_forms.part_of(session, row, given),
            by_whom=name_of(session, last.by) if last else "",
            last=last,
        )
    return make_response(html, 409)


def _both_texts(row: Issue, story: StoryView | None, given: edit_forms.Form) -> list[BothTexts]:
    """Return, for each field of the form, the present text and the operator's."""
    now: dict[str, str] = {"subject": row.subject, "preheader": row.preheader, "intro": row.intro}
    if story is not None:
        text = story.text
        now = {"headline": story.headline, "lede": "\n".join(s.text for s in text.lede)}
        now["overview"] = "\n".join(s.text for s in text.overview)
        now |= {f"row-{n}": "\n".join(s.text for s in r.sentences) for n, r in enumerate(text.rows)}
    labels = {f"row-{n}": row_name(r) for n, r in enumerate(story.text.rows)} if story else {}
    fields = [name for name in given if name in now or name.startswith("row-") or name in _FIELDS]
    return [
        BothTexts(
            name,
            _FIELDS.get(name) or labels.get(name, f"Row {name.rpartition('-')[2]}"),
            now.get(name, ""),
            given[name],
        )
        for name in fields
    ]


@dataclass(frozen=True)
class BothTexts:
    """One field of a form: the present text, and the operator's."""

    name: str
    label: str
    now: str
    ours: str

    @property
    def differ(self) -> bool:
        return self.now.split() != self.ours.split()


_FIELDS = {
    "subject": "Subject line",
    "preheader": "Preheader",
    "intro": "Intro",
    "headline": "Headline",
    "lede": "Lede",
    "overview": "Overview",
}


def _page(session: Session, row: Issue) -> str:
    view = issue_view(session, row, now=services().now())
    revision_ids = {p.story_id: p.story_revision_id for p in row.placements}
    return render_template(
        "desk/edit.html",
        issue=row,
        stories=view.stories,
        revisions=_revisions(session, row),
        history=[
            (r, name_of(session, r.by), revisions.headlines(session, r))
            for r in revisions.listed(session, row)[:HISTORY]
        ],
        seen=standing(session, row),
        parts={
            number: edit_forms.story_part(row, revision_id) for number, revision_id in revision_ids.items()
        },
        envelope_part=edit_forms.envelope_part(row),
        offered=offered(session, row),
        doubts=_doubts(session, row),
        open=row.frozen_at is None and row.state in ("draft", "approved", "held"),
    )


def _doubts(session: Session, issue: Issue) -> dict[int, list[str]]:
    """Return, for each Story, the findings of the last Checks about sentences that an operator wrote."""
    found: dict[int, list[str]] = {}
    blocking = select(Check).where(
        Check.issue_id == issue.id, Check.name == operators.NAME, Check.level == "block"
    )
    for check in session.scalars(blocking.order_by(Check.id)):
        for remedy in check.remedies[:1]:
            found.setdefault(remedy["story"], []).append(check.reason)
    return found


def _revisions(session: Session, issue: Issue) -> dict[int, list[tuple[StoryRevision, bool]]]:
    """Return the revisions of each placed Story, newest first, and whether each is the one in the Issue."""
    found: dict[int, list[tuple[StoryRevision, bool]]] = {}
    for revision, placed in session.execute(
        select(StoryRevision, Placement.story_revision_id)
        .join(Placement, Placement.story_id == StoryRevision.story_id)
        .where(Placement.issue_id == issue.id)
        .order_by(StoryRevision.revision.desc())
    ):
        found.setdefault(revision.story_id, []).append((revision, revision.id == placed))
    return found
