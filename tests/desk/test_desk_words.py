"""What the desk says is so: of one copy and of many, and of a proof of which nothing was heard."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from newsletter import db
from newsletter.db.models import Delivery, Issue
from tests.conftest import MORNING
from tests.servers.sendgrid_server import KEY, SendGridServer
from tests.subscribers.readers import make_reader

ISSUE = "issues/2026-03-02"


@pytest.mark.parametrize(
    ("status", "said"), [(500, "Whether the proof left is not known"), (429, "The proof did not leave")]
)
def test_a_proof_that_may_have_left_is_not_said_to_have_stayed(make_desk, status: int, said: str) -> None:
    with SendGridServer(fault=lambda *_: status) as far_side:
        to = {"MAIL_PROVIDER": "sendgrid", "SENDGRID_API_KEY": SecretStr(KEY), "SENDGRID_HOST": far_side.url}
        page = make_desk(**to).sign_in().submit(f"{ISSUE}/proof", ISSUE).text
    assert said in page
    assert ("Look into your mailbox" in page) == (status == 500)


@pytest.mark.parametrize(
    ("accepted", "said"),
    [
        (0, "Nobody has got it, and nobody will."),
        (
            1,
            "1 copy was accepted already and stays with its reader. 1 copy that is still pending never goes.",
        ),
        (2, "2 copies were accepted already and stay with their readers. 0 copies that are still pending"),
    ],
)
def test_withdrawing_says_how_many_it_no_longer_reaches(
    desk, sessions: db.Sessions, accepted: int, said: str
) -> None:
    with sessions.begin() as session:
        issue = session.scalars(select(Issue)).one()
        if accepted:
            issue.state, issue.frozen_at, issue.audience_size = "dispatching", MORNING, 2
        for number in (1, 2) if accepted else ():
            session.add(
                Delivery(
                    issue_id=issue.id,
                    subscriber_id=None,
                    address_hash=f"{number:064}",
                    rendition="full",
                    content_hash="x",
                    due_at=MORNING,
                    state="accepted" if number <= accepted else "pending",
                )
            )
    assert said in desk.page(f"{ISSUE}/withdraw")


@pytest.mark.parametrize(("until", "said"), [(1, "paused until Tuesday, 3 March 2026"), (0, ""), (-9, "")])
def test_a_pause_that_is_over_is_none(desk, sessions: db.Sessions, until: int, said: str) -> None:
    day = MORNING.date() + timedelta(days=until)
    ann = make_reader(sessions, MORNING, paused_until=day)
    page = desk.page(f"readers/{ann.id}")
    assert said in page
    assert ("paused until" in page) == bool(said)


def test_a_reader_whose_address_would_be_refused_today_has_their_page_all_the_same(
    desk, sessions: db.Sessions
) -> None:
    ann = make_reader(sessions, MORNING, "x" * 70 + "@example.com")
    assert "No issue has been dispatched yet" in desk.page(f"readers/{ann.id}")
