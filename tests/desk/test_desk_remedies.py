"""Every remedy that a Check offers fixes its finding when its button on the page is pressed."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from html import unescape
from typing import Any

import pytest
from sqlalchemy import select, update

from newsletter import db
from newsletter.db.models import (
    Article,
    AuditEntry,
    Check,
    Issue,
    LinkStatus,
    Placement,
    Story,
    StoryRevision,
)
from newsletter.issues import editing, quick_fixes
from newsletter.issues.subject import preheader, subject
from newsletter.summaries.story_text import Row, RowKind, StoryText, from_json, to_json
from tests.conftest import MORNING
from tests.desk.conftest import plant_loaded
from tests.servers.feed_server import FeedServer

DAY = "2026-03-02"
ISSUE = f"issues/{DAY}"


def _rewrite(sessions: db.Sessions, change: Any, place: int = 0) -> int:
    """Change the words that a placed Story stands in, behind the newsroom's back. Returns the Story."""
    with sessions.begin() as session:
        placement = session.scalars(select(Placement).order_by(Placement.rank)).all()[place]
        words = to_json(change(from_json(placement.story_revision.words)))
        session.execute(
            update(StoryRevision).where(StoryRevision.id == placement.story_revision_id).values(words=words)
        )
        return placement.story_id


def _look(desk: Any) -> dict[str, list[Check]]:
    desk.service.render(date.fromisoformat(DAY))
    assert desk.submit(f"{ISSUE}/check", ISSUE).status_code == 303
    with db.reading(desk.service.sessions) as session:
        found: dict[str, list[Check]] = {}
        for check in session.scalars(select(Check).order_by(Check.id)):
            found.setdefault(check.name, []).append(check)
    return found


def _press(desk: Any, words: str) -> None:
    """Press the button with these words on the Issue's page."""
    page = desk.page(ISSUE)
    forms = re.findall(r"<form\b.*?</form>", page, re.S)
    form = next(f for f in forms if f">{words}</button>" in unescape(f))
    hidden = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form)
    action = re.search(r'action="([^"]+)"', form)
    assert action
    answer = desk.post(action[1], **{name: unescape(value) for name, value in hidden})
    assert answer.status_code == 303, answer.text
    assert answer.headers["Location"].endswith("#checks")


def _level(desk: Any, name: str) -> set[str]:
    with db.reading(desk.service.sessions) as session:
        return set(session.scalars(select(Check.level).where(Check.name == name)))


def _headlines(sessions: db.Sessions) -> list[str]:
    with db.reading(sessions) as session:
        return [
            p.story_revision.words["headline"]
            for p in session.scalars(select(Placement).order_by(Placement.rank))
        ]


def test_a_loaded_word_in_our_own_voice_is_named_and_leads_to_the_editor(
    desk: Any, sessions: db.Sessions
) -> None:
    plant_loaded(sessions)
    (found,) = _look(desk)["loaded-words"]
    assert (found.level, "“victory”" in found.reason) == ("warn", True)
    assert [(r["act"], r["words"]) for r in found.remedies] == [("go", "Edit it")]

    def plain(text: StoryText) -> StoryText:
        return replace(text, overview=text.overview[:-1])

    _rewrite(sessions, plain, _place_of_loaded(sessions))
    assert _look(desk)["loaded-words"][0].level == "pass"


def _place_of_loaded(sessions: db.Sessions) -> int:
    with db.reading(sessions) as session:
        placed = session.scalars(select(Placement).order_by(Placement.rank)).all()
        return next(n for n, p in enumerate(placed) if "biggest victory" in str(p.story_revision.words))


def _told(sessions: db.Sessions) -> StoryText:
    """The words of the Issue's first Story."""
    with db.reading(sessions) as session:
        placed = session.scalars(select(Placement).order_by(Placement.rank)).first()
        assert placed is not None
        return from_json(placed.story_revision.words)


def test_an_unfounded_sentence_blocks_and_is_taken_out(desk: Any, sessions: db.Sessions) -> None:
    def add(telling: StoryText) -> StoryText:
        false = replace(telling.lede[0], text="The Assembly met for 9,412 hours in Reykjavik.")
        return replace(telling, overview=(*telling.overview, false))

    _rewrite(sessions, add)
    (found,) = _look(desk)["grounding"]
    assert found.level == "block"
    assert "9,412" in found.reason
    assert desk.submit(f"{ISSUE}/approve", ISSUE).status_code == 409
    _press(desk, "Take out what does not hold")
    assert _level(desk, "grounding") == {"pass"}


