"""Edits of a draft that the desk offers as one button: remove unsupported sentences, use the newest text, swap a Story, remove
a dead link.

Each function is an edit like those in ``editing.py``: it adds a revision and returns the text for the audit trail. The caller
revokes an approval, commits, and renders again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from newsletter.db.models import Issue
from newsletter.errors import Refused
from newsletter.issues import editing
from newsletter.issues.editing import Said
from newsletter.issues.views import latest_revision
from newsletter.summaries.grounding.hard_facts import checked
from newsletter.summaries.protocol import ArticleText
from newsletter.summaries.story_text import from_json


def remove_unsupported(
    session: Session,
    issue: Issue,
    story_id: int,
    articles: Sequence[ArticleText],
    *,
    operator_id: int,
    now: datetime,
) -> Said:
    """Remove the sentences that the Articles, in their present text, do not support. Raises NotFound, Refused."""
    placement = editing.placement_of(session, issue, story_id)
    before = from_json(placement.story_revision.words)
    after, _ = checked(before, articles)
    if not after.lede and not after.headlines:
        raise Refused(
            "Nothing was done: nothing of the story would be left. Drop it, or use its newest words."
        )
    return _changed(editing.revise(session, placement, before, after, operator_id=operator_id, now=now))


def use_newest(session: Session, issue: Issue, story_id: int) -> Said:
    """Place the Story with its latest revision. Raises NotFound, Refused."""
    placement = editing.placement_of(session, issue, story_id)
    newest = latest_revision(session, story_id)
    if newest is None or newest.id == placement.story_revision_id:
        raise Refused("Nothing was done: the story stands in its newest words.")
    return editing.go_back(session, issue, story_id, revision=newest.revision)


def swap(session: Session, issue: Issue, story_id: int, other: int) -> Said:
    """Put another Story in the place of this one, at its rank. Raises NotFound, Refused."""
    rank = editing.placement_of(session, issue, story_id).rank
    said = editing.add_story(session, issue, other)
    gone = editing.remove_story(session, issue, story_id)
    last = len(editing.placements(session, issue))
    editing.move_story(session, issue, other, by=rank - last)
    return {**gone, **said}


def unlink(session: Session, issue: Issue, article_id: int) -> Said:
    """Let the mail link to our story page instead of this Article's address. Raises Refused."""
    if article_id in issue.unlinked:
        raise Refused("Nothing was done: the mail does not lead there any more.")
    issue.unlinked = [*issue.unlinked, article_id]
    return {"article without its link": article_id}


def set_subject(session: Session, issue: Issue, *, line: str = "", below: str = "") -> Said:
    """Change the subject line, the preheader, or both. Raises Refused for an empty subject line."""
    return editing.edit_envelope(
        session, issue, subject=line or issue.subject, preheader=below or issue.preheader, intro=issue.intro
    )


def _changed(said: Said) -> Said:
    if not said:
        raise Refused("Nothing was done: there is nothing to mend.")
    return said
