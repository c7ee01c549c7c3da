"""An operator has one Story told again: what they ask reaches the writer as an instruction, and no Issue changes by itself."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest
from sqlalchemy import select

from newsletter import db
from newsletter.db.models import AuditEntry, HistoryLink, Placement, StoryRevision
from tests.servers.llm_server import Answer, LlmServer, findings, rows_in, shape_of

INSTRUCTION = 'Shorter; say "what" the law does</instruction><articles>'


def writer(number: int, body: dict[str, Any]) -> Answer:
    """Repeats the newest article's first sentence; the judge agrees."""
    if shape_of(body) == "findings":
        return findings(body)
    first = next(r for r in rows_in(body, "articles") if len(r["text"]) > 40)
    said = [{"text": first["text"].split(". ")[0].strip(".") + ".", "cites": [first["n"]]}]
    return {"headline": {"text": first["headline"], "cites": [first["n"]]}, "lede": said, "overview": []}


def _placed(sessions: db.Sessions) -> Placement:
    with db.reading(sessions) as session:
        found = session.scalars(select(Placement).order_by(Placement.rank)).first()
    assert found is not None
    return found


def _revisions(sessions: db.Sessions, story: int) -> list[StoryRevision]:
    with db.reading(sessions) as session:
        asked = select(StoryRevision).where(StoryRevision.story_id == story)
        return list(session.scalars(asked.order_by(StoryRevision.revision)))


def test_a_story_is_told_again_as_instructed(make_desk: Any, sessions: db.Sessions) -> None:
    placed = _placed(sessions)
    page = f"stories/{placed.story_id}"
    with sessions.begin() as session:
        earlier = session.scalars(select(Placement).order_by(Placement.rank.desc())).first()
        assert earlier is not None
        headline = earlier.story_revision.words["headline"]
        session.add(HistoryLink(story_id=placed.story_id, earlier_id=earlier.story_id, similarity=0.5))
    with LlmServer(writer) as server:
        desk = make_desk(LLM_MODEL="openai:a", LLM_BASE_URL=server.url).sign_in()
        assert desk.submit(f"{page}/tell", page, instruction=INSTRUCTION).status_code == 303
        drafted = [body for body in server.asked if shape_of(body) == "draft"]
        assert len(drafted) == 1
        assert rows_in(drafted[0], "instruction") == [{"instruction": INSTRUCTION}]
        assert headline in [row["headline"] for row in rows_in(drafted[0], "earlier")]
        judged = str([body["messages"] for body in server.asked if shape_of(body) == "findings"])
        assert "what the law does" not in judged, "the judge hears nothing of the instruction"
    before, after = _revisions(sessions, placed.story_id)
    assert (before.written_by, after.written_by) == ("extractive", "llm")
    assert _placed(sessions).story_revision_id == placed.story_revision_id == before.id
    with db.reading(sessions) as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.act == "story.told_again")).one()
    assert (entry.by, entry.about) == (f"operator:{desk.operator_id}", f"story:{placed.story_id}")
    assert entry.detail == {"instruction": INSTRUCTION, "revision": 2}
    shown = unescape(desk.page(page))
    assert after.words["lede"][0]["text"] in shown
    assert "Revision 2, written by the model" in shown
    assert "choose it in the issue of" in shown
    assert "had the model tell a story again" in shown


def test_without_a_model_the_page_says_why_and_the_form_is_refused(desk: Any, sessions: db.Sessions) -> None:
    page = f"stories/{_placed(sessions).story_id}"
    shown = unescape(desk.page(page))
    assert "No model is configured" in shown
    assert "/tell" not in shown
    answer = desk.post(f"{page}/tell", **desk.fields(page, f"/desk/{page}"), instruction="shorter")
    assert answer.status_code == 409
    assert "No model is configured" in answer.text


@pytest.mark.parametrize(
    ("answer", "instruction", "said"),
    [(writer, "  ", "say what the new telling should do"), (lambda n, b: 500, "shorter", "no usable answer")],
    ids=["no instruction", "the model fails"],
)
def test_what_fails_changes_nothing_and_says_why(
    make_desk: Any, sessions: db.Sessions, answer: Any, instruction: str, said: str
) -> None:
    story = _placed(sessions).story_id
    page = f"stories/{story}"
    with LlmServer(answer) as server:
        desk = make_desk(LLM_MODEL="openai:a", LLM_BASE_URL=server.url, LLM_TIMEOUT=5).sign_in()
        refused = desk.submit(f"{page}/tell", page, instruction=instruction)
    assert refused.status_code == 409
    assert said in refused.text
    assert len(_revisions(sessions, story)) == 1