def test_words_that_an_outlet_rewrote_are_noticed_and_a_changed_number_blocks(
    desk: Any, sessions: db.Sessions
) -> None:
    assert _look(desk)["grounding"][0].level == "pass"
    with sessions.begin() as session:
        placement = session.scalars(select(Placement).order_by(Placement.rank)).first()
        assert placement is not None
        cited = {c.article_id for s in from_json(placement.story_revision.words).lede for c in s.citations}
        for article in session.scalars(select(Article).where(Article.id.in_(cited))):
            article.headline = article.headline.replace("212", "211")
            article.excerpt = article.excerpt.replace("212", "211")
        session.execute(update(Story).where(Story.id == placement.story_id).values(flagged_at=MORNING))
    looked = _look(desk)
    assert looked["grounding"][0].level == "block"
    assert "number" in looked["grounding"][0].reason
    assert looked["changed-articles"][0].level == "warn"


def test_a_rewritten_passage_whose_facts_still_hold_is_a_warning(desk: Any, sessions: db.Sessions) -> None:
    with sessions.begin() as session:
        for article in session.scalars(select(Article)):
            article.excerpt = article.excerpt.replace(" of ", " of  ")
    found = _look(desk)["grounding"]
    assert {c.level for c in found} <= {"warn", "pass"}
    assert "has changed since" in found[0].reason


def test_a_story_told_again_is_swapped_at_its_place(desk: Any, sessions: db.Sessions) -> None:
    with sessions.begin() as session:
        second = session.scalars(select(Placement).order_by(Placement.rank)).all()[1]
        before = Issue(
            issued_on=date(2026, 3, 1),
            state="dispatched",
            subject="x",
            composed_at=MORNING - timedelta(days=1),
        )
        before.placements = [
            Placement(story_id=second.story_id, story_revision_id=second.story_revision_id, rank=1)
        ]
        session.add(before)
        day = session.scalar(select(Issue.id).where(Issue.issued_on == date.fromisoformat(DAY)))
    looked = _look(desk)["repeated-stories"]
    assert [c.level for c in looked] == ["warn"]
    swap = looked[0].remedies[0]
    assert swap["act"] == "swap"
    with db.reading(sessions) as session:
        old = [
            p.story_id
            for p in session.scalars(
                select(Placement).where(Placement.issue_id == day).order_by(Placement.rank)
            )
        ]
    _press(desk, swap["words"])
    with db.reading(sessions) as session:
        new = [
            p.story_id
            for p in session.scalars(
                select(Placement).where(Placement.issue_id == day).order_by(Placement.rank)
            )
        ]
    assert new == [old[0], int(swap["value"]), *old[2:]]
    assert _level(desk, "repeated-stories") == {"pass"}


def test_subject_and_preheader_follow_the_stories(desk: Any, sessions: db.Sessions) -> None:
    _look(desk)
    first = _headlines(sessions)[0]
    with db.reading(sessions) as session:
        issue = session.scalars(select(Issue)).one()
        assert (issue.subject, issue.preheader) == (
            subject(_headlines(sessions)),
            preheader(_headlines(sessions)),
        )
    drop = lambda s, i: editing.remove_story(s, i, i.placements[0].story_id)  # noqa: E731 - one act
    desk.service.edit(date.fromisoformat(DAY), drop, by="test")
    with db.reading(sessions) as session:
        issue = session.scalars(select(Issue)).one()
        assert first not in f"{issue.subject} {issue.preheader}"
        assert (issue.subject, issue.preheader) == (
            subject(_headlines(sessions)),
            preheader(_headlines(sessions)),
        )


def test_an_operators_own_subject_stays_and_is_named_when_it_fits_no_story(
    desk: Any, sessions: db.Sessions
) -> None:
    first = _headlines(sessions)[0]
    day = date.fromisoformat(DAY)
    own = f"{first} · 9 more"
    desk.service.edit(day, lambda s, i: quick_fixes.set_subject(s, i, line=own), by="test")
    desk.service.edit(day, lambda s, i: editing.remove_story(s, i, i.placements[0].story_id), by="test")
    looked = _look(desk)["subject-fits"]
    assert any(first in c.reason for c in looked)
    assert any("promises 9 more" in c.reason for c in looked)
    _press(desk, looked[0].remedies[0]["words"])
    assert _level(desk, "subject-fits") == {"pass"}


