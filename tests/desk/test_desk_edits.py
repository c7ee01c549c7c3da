"""Operators edit a draft: edits are in its history, can be undone, and never overwrite somebody else's."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape

import pytest
from sqlalchemy import select

from newsletter import db
from newsletter.db.models import AuditEntry, Issue, Placement, Story, StoryRevision
from newsletter.issues.compose import FEWEST_STORIES
from newsletter.summaries.story_text import Verdict, from_json
from tests.conftest import MORNING

DAY = "2026-03-02"
EDIT = f"issues/{DAY}/edit"


def _placed(sessions: db.Sessions) -> list[int]:
    with db.reading(sessions) as session:
        return list(session.scalars(select(Placement.story_id).order_by(Placement.rank)))


def _ranks(sessions: db.Sessions) -> list[int]:
    with db.reading(sessions) as session:
        return list(session.scalars(select(Placement.rank).order_by(Placement.rank)))


def _issue(sessions: db.Sessions) -> Issue:
    with db.reading(sessions) as session:
        return session.scalars(select(Issue)).one()


def _change(desk: object, act: str, story: int = 0, **values: str) -> int:
    fields = {**desk.fields(EDIT, f"/desk/{EDIT}"), "act": act, "story": str(story), **values}
    return desk.post(EDIT, **fields).status_code


def test_new_words_are_a_new_revision_and_stand_in_the_mail_at_once(
    desk: object, sessions: db.Sessions
) -> None:
    story = _placed(sessions)[0]
    with db.reading(sessions) as session:
        before = session.scalars(select(StoryRevision).where(StoryRevision.story_id == story)).one()
    lede = "\n".join(["A first sentence of mine.", *(s.text for s in from_json(before.words).lede)])
    assert _change(desk, "retell", story, headline="Rents capped & <counted>", lede=lede) == 303
    frame = desk.get(f"issues/{DAY}/frame").text
    assert "Rents capped &amp; &lt;counted&gt;" in frame
    assert "A first sentence of mine." in frame
    with db.reading(sessions) as session:
        first, second = session.scalars(
            select(StoryRevision).where(StoryRevision.story_id == story).order_by(StoryRevision.revision)
        ).all()
    assert first.words == before.words
    assert (second.written_by, second.operator_id, second.revision) == ("operator", desk.operator_id, 2)
    mine = from_json(second.words).lede
    assert [s.verdict for s in mine] == [Verdict.OPERATOR] + [Verdict.SUPPORTED] * (len(mine) - 1)
    assert mine[0].citations
    assert mine[0].support == 0.0
    sheet = desk.get(f"issues/{DAY}").text
    assert "Written by an operator, who answers for it." in sheet
    with db.reading(sessions) as session:
        row = session.get(Story, story)
        assert row is not None
    assert "(written by an editor)" in desk.page(f"/stories/{row.slug}")
    assert _change(desk, "back", story, revision="1") == 303
    assert "Rents capped" not in desk.get(f"issues/{DAY}/frame").text
    assert _change(desk, "back", story, revision="9") == 404
    assert _change(desk, "retell", story, headline=" ", lede="x") == 409


@pytest.mark.slow
def test_stories_are_moved_dropped_and_put_back(desk: object, sessions: db.Sessions) -> None:
    a, b, *others = _placed(sessions)
    assert _change(desk, "down", a) == 303
    assert _placed(sessions) == [b, a, *others]
    assert _change(desk, "up", a) == 303
    assert _change(desk, "up", a) == 303  # at the top already
    assert _placed(sessions) == [a, b, *others]
    assert _change(desk, "drop", b) == 303
    assert _placed(sessions) == [a, *others]
    assert _ranks(sessions) == list(range(1, len(others) + 2))
    assert _change(desk, "put-in", b) == 303
    assert _placed(sessions) == [a, *others, b]
    assert _change(desk, "put-in", b) == 409
    assert _change(desk, "put-in", 999) == 404
    assert _change(desk, "drop", 999) == 404
    *more, last = [a, b, *others][: len(others) + 2 - FEWEST_STORIES + 1]
    for story in more:
        assert _change(desk, "drop", story) == 303
    assert _change(desk, "drop", last) == 409
    assert len(_placed(sessions)) == 3
    with db.reading(sessions) as session:
        acts = session.scalars(select(AuditEntry.act).where(AuditEntry.about == f"issue:{DAY}")).all()
    assert set(acts) == {"issue.edited"}


def test_what_is_offered_does_not_stand_in_the_issue(desk: object, sessions: db.Sessions) -> None:
    offered = unescape(desk.page(EDIT)).partition("Put another one in")[2]
    with db.reading(sessions) as session:
        told = session.scalars(select(StoryRevision)).all()
        stands = {t.words["headline"] for t in told if t.story_id in _placed(sessions)}
    found = {t.words["headline"] for t in told if t.words["headline"] in offered}
    assert len(found) >= 2
    assert not found & stands


def test_the_subject_line_is_changed_and_never_empty(desk: object, sessions: db.Sessions) -> None:
    assert (
        _change(desk, "envelope", subject="Rent,\n\n storm & court", preheader="Also.", intro="Good morning.")
        == 303
    )
    assert _issue(sessions).subject == "Rent, storm & court"
    assert "Good morning." in desk.get(f"issues/{DAY}/frame").text
    assert _change(desk, "envelope", subject=" ") == 409


def test_an_edit_takes_the_approval_back(desk: object, sessions: db.Sessions) -> None:
    desk.service.approve(MORNING.date(), by="test")
    approved = _issue(sessions).content_hash
    assert _change(desk, "down", _placed(sessions)[0]) == 303
    issue = _issue(sessions)
    assert (issue.state, issue.approved_at, issue.content_hash) == ("draft", None, None)
    desk.service.approve(MORNING.date(), by="test")
    assert _issue(sessions).content_hash not in (None, approved)


def test_what_is_held_stays_held_while_it_is_edited(desk: object, sessions: db.Sessions) -> None:
    desk.service.approve(MORNING.date(), by="test")
    desk.service.hold(MORNING.date(), by="test", reason="wait")
    assert _change(desk, "envelope", subject="Other words") == 303
    assert _issue(sessions).state == "held"
    assert "Other words" in desk.page(f"issues/{DAY}")
    desk.service.resume(MORNING.date(), by="test")
    assert _issue(sessions).state == "draft"
    with db.reading(sessions) as session:
        assert all("Other words" in r.subject for r in session.scalars(select(Issue)).one().renditions)


@pytest.mark.parametrize("end", ["dispatch", "withdraw"])
def test_what_is_on_its_way_or_withdrawn_is_not_edited(desk: object, sessions: db.Sessions, end: str) -> None:
    fields = desk.fields(EDIT, f"/desk/{EDIT}")
    if end == "dispatch":
        desk.service.approve(MORNING.date(), by="test")
        desk.service.dispatch(MORNING.date())
    else:
        desk.service.withdraw(MORNING.date(), by="test", reason="wrong")
    before = _issue(sessions).subject
    assert "it is not edited any more" in desk.page(EDIT)
    with db.reading(sessions) as session:
        from newsletter.issues.service import standing

        fields["seen"] = standing(session, session.scalars(select(Issue)).one())
    assert desk.post(EDIT, **{**fields, "act": "envelope", "subject": "Late"}).status_code == 409
    assert _issue(sessions).subject == before


def test_rows_are_told_anew_and_taken_out(desk: object, sessions: db.Sessions) -> None:
    with db.reading(sessions) as session:
        texts = {
            story: from_json(
                session.scalars(select(StoryRevision).where(StoryRevision.story_id == story)).one().words
            )
            for story in _placed(sessions)
        }
    story, before = next((s, t) for s, t in texts.items() if len(t.rows) >= 2)
    kept = before.rows[0].sentences[0]
    change = {"row-0": f"{kept.text}\nThis side says <more>.", "row-1": " "}
    assert _change(desk, "retell-rows", story, **change) == 303
    with db.reading(sessions) as session:
        newest = session.scalars(
            select(StoryRevision)
            .where(StoryRevision.story_id == story)
            .order_by(StoryRevision.revision.desc())
        ).first()
    assert newest is not None
    assert (newest.revision, newest.operator_id) == (2, desk.operator_id)
    after = from_json(newest.words)
    told = after.rows[0].sentences
    assert [(s.text, s.verdict) for s in told] == [
        (kept.text, kept.verdict),
        ("This side says <more>.", Verdict.OPERATOR),
    ]
    assert {c.article_id for c in told[1].citations} == {
        c.article_id for s in before.rows[0].sentences for c in s.citations
    }
    assert after.rows[1:] == before.rows[2:]
    assert after.headlines == before.headlines


def test_whoever_is_slower_sees_both_texts_and_loses_neither(
    make_desk: Callable[..., object], sessions: db.Sessions
) -> None:
    one, other = make_desk("one@example.com").sign_in(), make_desk("two@example.com").sign_in()
    stale = one.fields(EDIT, f"/desk/{EDIT}")
    assert _change(other, "envelope", subject="The other’s words", preheader="Also theirs.") == 303
    refused = one.post(EDIT, **{**stale, "act": "envelope", "subject": "Mine <b>", "preheader": "Also mine."})
    assert refused.status_code == 409
    page = unescape(refused.text)
    for words in ("The other’s words", "Mine <b>", "Also theirs.", "Also mine.", "two@example.com"):
        assert words in page
    assert _issue(sessions).subject == "The other’s words"
    form = next(f for f in re.findall(r"<form\b.*?</form>", refused.text, re.S) if "Put mine" in f)
    fields = {n: unescape(v) for n, v in re.findall(r'name="([^"]+)" value="([^"]*)"', form)}
    fields |= {n: unescape(v) for n, v in re.findall(r'name="([^"]+)">([^<]*)</textarea>', form)}
    assert one.post(EDIT, **fields).status_code == 303
    assert (_issue(sessions).subject, _issue(sessions).preheader) == ("Mine <b>", "Also mine.")


def test_two_who_change_different_parts_do_not_get_in_each_others_way(
    make_desk: Callable[..., object], sessions: db.Sessions
) -> None:
    one, other = make_desk("one@example.com").sign_in(), make_desk("two@example.com").sign_in()
    stale = one.fields(EDIT, f"/desk/{EDIT}")
    story = _placed(sessions)[0]
    with db.reading(sessions) as session:
        placed = session.scalars(select(Placement).order_by(Placement.rank)).first()
        assert placed is not None
        headline = placed.story_revision.words["headline"]  # another one would change the subject line, too
    assert _change(other, "retell", story, headline=headline, lede="Something new.", part="") == 303
    assert one.post(EDIT, **{**stale, "act": "envelope", "subject": "Mine"}).status_code == 303
    with db.reading(sessions) as session:
        told = session.scalars(select(Placement).order_by(Placement.rank)).first()
        assert told is not None
        assert told.story_revision.words["lede"][0]["text"] == "Something new."
    # An approval in between is no small matter: the slower one is asked.
    stale = one.fields(EDIT, f"/desk/{EDIT}")
    other.service.approve(MORNING.date(), by="test")
    refused = one.post(EDIT, **{**stale, "act": "envelope", "subject": "Late"})
    assert refused.status_code == 409
    assert "takes the approval back" in refused.text
    assert _issue(sessions).state == "approved"


@pytest.mark.slow
def test_every_change_of_the_issue_can_be_undone(desk: object, sessions: db.Sessions) -> None:
    a, b, *others = _placed(sessions)
    subject = _issue(sessions).subject
    assert "Not edited yet" in desk.page(EDIT)
    assert _change(desk, "envelope", subject="Other words", intro="Hello.") == 303
    assert _change(desk, "drop", b) == 303
    assert _change(desk, "down", a) == 303
    assert _change(desk, "retell", a, headline="Mine", lede="Mine too.", part="") == 303
    page = desk.page(EDIT)
    assert page.count("Go back to it: revision") == 4  # three of the issue, one of the story
    assert "Undo the last change" in page
    frame = desk.get(f"issues/{DAY}/frame").text
    assert _change(desk, "restore", revision="1") == 303
    assert _placed(sessions) == [a, b, *others]
    assert (_issue(sessions).subject, _issue(sessions).intro) == (subject, "")
    assert "Mine too." not in desk.get(f"issues/{DAY}/frame").text
    assert _change(desk, "restore", revision="5") == 303  # and forward again
    assert desk.get(f"issues/{DAY}/frame").text == frame
    assert _change(desk, "restore", revision="99") == 404
    assert _change(desk, "restore") == 404
