"""Is everything all right? Whatever beside today's Issue wants a look is said at the top of the first page, with its link."""

from __future__ import annotations

import re
from datetime import date, timedelta
from html import unescape
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import delete, select, update

from newsletter import db
from newsletter.db.models import Article, Delivery, Feed, Issue, Placement, Report, Run
from newsletter.summaries.story_text import from_json
from tests.conftest import MORNING


def _status_line(desk: Any) -> str:
    found = re.search(r'<p class="status-line.*?</p>', desk.page(), re.S)
    assert found
    return unescape(re.sub(r"\s+", " ", found[0]))


def _run(step: str, hours: int, outcome: str) -> Run:
    at = MORNING - timedelta(hours=hours)
    return Run(
        step=step,
        due_at=at,
        started_at=at,
        finished_at=at,
        outcome=outcome,
        error="no" if outcome == "failed" else None,
    )


def test_when_all_is_well_it_says_so_and_stands_before_everything_that_is_pressed(desk: Any) -> None:
    page = desk.page()
    assert "All else is well" in _status_line(desk)
    assert page.index('class="advice') < page.index('class="status-line') < page.index('aria-label="Decide"')


def test_each_trouble_is_named_with_the_page_that_tells_more(desk: Any, sessions: db.Sessions) -> None:
    with sessions.begin() as session:
        session.add(Report(story_id=1, reason="fact", words="", reported_at=MORNING))
        session.add_all(
            [
                _run("gather", 30, "done"),
                _run("gather", 3, "failed"),
                _run("gather", 2, "failed"),
                _run("gather", 1, "running"),
            ]
        )
        session.add_all([_run("lapse", 3, "failed"), _run("lapse", 2, "nothing")])
        session.execute(delete(Run).where(Run.step == "gather", Run.due_at == MORNING))
        session.execute(update(Feed).where(Feed.id.in_([1, 2])).values(failures=3, last_error="no answer"))
        before = Issue(
            issued_on=date(2026, 3, 1), state="held", subject="x", composed_at=MORNING - timedelta(days=1),
            frozen_at=MORNING - timedelta(days=1), audience_size=1,
        )  # fmt: skip
        session.add(before)
        session.flush()
        session.add(
            Delivery(
                issue_id=before.id,
                address_hash="x",
                rendition="full",
                content_hash="x",
                due_at=MORNING,
                state="uncertain",
            )
        )
    said = _status_line(desk)
    for words, place in (
        ("the issue of 1 Mar is held", "issues/2026-03-01"),
        ("1 copy of 1 Mar uncertain", "issues/2026-03-01/dispatch#uncertain"),
        ("gather fails since 2 Mar, 02:00", "runs?only=failed"),
        ("2 feeds in trouble", "outlets?only=trouble"),
        ("1 report by readers open", "reports"),
    ):
        assert f'<a href="/desk/{place}">{words}</a>' in said
        assert desk.get(place).status_code == 200
    assert "lapse" not in said
    assert "status-line--look" in said
    with sessions.begin() as session:
        session.execute(delete(Delivery))
        session.execute(delete(Issue).where(Issue.issued_on == date(2026, 3, 1)))
        session.execute(update(Feed).values(failures=0, last_error=None))
        session.execute(update(Report).values(resolved_at=MORNING))
        session.add(_run("gather", 0, "done"))
    assert "All else is well" in _status_line(desk)


def test_a_deaf_webhook_and_a_changed_article_are_named(make_desk: Any, sessions: db.Sessions) -> None:
    desk = make_desk(MAIL_PROVIDER="sendgrid", SENDGRID_API_KEY=SecretStr("SG.x")).sign_in()
    assert '<a href="/desk/help#alerts">the email provider reports nothing</a>' in _status_line(desk)
    desk.service.approve(MORNING.date(), by="test")
    with sessions.begin() as session:
        placed = session.scalars(select(Placement).order_by(Placement.rank)).first()
        assert placed is not None
        cited = from_json(placed.story_revision.words).cited()
        later = MORNING + timedelta(minutes=1)
        session.execute(update(Article).where(Article.id.in_(cited)).values(changed_at=later))
        story = placed.story_id
    assert (
        f'<a href="/desk/issues/2026-03-02#story-{story}">an article cited on 2 Mar was changed</a>'
        in _status_line(desk)
    )


@pytest.mark.parametrize("refused", [True, False])
def test_a_dispatch_that_waits_says_whether_an_operator_must_act(
    desk: Any, sessions: db.Sessions, refused: bool
) -> None:
    """The relay refuses our password: the desk must not say that there is nothing to do."""
    because = "the relay refused our name and password (535)" if refused else "421 come back later"
    detail = {"paused_until": str(MORNING + timedelta(minutes=5)), "paused_because": because}
    with sessions.begin() as session:
        session.execute(update(Issue).values(state="dispatching", frozen_at=MORNING))
        session.execute(delete(Run).where(Run.step == "dispatch"))
        session.add(
            Run(
                step="dispatch", due_at=MORNING, started_at=MORNING, outcome="done",
                detail={**detail, "refused_us": True} if refused else detail,
            )
        )  # fmt: skip
    page, copies = unescape(desk.page()), unescape(desk.page("issues/2026-03-02/dispatch"))
    for said in (page, copies):
        assert because in said
        assert ("until you mend that" in said, "by itself" in said.split(because)[1][:80]) == (
            refused,
            not refused,
        )
    assert "accepted. Nothing to do" not in page
