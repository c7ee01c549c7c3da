"""Pick and rank the day's Stories into a draft Issue. The second run returns the Issue there is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from newsletter import db, log
from newsletter.db.models import Article, Feed, Issue, Outlet, Placement, Story, StoryRevision
from newsletter.errors import TooFewStories
from newsletter.issues.length import FRAME_WORDS, WHOLE_ISSUE, labels_of, mailed, texts_of
from newsletter.issues.ranking import Candidate, Pick, pick
from newsletter.issues.reading_time import seconds_for, words_in
from newsletter.issues.subject import preheader, subject
from newsletter.stories.sides import coverage_of
from newsletter.summaries.story_text import StoryKind, StoryText, from_json

FRESH = timedelta(
    hours=36
)  # a Story without an Article since then is not news; this and the numbers below were chosen by hand
FEWEST_OUTLETS = 3  # distinct Outlets, wire copies counted once
# Most Stories of each kind in an Issue, so that it is read in five minutes.
MOST_WITH_SIDES, WANTED_WITH_SIDES = 5, 4
MOST_BRIEFS = 2
MOST_BLIND_SPOTS = 2
_PARTS = (
    (StoryKind.WITH_SIDES, MOST_WITH_SIDES, WANTED_WITH_SIDES),
    (StoryKind.NO_SIDES, MOST_BRIEFS, 0),
    (StoryKind.BLIND_SPOT, MOST_BLIND_SPOTS, 0),
)
SPARE = {StoryKind.WITH_SIDES: 2, StoryKind.NO_SIDES: 1}  # Stories written beyond those that are placed
FEWEST_STORIES = 3  # Stories of all kinds; with fewer there is no Issue
PLACED_LATELY = timedelta(days=2)
_log = log.get("issues")


@dataclass(frozen=True)
class _Told:
    """A candidate with the words it would be placed with."""

    candidate: Candidate
    story_revision_id: int
    headline: str


def run(
    sessions: db.Sessions, *, day: date, now: datetime, is_sample: bool = False, intro: str = ""
) -> Issue:
    """Return the Issue of ``day``, composed if there is none yet.

    Raises :class:`TooFewStories` when fewer than three Stories are good enough.
    """
    with db.reading(sessions) as session:
        if issue := _issue_of(session, day):
            return issue
        told = _candidates(session, now)
        outlets_read = _outlets_read(session, now)
    picks = _picked([t.candidate for t in told], now=now)
    if len(picks) < FEWEST_STORIES:
        raise TooFewStories(
            f"Too few Stories for the Issue of {day}: {len(picks)} of at least {FEWEST_STORIES}. "
            f"{len(told)} told by {FEWEST_OUTLETS} or more outlets in the last {FRESH // timedelta(hours=1)} hours, "
            f"{len(told) - len(picks)} of them without a development since they were last placed."
        )
    issue = _draft(day, picks, told, outlets_read, now=now, is_sample=is_sample)
    issue.intro = intro
    try:
        with sessions.begin() as session:
            session.add(issue)
    except IntegrityError:
        # Another process composed the Issue of this day meanwhile; that one counts.
        with db.reading(sessions) as session:
            if there := _issue_of(session, day):
                return there
        raise
    _log.info("issue.composed", issued_on=day.isoformat(), stories=len(picks), seconds=issue.reading_seconds)
    return issue


def shortlist(sessions: db.Sessions, *, day: date, now: datetime) -> list[int]:
    """The ids of the Stories from which the Issue of ``day`` is picked, and a few more; empty once there is an Issue."""
    with db.reading(sessions) as session:
        if _issue_of(session, day):
            return []
        candidates = [t.candidate for t in _candidates(session, now)]
    found: list[int] = []
    for kind, most, _ in _PARTS:
        if kind is StoryKind.NO_SIDES:
            most = max(most, WANTED_WITH_SIDES - len(found))
        most += SPARE.get(kind, 0)
        of_kind = [c for c in candidates if c.kind is kind]
        # Without a limit on length, because the text that decides whether a Story fits is not written yet.
        found += [
            p.candidate.story_id for p in pick(of_kind, now=now, most=most, fewest=most, words=WHOLE_ISSUE)
        ]
    return found


def _picked(candidates: Sequence[Candidate], *, now: datetime) -> list[Pick]:
    """Return Stories with sides, then those without, then blind spots, each kind in the order of its scores."""
    words = WHOLE_ISSUE
    picks: list[Pick] = []
    for kind, most, fewest in _PARTS:
        if kind is StoryKind.NO_SIDES:  # a day without Stories with sides gets more without
            most = max(most, WANTED_WITH_SIDES - len(picks))
        of_kind = [c for c in candidates if c.kind is kind]
        chosen = pick(of_kind, now=now, most=most, fewest=fewest, words=words)
        words -= sum(p.candidate.words for p in chosen)
        picks += chosen
    return picks


def words_shown(text: StoryText) -> int:
    """The number of words that the mail shows of a Story at its shortest: headline, lede, two headlines, a sentence for each Side."""
    shortest = mailed(text, detail=1)
    return labels_of(shortest) + words_in(texts_of(shortest))


def _issue_of(session: Session, day: date) -> Issue | None:
    return session.scalars(select(Issue).where(Issue.issued_on == day)).first()


def _outlets_read(session: Session, now: datetime) -> int:
    """Outlets with at least one Feed that answered in the last day."""
    return (
        session.scalar(
            select(func.count(func.distinct(Feed.outlet_id)))
            .join(Outlet)
            .where(
                Outlet.enabled,
                Outlet.listed,
                Feed.checked_at > now - timedelta(days=1),
                Feed.last_error.is_(None),
            )
        )
        or 0
    )


def _candidates(session: Session, now: datetime) -> list[_Told]:
    stories = session.scalars(
        select(Story)
        .where(Story.merged_into_id.is_(None), Story.last_published_at >= now - FRESH)
        .where(Story.id.in_(select(StoryRevision.story_id)))
        .order_by(Story.id)
    ).all()
    placed = {
        story_id: composed_at
        for story_id, composed_at in session.execute(
            select(Placement.story_id, func.max(Issue.composed_at))
            .join(Issue)
            .where(Issue.composed_at > now - PLACED_LATELY, Issue.state != "withdrawn")
            .group_by(Placement.story_id)
        )
    }
    told = []
    for story in stories:
        rows = session.scalars(
            select(Article)
            .where(Article.story_id == story.id)
            .options(joinedload(Article.outlet))
            .order_by(Article.published_at, Article.id)
        ).all()
        covered = coverage_of(rows)
        if covered.outlets < FEWEST_OUTLETS:
            continue
        story_revision = session.scalars(
            select(StoryRevision)
            .where(StoryRevision.story_id == story.id)
            .order_by(StoryRevision.revision.desc())
            .limit(1)
        ).one()
        words = from_json(story_revision.words)
        if not words.lede and words.kind is not StoryKind.BLIND_SPOT:
            continue  # only headlines: nothing says what happened
        since = placed.get(story.id)
        new = [(a.outlet_id, a.gathered_at) for a in rows if since and a.gathered_at > since]
        known = {a.outlet_id for a in rows if since and a.gathered_at <= since}
        told.append(
            _Told(
                Candidate(
                    story_id=story.id,
                    topic=story.topic,
                    kind=words.kind,
                    coverage=covered,
                    last_published_at=story.last_published_at,
                    words=words_shown(words),
                    placed_at=since,
                    new_articles=len(new),
                    new_outlets=len({outlet for outlet, _ in new} - known),
                ),
                story_revision_id=story_revision.id,
                headline=words.headline,
            )
        )
    return told


def _draft(
    day: date,
    picks: Sequence[Pick],
    told: Sequence[_Told],
    outlets_read: int,
    *,
    now: datetime,
    is_sample: bool,
) -> Issue:
    by_story = {t.candidate.story_id: t for t in told}
    chosen = [by_story[p.candidate.story_id] for p in picks]
    headlines = [t.headline for t in chosen]
    return Issue(
        issued_on=day,
        subject=subject(headlines),
        preheader=preheader(headlines),
        reading_seconds=seconds_for(FRAME_WORDS + sum(t.candidate.words for t in chosen)),
        outlets_read=outlets_read,
        is_sample=is_sample,
        composed_at=now,
        placements=[
            Placement(
                story_id=p.candidate.story_id,
                story_revision_id=by_story[p.candidate.story_id].story_revision_id,
                rank=rank,
                score=round(p.score, 4),
                development=p.development,
            )
            for rank, p in enumerate(picks, start=1)
        ],
    )
