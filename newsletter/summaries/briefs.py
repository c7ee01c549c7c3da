"""What a writer is told of a Story beside its Articles: its thread, and how the last Issue that placed it printed it. Reads tables."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.db.models import HistoryLink, Issue, Placement, Story, StoryRevision
from newsletter.summaries.protocol import Brief, EarlierStory, PrintedBefore
from newsletter.summaries.story_text import StoryText, from_json

PRINTED = ("approved", "dispatching", "dispatched")  # states of an Issue that readers may have


def briefs_of(session: Session, story_ids: Sequence[int]) -> dict[int, Brief]:
    """By Story; one that has neither a thread nor an Issue is left out."""
    thread: dict[int, list[EarlierStory]] = {}
    rows = session.execute(
        select(HistoryLink.story_id, Story)
        .join(Story, Story.id == HistoryLink.earlier_id)
        .where(HistoryLink.story_id.in_(story_ids), Story.merged_into_id.is_(None))
        .order_by(Story.first_published_at, Story.id)
    ).all()
    newest = _newest_words(session, [earlier.id for _, earlier in rows])
    for story_id, earlier in rows:
        if words := newest.get(earlier.id):
            told = EarlierStory(earlier.first_published_at, words.headline, _paragraph(words))
            thread.setdefault(story_id, []).append(told)
    printed: dict[int, PrintedBefore] = {}
    placed = (
        select(Placement.story_id, Issue.issued_on, StoryRevision.words)
        .join(Issue, Issue.id == Placement.issue_id)
        .join(StoryRevision, StoryRevision.id == Placement.story_revision_id)
        .where(Placement.story_id.in_(story_ids), Issue.state.in_(PRINTED))
        .order_by(Issue.issued_on)
    )
    for story_id, day, stored in session.execute(placed):
        words = from_json(stored)
        printed[story_id] = PrintedBefore(day, words.headline, _paragraph(words), _parts(words))
    return {
        n: Brief(earlier=tuple(thread.get(n, ())), printed=printed.get(n))
        for n in dict.fromkeys((*thread, *printed))
    }


def _newest_words(session: Session, story_ids: Sequence[int]) -> dict[int, StoryText]:
    rows = select(StoryRevision).where(StoryRevision.story_id.in_(story_ids)).order_by(StoryRevision.revision)
    return {r.story_id: from_json(r.words) for r in session.scalars(rows)}


def _paragraph(words: StoryText) -> str:
    return " ".join(s.text for s in (*words.lede, *words.overview))


def _parts(words: StoryText) -> tuple[str, ...]:
    """The parts it was told in, such as ``left_stresses (2)`` with how many sentences each had."""
    parts = [("lede", len(words.lede)), ("overview", len(words.overview))]
    parts += [(row.kind.value, len(row.sentences)) for row in words.rows]
    parts += [("quotes", len(words.quotes)), ("questions", len(words.questions))]
    return tuple(f"{name} ({count})" for name, count in parts if count)
