"""What one press on the desk mends in a draft: plainer words, nothing without ground, the newest words, Sides made even.

Each act is an edit like those in ``editing.py``: a new revision of the Story's words, never an overwriting, and it says what
the audit trail keeps. The caller takes an approval back, commits, and renders anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from newsletter.errors import Refused
from newsletter.models import Issue
from newsletter.newsroom import editing
from newsletter.newsroom.balance import UNEVEN_QUOTES, Weight, together, weights
from newsletter.newsroom.editing import Said
from newsletter.newsroom.editions import issue_view, latest_telling
from newsletter.newsroom.grounding import keep_grounded
from newsletter.newsroom.leans import Side
from newsletter.newsroom.plainer import plainer
from newsletter.newsroom.reading_time import words_in
from newsletter.newsroom.subject import preheader, subject
from newsletter.newsroom.summarizers.protocol import ArticleText
from newsletter.newsroom.telling import Telling, from_json

MOST_TURNS = 12  # small changes that one press may make


def say_plainer(
    session: Session,
    issue: Issue,
    story_id: int,
    articles: Sequence[ArticleText],
    *,
    operator_id: int,
    now: datetime,
) -> Said:
    """Loaded sentences give way to plainer ones of the same Side, or are taken out. Raises NotFound, Refused."""
    placement = editing.placement_of(session, issue, story_id)
    before = from_json(placement.telling.words)
    return _changed(
        editing.revise(
            session, placement, before, plainer(before, articles), operator_id=operator_id, now=now
        )
    )


def take_out_ungrounded(
    session: Session,
    issue: Issue,
    story_id: int,
    articles: Sequence[ArticleText],
    *,
    operator_id: int,
    now: datetime,
) -> Said:
    """What the gate refuses against the articles as they are now is taken out. Raises NotFound, Refused."""
    placement = editing.placement_of(session, issue, story_id)
    before = from_json(placement.telling.words)
    after = keep_grounded(before, articles)
    if not after.lede and not after.summaries:
        raise Refused(
            "Nothing was done: nothing of the story would be left. Drop it, or use its newest words."
        )
    return _changed(editing.revise(session, placement, before, after, operator_id=operator_id, now=now))


def use_newest(session: Session, issue: Issue, story_id: int) -> Said:
    """The Story stands in the latest of its revisions. Raises NotFound, Refused."""
    placement = editing.placement_of(session, issue, story_id)
    newest = latest_telling(session, story_id)
    if newest is None or newest.id == placement.telling_id:
        raise Refused("Nothing was done: the story stands in its newest words.")
    return editing.go_back(session, issue, story_id, revision=newest.revision)


def swap(session: Session, issue: Issue, story_id: int, other: int) -> Said:
    """Another Story takes the place of this one, at its rank. Raises NotFound, Refused."""
    rank = editing.placement_of(session, issue, story_id).rank
    said = editing.put_in(session, issue, other)
    gone = editing.drop(session, issue, story_id)
    last = len(editing.placed(session, issue))
    editing.move(session, issue, other, by=rank - last)
    return {**gone, **said}


def unlink(session: Session, issue: Issue, article_id: int) -> Said:
    """The mail leads to our own page in place of this Article's. Raises Refused."""
    if article_id in issue.unlinked:
        raise Refused("Nothing was done: the mail does not lead there any more.")
    issue.unlinked = [*issue.unlinked, article_id]
    return {"article without its link": article_id}


def name_anew(session: Session, issue: Issue, *, line: str = "", below: str = "") -> Said:
    """Another subject line, preheader, or both. Raises Refused for one that is empty."""
    return editing.envelope(
        session, issue, subject=line or issue.subject, preheader=below or issue.preheader, intro=issue.intro
    )


def composed_names(headlines: Sequence[str]) -> tuple[str, str]:
    """Subject line and preheader as they are composed of these headlines."""
    return subject(headlines), preheader(headlines)


def even_out(session: Session, issue: Issue, *, operator_id: int, now: datetime) -> Said:
    """Shorten what the mail gives the heavier Side, step by step, until words and quotes are even. Raises Refused.

    A step takes out the last sentence of that Side, or a quote the other Side has no answer to, or lets its shortest
    sentence come first. No Side loses its last sentence.
    """
    said: Said = {}
    for _ in range(MOST_TURNS):
        view = issue_view(session, issue, now=now)
        found = weights(view.stories, view.intro)
        step = _step(session, issue, found, operator_id=operator_id, now=now)
        if not step:
            break
        said[f"{len(said) + 1}"] = step["story"]
        session.flush()
        session.expire_all()
    if not said:
        raise Refused("Nothing was done: the sides are as even as their sentences allow. Edit them by hand.")
    return {"evened out": ", ".join(dict.fromkeys(said.values()))}


def _step(
    session: Session, issue: Issue, found: Sequence[Weight], *, operator_id: int, now: datetime
) -> Said:
    whole = together(found)
    tilted = [w for w in found if w.tilted]
    if whole.tilted:  # the Story that tilts most to the heavier Side
        tilted += sorted(
            (w for w in found if w.heavier is whole.heavier),
            key=lambda w: -abs(w.left_words - w.right_words),
        )
    for weight in tilted:
        if said := _shorten(session, issue, weight.story_id, weight.heavier, operator_id, now):
            return said
    if abs(whole.more_quotes) > UNEVEN_QUOTES:
        side = Side.LEFT if whole.more_quotes > 0 else Side.RIGHT
        more = [w for w in found if (w.more_quotes > 0) == (side is Side.LEFT) and w.more_quotes]
        for weight in more:
            if said := _unquote(session, issue, weight.story_id, side, operator_id, now):
                return said
    return {}


def _shorten(
    session: Session, issue: Issue, story_id: int, side: Side, operator_id: int, now: datetime
) -> Said:
    placement = editing.placement_of(session, issue, story_id)
    before = from_json(placement.telling.words)
    summary = before.summary(side)
    if summary is None or len(summary.sentences) < 2:
        return {}
    shortest = min(summary.sentences, key=lambda s: words_in((s.text,)))
    kept = summary.sentences[:-1]
    if shortest not in kept:
        kept = (shortest, *kept[1:])
    after = _with(before, side, sentences=kept)
    return editing.revise(session, placement, before, after, operator_id=operator_id, now=now)


def _unquote(
    session: Session, issue: Issue, story_id: int, side: Side, operator_id: int, now: datetime
) -> Said:
    placement = editing.placement_of(session, issue, story_id)
    before = from_json(placement.telling.words)
    after = _with(before, side, quotes=())
    return editing.revise(session, placement, before, after, operator_id=operator_id, now=now)


def _with(telling: Telling, side: Side, **parts: object) -> Telling:
    changed = tuple(replace(s, **parts) if s.side is side else s for s in telling.summaries)  # type: ignore[arg-type]
    return replace(telling, summaries=changed)


def _changed(said: Said) -> Said:
    if not said:
        raise Refused("Nothing was done: there is nothing to mend.")
    return said
