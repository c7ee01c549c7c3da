"""The edits that a form on the desk may ask for: from its fields to a function of ``issues``. The field ``act`` names the edit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.db.models import Issue, Placement
from newsletter.errors import Refused
from newsletter.issues import editing, quick_fixes, revisions
from newsletter.issues.editing import Said
from newsletter.issues.views import article_texts

Form = Mapping[str, str]
Edit = Callable[[Session, Issue, Form, int, datetime], Said]  # …, the operator's id, now
LONGEST_ROW = 4000  # characters
MOST_ROWS = 10
_MOST_DIGITS = 9
# Edits with text that an operator typed: when one is refused, the page shows the text again.
FREE_TEXT_EDITS = frozenset({"envelope", "retell", "retell-rows"})


def number(given: Form, name: str) -> int:
    """Return the whole number in a field, or 0 for anything else."""
    text = given.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else 0


def edit_of(given: Form) -> Edit:
    """Return the edit that a form asks for. Raises Refused when it names none that we know."""
    edit = EDITS.get(given.get("act", ""))
    if edit is None:
        raise Refused("Nothing was done: the form does not say what to change.")
    return edit


def part_of(session: Session, issue: Issue, given: Form) -> str:
    """Return an identifier of the present text that a free-text form changes, or an empty string for any other form."""
    if given.get("act") not in FREE_TEXT_EDITS:
        return ""
    story = number(given, "story")
    if story:
        placed = select(Placement.story_revision_id).where(
            Placement.issue_id == issue.id, Placement.story_id == story
        )
        return f"{issue.state}:{session.scalar(placed)}"
    return envelope_part(issue)


def story_part(issue: Issue, story_revision_id: int) -> str:
    """Return an identifier of the present text of one placed Story."""
    return f"{issue.state}:{story_revision_id}"


def envelope_part(issue: Issue) -> str:
    """Return an identifier of the present subject line, preheader and intro."""
    words = "\n".join((issue.subject, issue.preheader, issue.intro))
    return f"{issue.state}:{sha256(words.encode()).hexdigest()[:16]}"


def _retell(session: Session, issue: Issue, given: Form, operator_id: int, now: datetime) -> Said:
    return editing.edit_text(
        session,
        issue,
        number(given, "story"),
        headline=given.get("headline", "")[:300],
        lede=given.get("lede", "")[:2000],
        overview=given["overview"][:LONGEST_ROW] if "overview" in given else None,
        operator_id=operator_id,
        now=now,
    )


def _retell_rows(session: Session, issue: Issue, given: Form, operator_id: int, now: datetime) -> Said:
    return editing.edit_rows(
        session,
        issue,
        number(given, "story"),
        rows={n: given[f"row-{n}"][:LONGEST_ROW] for n in range(MOST_ROWS) if f"row-{n}" in given},
        operator_id=operator_id,
        now=now,
    )


def _envelope(session: Session, issue: Issue, given: Form, operator_id: int, now: datetime) -> Said:
    return editing.edit_envelope(
        session,
        issue,
        subject=given.get("subject", "")[:200],
        preheader=given.get("preheader", "")[:300],
        intro=given.get("intro", "")[:1000],
    )


def _ground(session: Session, issue: Issue, given: Form, operator_id: int, now: datetime) -> Said:
    story = number(given, "story")
    texts = article_texts(session, story)
    return quick_fixes.remove_unsupported(session, issue, story, texts, operator_id=operator_id, now=now)


def _line(given: Form) -> str:
    line = given.get("value", "")[:300]
    if not line.strip():
        raise Refused("Nothing was done: the form holds no words to put there.")
    return line


EDITS: dict[str, Edit] = {
    "retell": _retell,
    "retell-rows": _retell_rows,
    "envelope": _envelope,
    "back": lambda s, i, g, _o, _n: editing.go_back(s, i, number(g, "story"), revision=number(g, "revision")),
    "up": lambda s, i, g, _o, _n: editing.move_story(s, i, number(g, "story"), by=-1),
    "down": lambda s, i, g, _o, _n: editing.move_story(s, i, number(g, "story"), by=1),
    "drop": lambda s, i, g, _o, _n: editing.remove_story(s, i, number(g, "story")),
    "put-in": lambda s, i, g, _o, _n: editing.add_story(s, i, number(g, "story")),
    "swap": lambda s, i, g, _o, _n: quick_fixes.swap(s, i, number(g, "story"), number(g, "value")),
    "ground": _ground,
    "newest": lambda s, i, g, _o, _n: quick_fixes.use_newest(s, i, number(g, "story")),
    "unlink": lambda s, i, g, _o, _n: quick_fixes.unlink(s, i, number(g, "value")),
    "subject": lambda s, i, g, _o, _n: quick_fixes.set_subject(s, i, line=_line(g)),
    "preheader": lambda s, i, g, _o, _n: quick_fixes.set_subject(s, i, below=_line(g)),
    "rerender": lambda s, i, g, _o, _n: {"rendered": "anew"},
    "restore": lambda s, i, g, _o, _n: revisions.go_back(s, i, number(g, "revision")),
}
