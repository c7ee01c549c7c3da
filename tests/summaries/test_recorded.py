"""The sample edition told in a model's recorded answers: checked and judged like any answers, labelled, on any day and hour."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from newsletter import db
from newsletter.cli import opening
from newsletter.db.models import Issue, Placement, StoryRevision
from newsletter.feeds import sample
from newsletter.jobs import pipeline
from newsletter.jobs.pipeline import Parts
from newsletter.summaries import registry
from newsletter.summaries.model.prompt import INSTRUCTIONS, prompt
from newsletter.summaries.model.recorded import LABEL, RecordedAnswers
from newsletter.summaries.model.schema import Draft
from newsletter.summaries.protocol import ArticleText, SummarizerError
from newsletter.summaries.story_text import StoryText, Verdict, from_json
from tests.clocks import Hands
from tests.web.sample_site import service_with

FOLDER = Path(pipeline.__file__).parents[1] / "summaries" / "model" / "recorded_answers"
MOMENTS = (datetime(2026, 3, 2, 9, 30, tzinfo=UTC), datetime(2026, 12, 31, 0, 10, tzinfo=UTC))


def _parts(make_settings: Any, sessions: db.Sessions, at: datetime, **changes: Any) -> Parts:
    settings = make_settings(SUMMARIZER="llm", **changes)
    return opening.open_sample(service_with(sessions, settings, Hands(at)))


def _words(sessions: db.Sessions) -> list[tuple[str, StoryText]]:
    with db.reading(sessions) as session:
        rows = session.scalars(
            select(StoryRevision)
            .join(Placement, Placement.story_revision_id == StoryRevision.id)
            .order_by(Placement.rank)
        )
        return [(r.written_by, from_json(r.words)) for r in rows]


def _recorded(day: date) -> dict[str, list[dict[str, Any]]]:
    """What is recorded, by event."""
    return {
        path.stem: tomllib.loads(sample.dated(path.read_text(), day))["said"]
        for path in sorted(FOLDER.glob("*.toml"))
    }


@pytest.mark.slow
@pytest.mark.parametrize("at", MOMENTS, ids=str)
def test_the_sample_edition_is_told_in_recorded_answers(
    make_settings: Any, sessions: db.Sessions, at: datetime
) -> None:
    parts = _parts(make_settings, sessions, at)
    for step in ("gather", "group", "summarize"):
        pipeline.STEPS[step](parts)
    detail = pipeline.STEPS["compose"](parts)
    assert detail["fell_back"] == 0, "an answer is recorded for each Story of the shortlist"
    told = _words(sessions)
    assert {by for by, _ in told} == {"llm"}
    assert len(told) >= 6
    by_headline = {said[0]["text"]: said for said in _recorded(at.date()).values()}
    refused = lost = kept = 0
    for _, text in told:
        printed = {s.text for s in text.sentences()}
        for row in by_headline[text.headline][1:]:
            refused += "refused" in row
            assert "refused" not in row or row["text"] not in printed
            wanted = row.get("repaired") if "refused" in row else row["text"]
            stands = wanted in printed
            kept += stands
            lost += wanted is not None and not stands and _is_shown(text, row["part"])
        assert {s.verdict for s in text.sentences()} == {Verdict.JUDGED}
    assert refused >= 2
    assert kept > 70
    assert lost == 0, "the facts and the judge let every good sentence stand"
    with db.reading(sessions) as session:
        issue = session.scalars(select(Issue)).one()
        assert issue.intro == LABEL
        full = next(r for r in issue.renditions if r.kind == "full")
        for words in (full.html, " ".join(full.text.split())):
            assert LABEL in words
    assert "block" not in {f.level for f in parts.service.check(issue.issued_on)}


def _is_shown(text: StoryText, part: str) -> bool:
    """Rows with sides have no place in a Story without: "next" alone stays."""
    return part in ("lede", "overview", "next", "answer") or text.kind.value == "with_sides"


def test_only_a_story_of_the_sample_has_an_answer() -> None:
    answers = RecordedAnswers(MOMENTS[0].date())
    stranger = ArticleText(1, "Nobody's Gazette", None, "A bridge reopens", "It reopened.", MOMENTS[0])
    asked = prompt([stranger], now=MOMENTS[0])
    with pytest.raises(SummarizerError, match="no answer is recorded"):
        answers.ask(Draft, INSTRUCTIONS, asked, most_tokens=1)


def test_recorded_answers_are_for_the_sample_alone(make_settings: Any, sessions: db.Sessions) -> None:
    """With real feeds SUMMARIZER=llm asks for a model; with a model the sample is told by that."""
    assert registry.has_recorded(make_settings(SUMMARIZER="llm"))
    assert not registry.has_recorded(make_settings(SUMMARIZER="llm", LLM_MODEL="openai:a"))
    assert not registry.has_recorded(make_settings(SUMMARIZER="auto"))
    parts = replace(_parts(make_settings, sessions, MOMENTS[0]), is_sample=False)
    for step in ("gather", "group", "summarize", "compose"):
        detail = pipeline.STEPS[step](parts)
    assert "needs LLM_MODEL" in detail["model"]
    assert {by for by, _ in _words(sessions)} == {"extractive"}
    with db.reading(sessions) as session:
        assert session.scalars(select(Issue)).one().intro == ""
