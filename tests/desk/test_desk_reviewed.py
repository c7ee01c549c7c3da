"""An Issue with a model's Stories says so on its page and in each mail; one that an operator approved on the desk says that too."""

from __future__ import annotations

import email
import json
import re
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from sqlalchemy import select, update

from newsletter import db
from newsletter.db.models import AuditEntry, Placement, Story, StoryRevision
from newsletter.issues.render.authorship import REVIEWED
from newsletter.summaries.story_text import Verdict, from_json, to_json

DAY = "2026-03-02"
ISSUE = f"issues/{DAY}"


@pytest.fixture
def slug(sessions: db.Sessions, desk: Any) -> str:
    """The address of the first placed Story, written by a model as far as anybody can tell; the Issue is rendered with it."""
    with sessions.begin() as session:
        placed = session.scalars(select(Placement).order_by(Placement.rank)).first()
        assert placed is not None
        text = from_json(placed.story_revision.words)
        judged = replace(text, lede=tuple(replace(s, verdict=Verdict.JUDGED) for s in text.lede))
        session.execute(
            update(StoryRevision)
            .where(StoryRevision.id == placed.story_revision_id)
            .values(words=to_json(judged), written_by="llm")
        )
        found = session.get_one(Story, placed.story_id).slug
    desk.service.render(date.fromisoformat(DAY))
    desk.service.check(date.fromisoformat(DAY))
    return found


def test_an_approval_beside_the_preview_is_a_review(desk: Any, sessions: db.Sessions, slug: str) -> None:
    assert "readers are told that an editor reviewed it" in desk.page(ISSUE)
    assert desk.submit(f"{ISSUE}/approve", ISSUE).status_code == 303
    with db.reading(sessions) as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.act == "issue.approved")).one()
    assert (entry.by, entry.detail["reviewed"]) == (f"operator:{desk.operator_id}", True)
    page = desk.client.get(f"/{ISSUE}").text
    assert "An AI model wrote 1 of the " in page
    assert REVIEWED in page
    assert '<meta name="ai-disclosure" content="mode=ai-originated, reviewed-by=&#34;editor&#34;">' in page
    assert REVIEWED in desk.client.get("/issues.atom").text
    sent = desk.service.dispatch(date.fromisoformat(DAY), limit=1)
    assert sent.accepted == 1
    mail = email.message_from_bytes(next(iter(desk.service.settings.OUTBOX_DIR.rglob("*.eml"))).read_bytes())
    assert mail["AI-Disclosure"] == 'mode=ai-originated, reviewed-by="editor"'


def test_without_an_operators_review_nothing_is_said_of_one(
    desk: Any, sessions: db.Sessions, slug: str
) -> None:
    desk.service.approve(date.fromisoformat(DAY), by="auto")
    with db.reading(sessions) as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.act == "issue.approved")).one()
    assert "reviewed" not in entry.detail
    page = desk.client.get(f"/{ISSUE}").text
    assert '<meta name="ai-disclosure" content="mode=ai-originated">' in page
    assert REVIEWED not in page
    told = desk.client.get(f"/stories/{slug}").text
    assert "An AI model wrote this summary" in told
    facts = json.loads(re.findall(r'<script type="application/ld\+json">(.*?)</script>', told, re.S)[0])
    assert facts["digitalSourceType"] == "https://schema.org/TrainedAlgorithmicMediaDigitalSource"


def test_a_story_in_the_outlets_own_words_says_that(desk: Any, sessions: db.Sessions, slug: str) -> None:
    desk.service.approve(date.fromisoformat(DAY), by="auto")
    with db.reading(sessions) as session:
        placed = session.scalars(select(Placement).order_by(Placement.rank.desc())).first()
        assert placed is not None
        own = session.get_one(Story, placed.story_id).slug
    told = desk.client.get(f"/stories/{own}").text
    assert "no AI wrote any of this" in told
    assert "ai-disclosure" not in told
    assert "digitalSourceType" not in told
