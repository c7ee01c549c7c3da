"""An operator without a mouse, through the rest of the day: copies, stories, feeds, reports, readers, operators."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select, update

from newsletter import db
from newsletter.db.models import (
    Article,
    Delivery,
    Feed,
    Issue,
    Operator,
    Report,
    Story,
    Subscriber,
    Subscription,
    Suppression,
)
from newsletter.issues.service import IssueService
from newsletter.subscribers import operators
from tests.conftest import MORNING
from tests.desk.keyboard import Hands

pytestmark = pytest.mark.browser
DAY = "2026-03-02"


@pytest.fixture
def hands(page: Any) -> Hands:
    page.emulate_media(reduced_motion="reduce")
    return Hands(page)


def _all(service: IssueService, *what: Any) -> list[Any]:
    with db.reading(service.sessions) as session:
        return list(session.scalars(select(*what)))


def test_a_dispatch_is_paused_and_its_doubts_are_decided(
    hands: Hands, served: str, service: IssueService
) -> None:
    service.approve(MORNING.date(), by="test")
    service.dispatch(MORNING.date())
    with service.sessions.begin() as session:
        one, other = session.scalars(select(Delivery.id).order_by(Delivery.id))
        session.execute(update(Delivery).values(state="uncertain", reason="it broke off"))
        session.execute(
            update(Delivery).where(Delivery.id == other).values(submitted_at=MORNING.replace(hour=11))
        )
        session.execute(update(Issue).values(state="dispatching", dispatched_at=None))
    hands.page.goto(f"{served}/desk/")
    hands.skip().go("Decide about them", most=1)
    hands.to("How to decide", most=1)
    hands.to("", most=1).press("Space")  # the first copy
    hands.to("It arrived", most=4).press("ArrowDown").press("ArrowUp")
    hands.write("How do you know?", "The reader says so.", most=1).go("Decide", most=1)
    assert [d.state for d in _all(service, Delivery)] == ["accepted", "uncertain"]
    hands.to("How to decide", most=1).to("", most=1).press("Space")
    hands.to("It arrived", most=4).press("ArrowDown")
    hands.write("How do you know?", "The batch never left.", most=1).go("Decide", most=1)
    assert [d.state for d in _all(service, Delivery)] == ["accepted", "withdrawn"]
    assert one != other
    hands.page.goto(f"{served}/desk/issues/{DAY}/dispatch")
    hands.skip().to("Follow it", most=3)
    hands.write("Why stop here?", "A reader found a fault.", most=1).go("Hold: no further batch goes", most=1)
    assert [i.state for i in _all(service, Issue)] == ["held"]
    hands.skip().go("Correct what went out", most=6)
    hands.skip().write("What was wrong", "The vote was on Sunday.", most=4).to("Both editions", most=1).press(
        "Space"
    )
    hands.go("Look at it first", most=1)
    hands.skip().to("Yes, mail this to 1 reader", most=4)
    hands.page.goto(f"{served}/desk/issues/{DAY}/dispatch")
    hands.skip().go("Let it go on", most=3)
    assert hands.page.url.endswith("/dispatch")
    assert [i.state for i in _all(service, Issue)] != ["held"]


def test_articles_are_moved_split_off_and_stories_merged(
    hands: Hands, served: str, service: IssueService
) -> None:
    with db.reading(service.sessions) as session:
        first = session.scalars(select(Story).order_by(Story.id)).first()
        assert first is not None
        number, there = (
            first.id,
            [a.headline for a in sorted(first.articles, key=lambda a: (a.published_at, a.id))],
        )

    def articles(story: int) -> set[str]:
        return set(_of(service, story))

    hands.page.goto(f"{served}/desk/stories/{number}")
    hands.skip().to(there[0], most=6).press("Space").to("Why?", most=8)
    hands.page.keyboard.type("Another ferry.")
    hands.go("Make them a story of their own", most=1)
    own = int(hands.page.url.rpartition("/")[2])
    assert articles(own) == {there[0]}
    hands.page.goto(f"{served}/desk/stories/{number}")
    hands.skip().to(there[1], most=6).press("Space").write("Why?", "The same other ferry.", most=8)
    hands.write("The other story", str(own), most=2).go("Move them to the other story", most=1)
    assert articles(own) == set(there[:2])
    hands.skip().to("Merge the whole story", most=12).press()
    hands.write("The other story", str(number), most=1).write("Why?", "It was one after all.", most=1)
    hands.go("Merge", most=1)
    assert articles(number) == set(there)


def _of(service: IssueService, story: int) -> list[str]:
    with db.reading(service.sessions) as session:
        return list(session.scalars(select(Article.headline).where(Article.story_id == story)))


def test_a_feed_is_paused_and_resumed(hands: Hands, served: str, service: IssueService) -> None:
    hands.page.goto(f"{served}/desk/outlets")
    hands.skip().to("Its last", most=6).press()
    hands.go("Pause: Brindle", most=12)
    assert sum(f.paused_at is not None for f in _all(service, Feed)) == 1
    hands.go("Resume: Brindle", most=3)  # the page came back to where the button stood
    assert not [f for f in _all(service, Feed) if f.paused_at]
    hands.page.goto(f"{served}/desk/outlets")
    hands.skip().go("In trouble", most=3)
    assert "only=trouble" in hands.page.url


def test_a_report_is_dealt_with(hands: Hands, served: str, service: IssueService) -> None:
    with service.sessions.begin() as session:
        session.add(Report(story_id=1, reason="fact", words="It was Tuesday.", reported_at=MORNING))
    hands.page.goto(f"{served}/desk/")
    hands.skip().go("1 report by readers open", most=2)
    hands.skip().write("What was done", "It was Sunday; told them.", most=5).go("Dealt with", most=1)
    assert [r.resolved_at is not None for r in _all(service, Report)] == [True]
    hands.skip().go("Dealt with", most=2)
    assert "It was Tuesday." in hands.page.locator("main").inner_text()


def test_a_reader_is_found_given_the_full_edition_suppressed_and_released(
    hands: Hands, served: str, service: IssueService
) -> None:
    service.approve(MORNING.date(), by="test")
    service.dispatch(MORNING.date())
    reader = _all(service, Subscriber)[0]
    hands.page.goto(f"{served}/desk/readers")
    hands.skip().write("Address, or a part of it", reader.address, most=1).go("Find", most=1)
    assert hands.page.locator("h1").inner_text() == reader.address
    assert "accepted" in hands.page.locator(".trail").inner_text()
    hands.skip().to("Give the full edition", most=4).press()
    hands.write("For how many days?", "30", most=1).write("Why?", "She found a fault.", most=1).go(
        "Give it", most=1
    )
    assert [s.processor for s in _all(service, Subscription)].count("comp") == 1
    hands.skip().to("Take the present back", most=5).press()
    hands.write("Why?", "A slip.", most=1).go("Take it back", most=1)
    hands.skip().to("Suppress this address", most=3).press()
    hands.write("Why? Nothing is mailed", "They asked by telephone.", most=1).go("Suppress", most=1)
    assert [s.reason for s in _all(service, Suppression)] == ["operator"]
    hands.skip().to("Mail it again", most=3).press()
    hands.write("Why?", "They asked again.", most=1).go("Take the suppression back", most=1)
    assert not _all(service, Suppression)


def test_operators_are_let_in_given_a_duty_signed_out_and_removed(
    hands: Hands, served: str, service: IssueService
) -> None:
    hands.page.goto(f"{served}/desk/operators")
    hands.skip().write("Their email address", "ines@example.com", most=4)
    hands.to("Editor", most=1).press("ArrowDown").go("Let them in and mail a link", most=1)
    duties = {o.address: o.duty for o in _all(service, Operator)}
    assert duties["ines@example.com"] == "manager"
    hands.skip().go("Make them an editor: ines", most=6)
    assert {o.address: o.duty for o in _all(service, Operator)}["ines@example.com"] == "editor"
    with service.sessions.begin() as session:
        ines = session.scalars(select(Operator).where(Operator.address == "ines@example.com")).one()
        link = operators.signin_link(ines, tokens=service.tokens, links=service.links)
        operators.sign_in(session, link.rpartition("/")[2], tokens=service.tokens, now=MORNING)
    hands.page.reload()
    hands.skip().go("Sign out: ines", most=14)
    assert hands.page.locator("h2 + .lines").last.inner_text().count("Since") == 1
    hands.skip().go("Remove: ines", most=6)
    assert [o.address for o in _all(service, Operator) if o.removed_at] == ["ines@example.com"]


def test_the_menu_of_a_phone_opens_by_keyboard_and_leads_to_every_page(hands: Hands, served: str) -> None:
    hands.page.set_viewport_size({"width": 375, "height": 667})
    hands.page.goto(f"{served}/desk/")
    hands.to("Today", most=4).press().go("Metrics", most=8)
    assert hands.page.url.endswith("/desk/figures")
    hands.skip().to("What is measured", most=1).to("Readers", most=1)
    hands.to("Show table", most=6).press()
    table = hands.page.locator("table").first
    assert table.is_visible()
    hands.to("", most=1).press("ArrowRight")  # a table wider than the screen is a stop of its own
    hands.go("Sign out", most=60)
    assert "/desk/signin" in hands.page.url
