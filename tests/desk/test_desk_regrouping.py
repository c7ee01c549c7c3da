"""An operator merges, splits and moves; grouping keeps to it, and the audit trail says who and why."""

from __future__ import annotations

from collections import defaultdict

import pytest
from sqlalchemy import select

from newsletter import db
from newsletter.db.models import Article, AuditEntry, Placement, Story
from newsletter.stories import grouping
from tests.conftest import MORNING


def _stories(sessions: db.Sessions) -> dict[int, list[int]]:
    """Which Articles stand in which Story."""
    found: dict[int, list[int]] = defaultdict(list)
    with db.reading(sessions) as session:
        rows = session.execute(
            select(Article.story_id, Article.id).where(Article.story_id.is_not(None)).order_by(Article.id)
        )
        for story, article in rows:
            found[story].append(article)
    return dict(found)


def _unplaced(sessions: db.Sessions) -> list[int]:
    with db.reading(sessions) as session:
        placed = set(session.scalars(select(Placement.story_id)))
    return [s for s in _stories(sessions) if s not in placed]


def _act(desk: object, story: int, act: str, **values: object) -> int:
    page = f"stories/{story}"
    fields = desk.fields(page, f"/desk/{page}")
    return desk.post(page, **{**fields, "act": act, "reason": "Two happenings.", **values}).status_code


def _acts(sessions: db.Sessions) -> list[tuple[str, str]]:
    with db.reading(sessions) as session:
        rows = session.scalars(select(AuditEntry).where(AuditEntry.act.startswith("story."))).all()
    return [(row.act, row.detail["reason"]) for row in rows]


def _group_again(sessions: db.Sessions) -> None:
    grouping.run(sessions, now=MORNING)


@pytest.mark.parametrize("part", ["few", "most"])
def test_a_split_lasts(desk: object, sessions: db.Sessions, part: str) -> None:
    before = _stories(sessions)
    story = max(before, key=lambda s: len(before[s]))
    chosen = before[story][:2] if part == "few" else before[story][1:]
    assert _act(desk, story, "split", article=chosen) == 303
    after = _stories(sessions)
    (new,) = set(after) - set(before)
    assert (after[new], after[story]) == (chosen, [a for a in before[story] if a not in chosen])
    _group_again(sessions)
    assert _stories(sessions) == after
    assert _acts(sessions) == [("story.split", "Two happenings.")]
    with db.reading(sessions) as session:
        slug = session.get_one(Story, new).slug
    assert desk.get(f"/stories/{slug}").status_code in (200, 404)  # it has not been told yet
    assert "made a story of its own out of articles" in desk.page("audit")


def test_a_move_lasts(desk: object, sessions: db.Sessions) -> None:
    before = _stories(sessions)
    one, other = sorted(before, key=lambda s: -len(before[s]))[:2]
    (chosen,) = before[one][:1]
    with db.reading(sessions) as session:
        address = f"http://127.0.0.1:8000/stories/{session.get_one(Story, other).slug}"
    assert _act(desk, one, "move", article=chosen, to=address) == 303
    after = _stories(sessions)
    assert (after[one], after[other]) == (before[one][1:], sorted([*before[other], chosen]))
    _group_again(sessions)
    assert _stories(sessions) == after


def test_a_merge_lasts_and_the_old_address_leads_on(desk: object, sessions: db.Sessions) -> None:
    before = _stories(sessions)
    one, other = _unplaced(sessions)[0], max(before, key=lambda s: len(before[s]))
    assert _act(desk, one, "merge", to=f"{other} whatever it is called") == 303
    after = _stories(sessions)
    assert one not in after
    assert after[other] == sorted(before[one] + before[other])
    _group_again(sessions)
    assert _stories(sessions) == after
    assert desk.get(f"stories/{one}").headers["Location"] == f"/desk/stories/{other}"
    assert _acts(sessions) == [("story.merged", "Two happenings.")]


def test_what_makes_no_sense_is_refused(desk: object, sessions: db.Sessions) -> None:
    before = _stories(sessions)
    with db.reading(sessions) as session:
        placed = session.scalars(select(Placement.story_id)).first()
    assert placed is not None
    other = next(s for s in before if s != placed)
    assert _act(desk, placed, "merge", to=str(other)) == 409  # it stands in today's Issue
    assert _act(desk, placed, "merge", to=str(placed)) == 409
    assert _act(desk, other, "merge", to="99999") == 404
    assert _act(desk, other, "merge", to="no-such-story") == 409
    assert _act(desk, placed, "split") == 409  # nothing chosen
    assert _act(desk, placed, "split", article=before[placed]) == 409  # nothing left
    assert _act(desk, placed, "split", article=before[other][:1]) == 409  # not its own
    assert _act(desk, placed, "split", article=before[placed][:1], reason=" ") == 409
    assert _act(desk, placed, "shred") == 409
    assert desk.get("stories/99999").status_code == 404
    assert _stories(sessions) == before
    assert _acts(sessions) == []
