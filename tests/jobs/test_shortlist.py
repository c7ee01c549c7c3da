"""Only the Stories that an Issue is picked from are written by a model, once, when the Issue is composed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select, update

from newsletter import db
from newsletter.cli import opening
from newsletter.db.models import Article, Issue, Placement, StoryRevision
from newsletter.issues import compose
from newsletter.jobs import pipeline
from newsletter.jobs.pipeline import Parts
from newsletter.summaries.story_text import from_json
from tests.clocks import Hands
from tests.servers.llm_server import LlmServer, findings, rows_in, shape_of
from tests.web.sample_site import service_with

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
DAY = AT.date()


def honest(number: int, body: dict[str, Any]) -> Any:
    """A writer that repeats the first article's headline and text, and a judge that says yes to them."""
    if shape_of(body) == "findings":
        return findings(body)
    first = rows_in(body, "articles")[0]
    said = [{"text": first["text"].split(". ")[0].strip(".") + ".", "cites": [first["n"]]}]
    return {"headline": {"text": first["headline"], "cites": [first["n"]]}, "lede": said, "overview": []}


@pytest.fixture
def parts_for(make_settings: Any, sessions: db.Sessions) -> Callable[..., Parts]:
    def make(server: LlmServer, **changes: Any) -> Parts:
        asked = {"LLM_MODEL": "openai:some-model", "LLM_BASE_URL": server.url, "LLM_API_KEY": "k", **changes}
        return opening.open_sample(service_with(sessions, make_settings(**asked), Hands(AT)))

    return make


def steps(parts: Parts, *names: str) -> dict[str, Any]:
    detail: dict[str, Any] = {}
    for name in names:
        detail = pipeline.STEPS[name](parts)
    return detail


def revisions(sessions: db.Sessions) -> list[StoryRevision]:
    with db.reading(sessions) as session:
        return list(session.scalars(select(StoryRevision).order_by(StoryRevision.id)))


@pytest.mark.slow
def test_the_shortlist_is_written_when_the_issue_is_composed(sessions: db.Sessions, parts_for: Any) -> None:
    with LlmServer(honest) as server:
        parts = parts_for(server)
        steps(parts, "gather", "group", "summarize")
        assert server.asked == []
        shortlist = compose.shortlist(sessions, day=DAY, now=AT)
        detail = steps(parts, "compose")
        asked = len(server.asked)
        steps(parts, "compose", "summarize", "compose")
        assert len(server.asked) == asked  # the second run asks and writes nothing
    by_model = [r for r in revisions(sessions) if r.written_by == "llm"]
    assert detail["fell_back"] == 0
    assert {r.story_id for r in by_model} == set(shortlist)
    assert len(by_model) == len(shortlist) == detail["written"]
    with db.reading(sessions) as session:
        placed = session.scalars(select(Placement)).all()
        assert {p.story_revision_id for p in placed} <= {r.id for r in by_model}


@pytest.mark.slow
def test_a_models_words_stay_until_an_article_they_cite_has_changed(
    sessions: db.Sessions, parts_for: Any
) -> None:
    with LlmServer(honest) as server:
        parts = parts_for(server)
        steps(parts, "gather", "group", "summarize", "compose")
        one, other = [r for r in revisions(sessions) if r.written_by == "llm"][:2]
        cited = from_json(one.words).cited()
        with db.reading(sessions) as session:
            rest = session.scalars(select(Article.id).where(Article.story_id == other.story_id)).all()
        uncited = next(i for i in rest if i not in from_json(other.words).cited())
        later = AT.replace(minute=45)
        with sessions.begin() as session:
            for number in (*cited, uncited):
                changed = update(Article).where(Article.id == number)
                session.execute(changed.values(text_hash=f"new {number}", changed_at=later))
        steps(parts, "summarize")
    newest = {r.story_id: r.written_by for r in revisions(sessions)}
    assert newest[one.story_id] == "extractive"
    assert newest[other.story_id] == "llm"


@pytest.mark.slow
@pytest.mark.parametrize("fault", [500, "reset", "I cannot help with that.", "dies midway"])
def test_an_issue_is_printed_whatever_the_model_does(
    sessions: db.Sessions, parts_for: Any, fault: str | int, capsys: pytest.CaptureFixture[str]
) -> None:
    def answer(number: int, body: dict[str, Any]) -> Any:
        return (
            honest(number, body)
            if fault == "dies midway" and number < 8
            else (500 if fault == "dies midway" else fault)
        )

    with LlmServer(answer) as server:
        parts = parts_for(server, LLM_CONCURRENCY=1, LLM_TIMEOUT=5)
        detail = steps(parts, "gather", "group", "summarize", "compose")
    assert detail["fell_back"] > 0
    assert "summarize.fell_back" in "".join(capsys.readouterr())
    with db.reading(sessions) as session:
        assert session.scalars(select(Issue)).one().placements
    written_by = {r.written_by for r in revisions(sessions)}
    assert written_by == ({"extractive", "llm"} if fault == "dies midway" else {"extractive"})


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [{"LLM_MODEL": "nobody:x", "LLM_BASE_URL": ""}, {"LLM_DAILY_TOKENS": "0"}, {"SUMMARIZER": "extractive"}],
)
def test_an_issue_is_printed_without_a_model_that_can_be_asked(
    sessions: db.Sessions, parts_for: Any, changes: dict[str, str]
) -> None:
    with LlmServer(honest) as server:
        steps(parts_for(server, **changes), "gather", "group", "summarize", "compose")
        assert server.asked == []
    assert {r.written_by for r in revisions(sessions)} == {"extractive"}
