"""Checks that the Articles support what operators wrote. The judge is asked outside any transaction, and its answers are kept."""

from __future__ import annotations

from sqlalchemy import select

from newsletter import db, log
from newsletter.db.models import Placement, StoryRevision
from newsletter.delivery.mail import phrases
from newsletter.errors import SettingsError
from newsletter.issues.checks.findings import Answers, Case, Judged, Remedy
from newsletter.issues.views import article_texts
from newsletter.settings import Settings
from newsletter.summaries import registry
from newsletter.summaries.operators_words import OperatorsWords, doubts
from newsletter.summaries.protocol import SummarizerError
from newsletter.summaries.story_text import from_json

NAME = "operators-words"
OPERATOR = "operator"  # StoryRevision.written_by
_SHOWN = 120  # characters of a sentence in a reason
_log = log.get("issues")


def judged(sessions: db.Sessions, issue_id: int, settings: Settings) -> Judged:
    """Return which of the operators' sentences in the Issue lack support, and why. Asks the judge once for each changed Story."""
    with db.reading(sessions) as session:
        rows = session.execute(
            select(Placement.story_id, StoryRevision)
            .join(StoryRevision, StoryRevision.id == Placement.story_revision_id)
            .where(Placement.issue_id == issue_id, StoryRevision.written_by == OPERATOR)
        ).all()
        found: dict[int, OperatorsWords] = {}
        for story_id, revision in rows:
            others = select(StoryRevision.words).where(
                StoryRevision.story_id == story_id, StoryRevision.written_by != OPERATOR
            )
            text = from_json(revision.words)
            headlines = {words["headline"] for words in session.scalars(others)}
            found[story_id] = OperatorsWords(
                text, text.headline not in headlines, revision.written_at, article_texts(session, story_id)
            )
    return _ask_judge(found, settings) if found else Judged()


def _ask_judge(found: dict[int, OperatorsWords], settings: Settings) -> Judged:
    """Ask the judge. Without a usable answer only hard facts are checked, and the result says why."""
    judge, why_not = None, "no model is configured to judge them"
    try:
        judge = registry.model_judge(settings)
    except SettingsError as error:
        why_not = str(error)
    said: dict[int, dict[str, str]] = {}
    failed = ""
    for story_id, words in found.items():
        try:
            said[story_id] = doubts(words, judge)
        except SummarizerError as error:
            failed = str(error)
            _log.warning("operators.not_judged", story=story_id, reason=failed)
            said[story_id] = doubts(words, None)
    return Judged(said, failed=failed, unjudged="" if judge else why_not)


def operators_words(case: Case) -> Answers:
    """Block when an operator's sentence lacks support in its Articles: approving then needs a written reason."""
    judged = case.context.judged
    for number, story in enumerate(case.view.stories, start=1):
        for text, reason in judged.doubts.get(story.id, {}).items():
            said = f"Story {number}: an operator wrote “{_cut(text)}”, which its articles do not carry ({reason.rstrip('.')})"
            yield (
                "block",
                f"{said}. Change it, or write down why it may stand when you approve.",
                (Remedy("go", "Edit it", story.id, "edit"),),
            )
    if judged.failed:
        yield "warn", f"What operators wrote was not judged: {judged.failed.rstrip('.')}."
    if judged.unjudged and judged.doubts:
        yield (
            "pass",
            f"Numbers, names and quotations that operators wrote stand in their articles; {judged.unjudged}.",
        )
    yield (
        "pass",
        "The articles carry every sentence that an operator wrote."
        if judged.doubts
        else "No sentence is an operator’s.",
    )


def _cut(text: str) -> str:
    flat = phrases.plain(text)
    return flat if len(flat) <= _SHOWN else f"{flat[:_SHOWN].rsplit(' ', 1)[0]} …"
