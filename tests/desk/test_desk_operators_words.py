"""What an operator writes is judged like a model's words: what its articles do not carry needs a written reason."""

from __future__ import annotations

from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from sqlalchemy import select

from newsletter import db
from newsletter.db.models import AuditEntry, Check, Issue, Placement
from newsletter.summaries.story_text import from_json
from tests.servers.llm_server import Answer, LlmServer, findings, rows_in

DAY = "2026-03-02"
ISSUE, EDIT = f"issues/{DAY}", f"issues/{DAY}/edit"
REVERSED = "They agreed on everything before the vote began."


def _rewrite(desk: Any, sessions: db.Sessions, sentence: str) -> None:
    """Put the sentence before the lede of the first Story."""
    with db.reading(sessions) as session:
        placed = session.scalars(select(Placement).order_by(Placement.rank)).first()
        assert placed is not None
        text = from_json(placed.story_revision.words)
        story = str(placed.story_id)
    lede = "\n".join([sentence, *(s.text for s in text.lede)])
    fields = {
        **desk.fields(EDIT, f"/desk/{EDIT}"),
        "act": "retell",
        "story": story,
        "headline": text.headline,
    }
    assert desk.post(EDIT, **fields, lede=lede).status_code == 303


def _checks(sessions: db.Sessions) -> list[tuple[str, str]]:
    with db.reading(sessions) as session:
        found = session.scalars(select(Check).where(Check.name == "operators-words").order_by(Check.id))
        return [(c.level, c.reason) for c in found]


def _refuses(text: str) -> Callable[[int, dict[str, Any]], Answer]:
    return lambda number, body: findings(
        body, lambda said: "they disagreed to the end" if said == text else ""
    )


def test_without_a_judge_hard_facts_decide_and_an_approval_needs_the_reason(
    desk: Any, sessions: db.Sessions
) -> None:
    assert _checks(sessions) == [("pass", "No sentence is an operator’s.")]
    _rewrite(desk, sessions, "The Assembly met for 9,412 hours in all.")
    ((level, reason),) = _checks(sessions)
    assert level == "block"
    assert "9,412 hours" in reason
    assert "a number that no cited article has" in reason
    assert reason in unescape(desk.page(EDIT))
    refused = desk.submit(f"{ISSUE}/approve", ISSUE, reason=" ")
    assert refused.status_code == 409
    assert desk.submit(f"{ISSUE}/approve", ISSUE, reason="I counted the minutes.").status_code == 303
    with db.reading(sessions) as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.act == "issue.approved")).one()
    assert "operators-words" in entry.detail["overruled"]
    assert entry.detail["reason"] == "I counted the minutes."


def test_without_a_judge_meaning_is_not_judged_and_the_check_says_so(
    desk: Any, sessions: db.Sessions
) -> None:
    _rewrite(desk, sessions, REVERSED)
    ((level, reason),) = _checks(sessions)
    assert level == "pass"
    assert "no model is configured to judge them" in reason


def test_a_judge_refuses_by_meaning_and_is_asked_once(make_desk: Any, sessions: db.Sessions) -> None:
    with LlmServer(_refuses(REVERSED)) as server:
        desk = make_desk(LLM_MODEL="openai:a", LLM_BASE_URL=server.url).sign_in()
        _rewrite(desk, sessions, REVERSED)
        ((level, reason),) = _checks(sessions)
        assert level == "block"
        assert "they disagreed to the end" in reason
        assert reason in unescape(desk.page(EDIT))
        assert desk.submit(f"{ISSUE}/approve", ISSUE).status_code == 409
        assert desk.submit(f"{ISSUE}/approve", ISSUE, reason="Said on air.").status_code == 303
        assert len(server.asked) == 1
        asked = rows_in(server.asked[0], "sentences")
    assert [r["text"] for r in asked if r["text"] == REVERSED]
    assert len(asked) == 2, "of the Story only what the operator wrote, and one planted sentence"


def test_a_supported_sentence_needs_no_reason(make_desk: Any, sessions: db.Sessions) -> None:
    with LlmServer(_refuses("nothing")) as server:
        desk = make_desk(JUDGE_MODEL="openai:j", LLM_BASE_URL=server.url).sign_in()
        _rewrite(desk, sessions, REVERSED)
        assert len(server.asked) == 1
    assert _checks(sessions) == [("pass", "The articles carry every sentence that an operator wrote.")]


@pytest.mark.parametrize("answer", [500, "yes"])
def test_a_judge_that_fails_or_cannot_be_believed_is_named(
    make_desk: Any, sessions: db.Sessions, answer: Any
) -> None:
    def asked(number: int, body: dict[str, Any]) -> Answer:
        if answer == 500:
            return 500
        return {"findings": [{"n": r["n"], "supported": True} for r in rows_in(body, "sentences")]}

    with LlmServer(asked) as server:
        desk = make_desk(LLM_MODEL="openai:a", LLM_BASE_URL=server.url, LLM_TIMEOUT=5).sign_in()
        _rewrite(desk, sessions, REVERSED)
    ((level, reason),) = _checks(sessions)
    assert level == "warn"
    assert reason.startswith("What operators wrote was not judged: ")


def test_a_headline_an_operator_wrote_is_judged_too(make_desk: Any, sessions: db.Sessions) -> None:
    with db.reading(sessions) as session:
        placed = session.scalars(select(Placement).order_by(Placement.rank)).first()
        assert placed is not None
        text, story = from_json(placed.story_revision.words), str(placed.story_id)
    headline = "Everybody agrees at last"
    with LlmServer(_refuses(headline)) as server:
        desk = make_desk(LLM_MODEL="openai:a", LLM_BASE_URL=server.url).sign_in()
        fields = {**desk.fields(EDIT, f"/desk/{EDIT}"), "act": "retell", "story": story}
        lede = "\n".join(s.text for s in text.lede)
        assert desk.post(EDIT, **fields, headline=headline, lede=lede).status_code == 303
    ((level, reason),) = _checks(sessions)
    assert level == "block"
    assert headline in reason
    with db.reading(sessions) as session:
        assert session.scalars(select(Issue)).one().state == "draft"
