"""One Story's Articles, and regrouping them by hand: merge, split, move."""

from __future__ import annotations

import re
from datetime import date

from flask import Response, make_response, render_template, request
from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from newsletter import db
from newsletter.db.models import Article, Issue, Placement, Story
from newsletter.desk.audit import audit_lines_about
from newsletter.desk.guard import actor, bp, redirect_to
from newsletter.desk.issue.decisions import reason
from newsletter.desk.stories import LISTED_FOR
from newsletter.desk.told_again import LONGEST_INSTRUCTION, why_no_model
from newsletter.errors import NotFound, Refused
from newsletter.issues.views import latest_revision
from newsletter.stories import regroup
from newsletter.summaries.story_text import from_json
from newsletter.web.services import services

OFFERED = 60  # other Stories to choose from; any other is named by its address
_MOST_DIGITS = 17  # of an id that the database can hold


@bp.get("/stories/<int:number>")
def story_articles(number: int) -> Response:
    """The page of one Story: its text, its Articles, and the forms to regroup them."""
    with db.reading(services().sessions) as session:
        story = session.get(Story, number)
        if story is None:
            raise NotFound("There is no such story.")
        if story.merged_into_id is not None:
            return redirect_to(f"stories/{story.merged_into_id}")
        revision = latest_revision(session, number)
        articles = session.scalars(
            select(Article)
            .where(Article.story_id == number)
            .options(joinedload(Article.outlet))
            .order_by(Article.published_at, Article.id)
        ).all()
        html = render_template(
            "desk/story.html",
            story=story,
            headline=_headline(session, story),
            revision=revision,
            words=from_json(revision.words) if revision else None,
            drafts=_drafts(session, number),
            why_no_model=why_no_model(services().settings),
            longest_instruction=LONGEST_INSTRUCTION,
            articles=articles,
            offered=_offered(session, story),
            acts=audit_lines_about(session, f"story:{number}"),
        )
    return make_response(html)


@bp.post("/stories/<int:number>")
def regroup_story(number: int) -> Response:
    """Merge, split or move; the form says which in ``act``."""
    site, why, act = services(), reason(), request.form.get("act")
    chosen = {int(a) for a in request.form.getlist("article") if _is_number(a)}
    with site.sessions.begin() as session:
        if act == "split":
            target = regroup.split(session, number, chosen, reason=why, by=actor(), now=site.now())
        elif act == "move":
            other = _story_named(session, request.form.get("to", ""))
            target = regroup.move(session, number, chosen, other, reason=why, by=actor(), now=site.now())
        elif act == "merge":
            other = _story_named(session, request.form.get("to", ""))
            target = regroup.merge(session, number, other, reason=why, by=actor(), now=site.now())
        else:
            raise Refused("Nothing was done: the form does not say what to do.")
        there = target.id
    return redirect_to(f"stories/{there}")


def _drafts(session: Session, story_id: int) -> list[date]:
    """Return the days of the Issues that can still be edited and contain this Story."""
    placing = select(Issue.issued_on).join(Placement, Placement.issue_id == Issue.id)
    is_open = Issue.state.in_(("draft", "approved", "held")) & Issue.frozen_at.is_(None)
    return list(session.scalars(placing.where(Placement.story_id == story_id, is_open)))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS


def _story_named(session: Session, text: str) -> int:
    """Return the id of the Story that an operator names by its id, with or without its Headline, or by its address. Raises
    Refused."""
    leading_id = re.match(r"\s*(\d+)(?:\s|$)", text, re.ASCII)
    if leading_id and _is_number(leading_id[1]):
        return int(leading_id[1])
    slug = text.strip().rstrip("/").rpartition("/")[2]
    found = session.scalar(select(Story.id).where(Story.slug == slug))
    if found is None:
        raise Refused("Nothing was done: name the other story by its number or its address.")
    return found


def _headline(session: Session, story: Story) -> str:
    """Return the Story's own Headline, or that of its first Article while the Story has no text."""
    story_revision = latest_revision(session, story.id)
    if story_revision is not None:
        return str(story_revision.words["headline"])
    return story.articles[0].headline if story.articles else story.slug


def _offered(session: Session, story: Story) -> list[tuple[int, str]]:
    """Return other Stories of the last days, ordered by the number of their Outlets."""
    rows = session.scalars(
        select(Story)
        .join(Article, Article.story_id == Story.id)
        .where(
            Story.id != story.id,
            Story.merged_into_id.is_(None),
            Story.last_published_at > services().now() - LISTED_FOR,
        )
        .group_by(Story.id)
        .order_by(func.count(func.distinct(Article.outlet_id)).desc(), Story.id)
        .limit(OFFERED)
    ).all()
    return [(s.id, _headline(session, s)) for s in rows]
