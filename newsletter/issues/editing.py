"""Edits of a draft by an operator: a Story's Headline and Lede, the order, the choice of Stories, the subject line.

Text is never overwritten: a change is a new revision of the Story's StoryText, and going back picks an older one. Each function
returns the text for the audit trail. The caller revokes an approval, commits, and renders again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.db.models import Issue, Placement, Story, StoryRevision
from newsletter.errors import NotFound, Refused
from newsletter.issues.subject import preheader as composed_preheader
from newsletter.issues.subject import subject as composed_subject
from newsletter.issues.views import article_texts, latest_revision
from newsletter.summaries.grounding.hard_facts import judged
from newsletter.summaries.story_text import (
    NEVER_JUDGED,
    Citation,
    Sentence,
    StoryText,
    Verdict,
    from_json,
    to_json,
)

FEWEST = 3  # Stories; an Issue has at least so many
OUT_OF_THE_WAY = 1000  # ranks are unique within an Issue, so a new order first uses ranks above all others

Said = dict[str, Any]


def edit_text(
    session: Session,
    issue: Issue,
    story_id: int,
    *,
    headline: str,
    lede: str,
    overview: str | None = None,
    operator_id: int,
    now: datetime,
) -> Said:
    """Give a placed Story another Headline, Lede and Overview (one sentence a line), in a new revision.

    A sentence that is changed is the operator's own and rests on what the paragraph rested on. None leaves the Overview as it
    is. Raises NotFound, Refused.
    """
    placement = placement_of(session, issue, story_id)
    before = from_json(placement.story_revision.words)
    headline = " ".join(headline.split())
    lines = _lines(lede)
    if not headline or not lines:
        raise Refused("Nothing was done: a story needs a headline and a lede.")
    paragraph = (*before.lede, *before.overview)
    more = before.overview if overview is None else operators_sentences(paragraph, _lines(overview))
    after = replace(before, headline=headline, lede=operators_sentences(paragraph, lines), overview=more)
    with _renaming_envelope(session, issue):
        return revise(session, placement, before, after, operator_id=operator_id, now=now)


def edit_rows(
    session: Session,
    issue: Issue,
    story_id: int,
    *,
    rows: Mapping[int, str],
    operator_id: int,
    now: datetime,
) -> Said:
    """Give rows of a placed Story other words, in a new revision; a row that is not named stays.

    ``rows`` maps a row's place, from 0, to its sentences, one a line; an empty text takes the row out. A changed sentence is
    the operator's own and rests on what its row rested on. Raises NotFound.
    """
    placement = placement_of(session, issue, story_id)
    before = from_json(placement.story_revision.words)
    kept = []
    for place, row in enumerate(before.rows):
        lines = _lines(rows.get(place, "\n".join(s.text for s in row.sentences)))
        if lines:
            kept.append(replace(row, sentences=operators_sentences(row.sentences, lines)))
    after = replace(before, rows=tuple(kept))
    return revise(session, placement, before, after, operator_id=operator_id, now=now)


def revise(
    session: Session,
    placement: Placement,
    before: StoryText,
    after: StoryText,
    *,
    operator_id: int,
    now: datetime,
) -> Said:
    """Place the Story in its new words; nothing when they are the old ones. What an operator wrote stands with what the
    check of hard facts says of it."""
    if after == before:
        return {}
    story_id = placement.story_id
    after = judged(after, article_texts(session, story_id))
    newest = session.scalar(
        select(func.max(StoryRevision.revision)).where(StoryRevision.story_id == story_id)
    )
    story_revision = StoryRevision(
        story_id=story_id,
        revision=(newest or 0) + 1,
        written_by="operator",
        written_at=now,
        input_hash=placement.story_revision.input_hash,
        words=to_json(after),
        operator_id=operator_id,
    )
    session.add(story_revision)
    placement.story_revision = story_revision
    session.flush()
    return {"story": after.headline, "revision": story_revision.revision, "before": before.headline}


def _lines(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def go_back(session: Session, issue: Issue, story_id: int, *, revision: int) -> Said:
    """Place the Story with another revision of its text. Raises NotFound."""
    placement = placement_of(session, issue, story_id)
    story_revision = session.scalars(
        select(StoryRevision).where(StoryRevision.story_id == story_id, StoryRevision.revision == revision)
    ).one_or_none()
    if story_revision is None:
        raise NotFound("The story has no such revision.")
    with _renaming_envelope(session, issue):
        placement.story_revision = story_revision
        session.flush()
    return {"story": story_revision.words["headline"], "back to revision": revision}


def move_story(session: Session, issue: Issue, story_id: int, *, by: int) -> Said:
    """Move a Story ``by`` ranks down (up when negative). Raises NotFound."""
    placement = placement_of(session, issue, story_id)
    stand = placements(session, issue)
    here = stand.index(placement)
    there = min(max(here + by, 0), len(stand) - 1)
    with _renaming_envelope(session, issue):
        stand.insert(there, stand.pop(here))
        rank(session, stand)
    return {"story": placement.story_revision.words["headline"], "place": there + 1}


def remove_story(session: Session, issue: Issue, story_id: int) -> Said:
    """Remove a Story from the Issue. Raises NotFound, and Refused when too few would be left."""
    placement = placement_of(session, issue, story_id)
    if len(placements(session, issue)) <= FEWEST:
        raise Refused(
            f"Nothing was done: fewer than {FEWEST} stories are no issue. Put another one in first."
        )
    headline = placement.story_revision.words["headline"]
    with _renaming_envelope(session, issue):
        session.delete(placement)
        session.flush()
        rank(session, placements(session, issue))
    return {"dropped": headline}


def add_story(session: Session, issue: Issue, story_id: int) -> Said:
    """Add a Story at the end, in its latest revision. Raises NotFound, and Refused when it is in the Issue already."""
    story = session.get(Story, story_id)
    story_revision = latest_revision(session, story_id)
    if story is None or story_revision is None or story.merged_into_id is not None:
        raise NotFound("There is no such story with words of its own.")
    stand = placements(session, issue)
    if any(p.story_id == story_id for p in stand):
        raise Refused("Nothing was done: the story stands in the issue already.")
    with _renaming_envelope(session, issue):
        session.add(
            Placement(
                issue_id=issue.id, story_id=story_id, story_revision_id=story_revision.id, rank=len(stand) + 1
            )
        )
        session.flush()
    return {"put in": story_revision.words["headline"]}


def edit_envelope(session: Session, issue: Issue, *, subject: str, preheader: str, intro: str) -> Said:
    """Change the subject line, the preheader and the intro. Raises Refused for an empty subject."""
    subject, preheader, intro = (" ".join(text.split()) for text in (subject, preheader, intro))
    if not subject:
        raise Refused("Nothing was done: an issue needs a subject line.")
    before = {"subject": issue.subject, "preheader": issue.preheader, "intro": issue.intro}
    issue.subject, issue.preheader, issue.intro = subject, preheader, intro
    after = {"subject": subject, "preheader": preheader, "intro": intro}
    return {f"{name} before": was for name, was in before.items() if was != after[name]}


def operators_sentences(before: Sequence[Sentence], lines: Sequence[str]) -> tuple[Sentence, ...]:
    """Return the lines as sentences: one that stood before is itself, any other is the operator's own, rests on what those
    before rested on, and is marked so."""
    kept = {s.text: s for s in before}
    rests_on: dict[Citation, None] = {c: None for s in before for c in s.citations}
    return tuple(
        kept.get(line) or Sentence(line, tuple(rests_on), 0.0, Verdict.OPERATOR, NEVER_JUDGED)
        for line in lines
    )


def headlines(session: Session, issue: Issue) -> list[str]:
    """Return the headlines of the placed Stories, by rank."""
    return [str(p.story_revision.words["headline"]) for p in placements(session, issue)]


@contextmanager
def _renaming_envelope(session: Session, issue: Issue) -> Iterator[None]:
    """Make the subject line and preheader from the present Stories again; an operator's own subject line stays."""
    before = headlines(session, issue)
    generated = issue.subject == composed_subject(before)
    yield
    after = headlines(session, issue)
    if after != before:
        if generated:
            issue.subject = composed_subject(after)
        issue.preheader = composed_preheader(after)


def placements(session: Session, issue: Issue) -> list[Placement]:
    """Return the Placements of the Issue, by rank."""
    found = select(Placement).where(Placement.issue_id == issue.id).order_by(Placement.rank)
    return list(session.scalars(found))


def placement_of(session: Session, issue: Issue, story_id: int) -> Placement:
    """Return the Placement of the Story in the Issue. Raises NotFound."""
    found = next((p for p in placements(session, issue) if p.story_id == story_id), None)
    if found is None:
        raise NotFound("The story does not stand in this issue.")
    return found


def rank(session: Session, stand: Sequence[Placement]) -> None:
    """Give these Placements the ranks from 1, in this order."""
    for begins in (OUT_OF_THE_WAY, 0):
        for number, placement in enumerate(stand, start=1):
            placement.rank = begins + number
        session.flush()