def test_a_side_with_far_more_words_is_named_and_leads_to_the_editor(
    desk: Any, sessions: db.Sessions
) -> None:
    def tilt(text: StoryText) -> StoryText:
        long = replace(text.lede[0], text=" ".join(["So it is said"] * 12) + ".")
        rows = (
            Row(RowKind.LEFT_STRESSES, (long, long)),
            Row(RowKind.RIGHT_STRESSES, (replace(text.lede[0], text="It is not so."),)),
        )
        return replace(text, rows=rows, headlines=())

    _rewrite(sessions, tilt)
    found = _look(desk)["balance"]
    assert {c.level for c in found} == {"warn"}
    assert "gives the left" in found[0].reason
    assert [r["words"] for r in found[0].remedies] == ["Edit it"]


def test_a_dead_link_is_found_and_the_mail_leads_to_our_page(make_desk: Any, sessions: db.Sessions) -> None:
    with FeedServer() as server:
        server.says("/gone", status=404)
        desk = make_desk(FETCH_ALLOW_PRIVATE=server.place).sign_in()
        with sessions.begin() as session:
            session.execute(update(Issue).values(is_sample=False))
            placement = session.scalars(select(Placement).order_by(Placement.rank)).first()
            assert placement is not None
            dead = from_json(placement.story_revision.words).lede[0].citations[0].article_id
            for article in session.scalars(select(Article)):
                here = "/gone" if article.id == dead else f"/there/{article.id}"
                article.url = server.url(here)
                if article.id != dead:
                    server.says(here, body=b"x" * 100_000)
        desk.service.render(date.fromisoformat(DAY))
        desk.get(ISSUE)
        desk.get("")
        assert server.asked == []  # no page asks, only the button does
        assert desk.submit(f"{ISSUE}/check", ISSUE).status_code == 303
        asked = len(server.asked)
        assert asked > 20
        assert desk.submit(f"{ISSUE}/check", ISSUE).status_code == 303
        assert len(server.asked) == asked  # answered lately: not asked again
    with db.reading(sessions) as session:
        (found,) = session.scalars(select(Check).where(Check.name == "links-alive"))
        assert session.get_one(LinkStatus, 1).status in (200, 404)
    assert (found.level, "whose page is gone (404)" in found.reason) == ("warn", True)
    assert "/gone" in desk.get(f"{ISSUE}/frame").text
    _press(desk, "Lead to our own page instead")
    frame = desk.get(f"{ISSUE}/frame").text
    assert "/gone" not in frame
    assert "/there/" in frame
    assert _level(desk, "links-alive") == {"pass"}


def test_an_act_that_is_none_and_a_stale_remedy_change_nothing(desk: Any, sessions: db.Sessions) -> None:
    seen = desk.fields(f"{ISSUE}/edit", f"/desk/{ISSUE}/edit")["seen"]
    token = desk.fields(f"{ISSUE}/edit", f"/desk/{ISSUE}/edit")
    before = _headlines(sessions)
    for values in (
        {"act": "burn"},
        {"act": "swap", "story": "1", "value": "999999"},
        {"act": "swap", "story": "0", "value": "x"},
        {"act": "newest", "story": "99999999999999999999"},
        {"act": "unlink", "value": "0"} | {"seen": "stale"},
        {"act": "subject", "value": " "},
        {"act": "restore", "revision": "7"},
    ):
        answer = desk.post(f"{ISSUE}/edit", **{**token, "part": "", "seen": seen, **values})
        assert answer.status_code in (404, 409), values
        assert "Nothing was done" in answer.text or answer.status_code == 404
    assert _headlines(sessions) == before
    with db.reading(sessions) as session:
        assert not session.scalars(select(AuditEntry).where(AuditEntry.act == "issue.edited")).all()


@pytest.mark.parametrize("state", ["dispatch", "withdraw"])
def test_what_is_on_its_way_offers_no_remedy(desk: Any, sessions: db.Sessions, state: str) -> None:
    plant_loaded(sessions)
    _look(desk)
    assert ">Edit it<" in desk.page(ISSUE)
    if state == "dispatch":
        desk.service.approve(date.fromisoformat(DAY), by="test")
        desk.service.dispatch(date.fromisoformat(DAY))
    else:
        desk.service.withdraw(date.fromisoformat(DAY), by="test", reason="wrong")
    assert ">Edit it<" not in desk.page(ISSUE)
