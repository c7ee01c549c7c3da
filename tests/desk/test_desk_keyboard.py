"""An operator without a mouse, on an Issue: every act by Tab, Enter, Space and the arrow keys, each stop seen on the way."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from newsletter import db
from newsletter.db.models import Check, Issue, Placement
from newsletter.issues import editing
from newsletter.issues.service import IssueService
from tests.conftest import MORNING
from tests.desk.conftest import plant_false
from tests.desk.keyboard import Hands

pytestmark = pytest.mark.browser
DAY = "2026-03-02"


@pytest.fixture
def hands(page: Any, served: str) -> Hands:
    """On the Issue's page, whose every stop is told by :mod:`tests.desk.keyboard`."""
    page.emulate_media(reduced_motion="reduce")
    page.goto(f"{served}/desk/issues/{DAY}")
    return Hands(page)


def _issue(service: IssueService) -> Issue:
    with db.reading(service.sessions) as session:
        return session.scalars(select(Issue)).one()


def _headlines(service: IssueService) -> list[str]:
    with db.reading(service.sessions) as session:
        rows = session.scalars(select(Placement).order_by(Placement.rank))
        return [str(p.story_revision.words["headline"]) for p in rows]


def _words(service: IssueService, place: int) -> dict[str, Any]:
    with db.reading(service.sessions) as session:
        found = session.scalars(select(Placement).where(Placement.rank == place)).one()
        return dict(found.story_revision.words)


def test_approve_edit_hold_resume_proof_and_withdraw(hands: Hands, service: IssueService) -> None:
    page = hands.page
    hands.skip().go("Approve", most=4)
    assert _issue(service).state == "approved"
    hands.skip().go("Mail me a proof", most=4)
    assert "A proof is on its way to you" in page.locator("h1").inner_text()
    hands.skip().go("Back to the issue", most=3)
    hands.skip().to("Hold it", most=6).press().write("Why?", "A name looks wrong.", most=1).go(
        "Hold:", most=1
    )
    assert (_issue(service).state, _issue(service).hold_reason) == ("held", "A name looks wrong.")
    hands.skip().go("Resume", most=4)
    assert _issue(service).state in ("draft", "approved")
    hands.skip().go("Withdraw", most=8)
    hands.skip().write("Why?", "It is a mess.", most=2).to("Yes, withdraw", most=1).press("Space").go(
        "Withdraw it", most=1
    )
    assert _issue(service).state == "withdrawn"


def test_what_is_written_goes_into_the_issue(hands: Hands, service: IssueService) -> None:
    headline = _headlines(service)[0]
    hands.skip().go("Edit", most=6)
    hands.skip().write("Subject line", "Rent, rain and a ferry").write(
        "Preheader", "And four more stories of the day"
    )
    hands.write("Intro", "Good morning.").go("Save", most=1)
    row = _issue(service)
    assert (row.subject, row.preheader, row.intro) == (
        "Rent, rain and a ferry", "And four more stories of the day", "Good morning.",
    )  # fmt: skip
    hands.skip().to("Words and revisions").press()
    hands.write("Headline", "The Assembly caps rents", most=1).write("Lede", "It voted on Sunday.", most=1)
    hands.go("Keep as a new revision", most=2)
    words = _words(service, 1)
    assert (words["headline"], words["lede"][0]["text"]) == ("The Assembly caps rents", "It voted on Sunday.")
    hands.skip().to("Words and revisions").press()
    hands.write("Left outlets stress, one sentence a line", "The left welcomes it.")
    hands.go("Save as a new revision")
    words = _words(service, 1)
    assert "The left welcomes it." in str(words["rows"])
    hands.skip().to("Words and revisions").press().go("Go back to it: revision 1 of")
    assert _headlines(service)[0] == headline


