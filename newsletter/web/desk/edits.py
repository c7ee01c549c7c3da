"""Changing a draft: words, order, which Stories stand in it. Every change is rendered and checked at once."""

from __future__ import annotations

from datetime import timedelta

from flask import Response, make_response, render_template, request
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter import db
from newsletter.models import Article, Issue, Placement, Story, StoryTelling
from newsletter.newsroom import editing
from newsletter.newsroom.editions import issue_view
from newsletter.newsroom.leans import Side
from newsletter.pressroom import find_issue, standing
from newsletter.web.desk.acts import seen
from newsletter.web.desk.days import day_of
from newsletter.web.desk.guard import bp, by, go, operator
from newsletter.web.services import services

OFFERED = 12  # Stories to put in
LATELY = timedelta(days=2)
LONGEST_SIDE = 4000  # characters
LONGEST_BULLET = 600  # characters
MOST_BULLETS = 30


@bp.get("/issues/<day>/edit")
def edit_page(day: str) -> Response:
    site = services()
    with db.reading(site.sessions) as session:
        row = find_issue(session, day_of(day))
        view = issue_view(session, row, now=site.now())
        html = render_template(
            "desk/edit.html",
            issue=row,
            stories=view.stories,
            revisions=_revisions(session, row),
            seen=standing(session, row),
            offered=_offered(session, row),
            open=row.frozen_at is None and row.state in ("draft", "approved", "held"),
        )
    return make_response(html)


@bp.post("/issues/<day>/edit")
def edit(day: str) -> Response:
    """One change. Which one, the form says in ``act``."""
    given, now = request.form, services().now()
    story = given.get("story", "")
    number = int(story) if story.isascii() and story.isdigit() and len(story) < 18 else 0

    def change(session: Session, issue: Issue) -> dict[str, object]:
        match given.get("act"):
            case "retell":
                return editing.retell(
                    session,
                    issue,
                    number,
                    headline=given.get("headline", "")[:300],
                    lede=given.get("lede", "")[:2000],
                    operator_id=operator().id,
                    now=now,
                )
            case "retell-sides":
                return editing.retell_sides(
                    session,
                    issue,
                    number,
                    sides={s.value: given[s.value][:LONGEST_SIDE] for s in Side if s.value in given},
                    bullets={
                        n: given[f"bullet-{n}"][:LONGEST_BULLET]
                        for n in range(MOST_BULLETS)
                        if f"bullet-{n}" in given
                    },
                    operator_id=operator().id,
                    now=now,
                )
            case "back":
                wanted = given.get("revision", "")
                revision = int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) < 9 else 0
                return editing.go_back(session, issue, number, revision=revision)
            case "up":
                return editing.move(session, issue, number, by=-1)
            case "down":
                return editing.move(session, issue, number, by=1)
            case "drop":
                return editing.drop(session, issue, number)
            case "put-in":
                return editing.put_in(session, issue, number)
        return editing.envelope(
            session,
            issue,
            subject=given.get("subject", "")[:200],
            preheader=given.get("preheader", "")[:300],
            intro=given.get("intro", "")[:1000],
        )

    services().press.edit(day_of(day), change, by=by(), seen=seen())
    return go(f"issues/{day_of(day)}/edit")


def _revisions(session: Session, issue: Issue) -> dict[int, list[tuple[StoryTelling, bool]]]:
    """Every revision of each placed Story, newest first, and whether it is the one that stands in the Issue."""
    found: dict[int, list[tuple[StoryTelling, bool]]] = {}
    for telling, placed in session.execute(
        select(StoryTelling, Placement.telling_id)
        .join(Placement, Placement.story_id == StoryTelling.story_id)
        .where(Placement.issue_id == issue.id)
        .order_by(StoryTelling.revision.desc())
    ):
        found.setdefault(telling.story_id, []).append((telling, telling.id == placed))
    return found


def _offered(session: Session, issue: Issue) -> list[tuple[int, str, int]]:
    """The Stories that most Outlets carried lately and that do not stand in the Issue: number, Headline, Outlets."""
    placed = select(Placement.story_id).where(Placement.issue_id == issue.id)
    outlets = func.count(func.distinct(Article.outlet_id))
    rows = session.execute(
        select(Story.id, outlets)
        .join(Article, Article.story_id == Story.id)
        .where(
            Story.id.not_in(placed),
            Story.merged_into_id.is_(None),
            Story.id.in_(select(StoryTelling.story_id)),
            Story.last_published_at > issue.composed_at - LATELY,
        )
        .group_by(Story.id)
        .order_by(outlets.desc(), Story.id)
        .limit(OFFERED)
    ).all()
    told = {
        t.story_id: t.words["headline"]
        for t in session.scalars(
            select(StoryTelling)
            .where(StoryTelling.story_id.in_([n for n, _ in rows]))
            .order_by(StoryTelling.revision)
        )
    }
    return [(number, told[number], count) for number, count in rows]