def test_the_order_changes_and_every_change_can_be_undone(hands: Hands, service: IssueService) -> None:
    first, second, third, *rest = before = _headlines(service)
    hands.skip().go("Edit", most=6)
    hands.skip().go(f"Down: {first}")
    assert _headlines(service) == [second, first, third, *rest]
    hands.skip().go(f"Up: {third}")
    assert _headlines(service) == [second, third, first, *rest]
    hands.skip().go(f"Drop: {second}")
    assert _headlines(service) == [third, first, *rest]
    hands.skip().go("Put in: Bank of Halvern")
    assert _headlines(service)[-1].startswith("Bank of Halvern")
    hands.skip().go("Undo the last change")
    assert _headlines(service) == [third, first, *rest]
    hands.skip().go("Go back to it: revision 1")
    assert _headlines(service) == before


def test_of_two_texts_one_is_chosen(hands: Hands, service: IssueService) -> None:
    page = hands.page
    hands.skip().go("Edit", most=6)

    def other(subject: str) -> None:
        service.edit(
            MORNING.date(),
            lambda s, i: editing.edit_envelope(s, i, subject=subject, preheader=i.preheader, intro=i.intro),
            by="operator:1",
        )

    other("The other’s words")
    hands.skip().write("Subject line", "My words").go("Save")
    assert page.locator("h1").inner_text() == "Somebody was faster"
    shown = page.locator(".pair--texts").inner_text() + page.locator("#f-subject").input_value()
    assert "The other’s words" in shown
    assert "My words" in shown
    hands.skip().go("Put mine in its place", most=4)
    assert _issue(service).subject == "My words"
    other("Theirs again")
    hands.skip().write("Subject line", "Mine again").go("Save")
    hands.skip().go("Leave it as it stands", most=5)
    assert _issue(service).subject == "Theirs again"


def test_one_press_mends_what_a_check_names_and_checks_anew(hands: Hands, service: IssueService) -> None:
    plant_false(service.sessions)
    service.render(MORNING.date())
    service.check(MORNING.date())
    hands.page.reload()
    hands.skip().go("Take out what does not hold", most=12)
    with db.reading(service.sessions) as session:
        assert set(session.scalars(select(Check.level).where(Check.name == "grounding"))) == {"pass"}
    hands.go("Check again", most=3)  # the page came back to where the button stood
    hands.go("How to set it", most=4)
    assert hands.page.url.endswith("/desk/help#postal-address")


def test_a_blocking_check_is_passed_with_a_written_reason_only(hands: Hands, service: IssueService) -> None:
    with service.sessions.begin() as session:
        issue = session.scalars(select(Issue)).one()
        session.add(
            Check(
                issue_id=issue.id, name="size", level="block", reason="It is too large.", checked_at=MORNING
            )
        )
    hands.page.reload()
    hands.skip().to("See what mends it", most=1)
    hands.to("Approve all the same", most=4).press()
    assert _issue(service).state == "draft"  # the browser asks for the reason
    stop = hands.stop()  # and leads to where it is written
    assert stop is not None
    assert stop["name"].startswith("Why it may go")
    hands.page.keyboard.type("Two pages are no harm.")
    hands.go("Approve all the same", most=1)
    assert _issue(service).state == "approved"


def test_the_mail_is_looked_at_and_passed_by(hands: Hands) -> None:
    page = hands.page
    hands.skip().go("Metered").go("375 px", most=8).go("Forced dark", most=12)
    assert ("kind=metered" in page.url, "width=375" in page.url, "scheme=forced" in page.url) == (
        True,
        True,
        True,
    )
    hands.to("Past the mail", most=40).press().to("A reader in", most=2)
    hands.press("ArrowDown").to("at", most=1).press("ArrowDown").go("When does it arrive?", most=1)
    assert "It arrives Monday at 07:00" in page.locator(".arrives__answer").inner_text()
    hands.to("Past the mail", most=20).press().to("1. Assembly passes", most=12)
    hands.press().to("Lede", most=2).press()
    assert page.locator(".said__verdict").first.is_visible()
