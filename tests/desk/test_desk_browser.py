"""The desk in a real Chromium: accessible by colour, size and keyboard, with every view of the mail."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from newsletter import db
from newsletter.db.models import Delivery, Issue, Placement, StoryRevision
from newsletter.issues import editing
from newsletter.issues.service import IssueService
from newsletter.summaries.story_text import from_json, to_json
from tests.axe import violations
from tests.browsing import follow
from tests.conftest import MORNING

pytestmark = pytest.mark.browser
DAY = "2026-03-02"
PAGES = (
    "", f"issues/{DAY}?form=text", f"issues/{DAY}/dispatch", f"issues/{DAY}/withdraw", "issues", f"issues/{DAY}/edit", "stories", "outlets",
    "stories/1", "reports", "readers", "readers/1", "figures", "runs", "outbox", "operators", "audit", "help",
)  # fmt: skip
WCAG = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    }
}


def test_no_desk_page_shuts_anybody_out(page: Any, served: str, service: IssueService) -> None:
    service.approve(MORNING.date(), by="test")
    service.dispatch(MORNING.date())
    faults = []
    for path in PAGES:
        page.goto(f"{served}/desk/{path}")
        faults += _faults(page, path)
    assert not faults, "\n".join(map(str, faults))


VIEWS = ((375, "light"), (375, "dark"), (1280, "light"), (1280, "dark"))
APART = (VIEWS[0], VIEWS[3])  # of pages with everything unfolded, which axe needs long for
# Where the dark page has the very shape of the light one, only its colours can be at fault.
COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
SHAPE = """() => [...document.querySelectorAll('*')].map(e => { const r = e.getBoundingClientRect(), s = getComputedStyle(e);
return [e.tagName, r.x, r.y, r.width, r.height, s.display, s.visibility, s.opacity] }).join()"""


def _faults(page: Any, name: str, views: tuple[tuple[int, str], ...] = VIEWS) -> list[tuple[str, ...]]:
    """What axe finds, and what is wider than the screen, on a phone and a desk, in light and in dark."""
    found, shapes = [], set()
    for width, scheme in views:
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        shape = (width, page.evaluate(SHAPE))
        for v in violations(page, COLOURS if shape in shapes else WCAG):
            found.append((name, f"{width} {scheme}", v["id"], v["nodes"][0]["html"][:120]))
        shapes.add(shape)
        if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            found.append((name, f"{width} {scheme}", "wider than the screen"))
    return found


def test_what_answers_a_form_shuts_nobody_out(page: Any, served: str, service: IssueService) -> None:
    """The pages no address alone leads to: both texts, nothing done, a proof, a mail, a correction looked at."""
    open_all = "document.querySelectorAll('details:not(.deskmenu)').forEach(d => d.open = true)"
    home, faults = f"{served}/desk/issues/{DAY}", []

    def rename(subject: str) -> None:
        service.edit(
            MORNING.date(),
            lambda s, i: editing.edit_envelope(s, i, subject=subject, preheader=i.preheader, intro=i.intro),
            by="operator:1",
        )

    for part in ("", "/edit"):
        page.goto(home + part)
        page.evaluate(open_all)
        faults += _faults(page, f"draft{part}", APART)
    rename("Somebody else’s words")
    page.get_by_label("Subject line").fill("Mine")
    follow(page, page.get_by_role("button", name="Save").first)
    assert page.locator("h1").inner_text() == "Somebody was faster"
    faults += _faults(page, "both texts")
    page.goto(home)
    rename("And again")
    follow(page, page.get_by_role("button", name="Approve"))
    assert page.locator("h1").inner_text() == "Nothing was done"
    faults += _faults(page, "nothing was done")
    page.goto(home)
    follow(page, page.get_by_role("button", name="Mail me a proof"))
    faults += _faults(page, "proof")
    page.goto(f"{served}/desk/outbox")
    follow(page, page.locator(".lines__main").first)
    page.evaluate(open_all)
    faults += _faults(page, "a mail", APART)
    page.goto(f"{served}/desk/readers")
    page.get_by_label("Address, or a part of it").fill("example")
    follow(page, page.get_by_role("button", name="Find"))
    faults += _faults(page, "readers found")
    service.approve(MORNING.date(), by="test")
    service.dispatch(MORNING.date())
    page.goto(f"{home}/correct")
    page.get_by_label("What was wrong").fill("The vote was on Sunday.")
    page.get_by_label("Both editions").check()
    follow(page, page.get_by_role("button", name="Look at it first"))
    faults += _faults(page, "a correction looked at")
    with service.sessions.begin() as session:
        session.execute(update(Delivery).values(state="uncertain", reason="it broke off"))
    page.goto(f"{home}/dispatch")
    page.evaluate(open_all)
    faults += _faults(page, "copies in doubt", APART)
    page.goto(f"{served}/desk/issues/2020-01-01")
    faults += _faults(page, "not found")
    with service.sessions.begin() as session:
        session.execute(update(Issue).values(issued_on=MORNING.date() - timedelta(days=1)))
    page.goto(f"{served}/desk/")
    assert page.locator("h1").inner_text() == "No issue yet today"
    faults += _faults(page, "no issue yet")
    assert not faults, "\n".join(map(str, faults))


def test_the_sign_in_pages_shut_nobody_out(chromium: Any, served: str, link: str) -> None:
    one = chromium.new_page(viewport={"width": 375, "height": 800})
    for address in (f"{served}/desk/signin", link, f"{served}/desk/signin/broken"):
        one.goto(address)
        assert not [v["id"] for v in violations(one, WCAG)], address
    one.close()


def test_the_desk_needs_no_script(chromium: Any, link: str, served: str, service: IssueService) -> None:
    context = chromium.new_context(java_script_enabled=False)
    one = context.new_page()
    one.goto(link)
    follow(one, one.get_by_role("button", name="Sign me in"))
    follow(one, one.get_by_role("link", name="Metered"))
    follow(one, one.get_by_role("link", name="375 px"))
    follow(one, one.get_by_role("link", name="Dark", exact=True))
    assert "kind=metered" in one.url
    assert "width=375" in one.url
    frame = one.frame_locator("iframe")
    assert "short edition" in frame.locator("body").inner_text()
    one.get_by_text("Hold it", exact=True).click()
    one.get_by_label("Why?").fill("A quote is in doubt.")
    follow(one, one.get_by_role("button", name="Hold:"))
    assert "A quote is in doubt." in one.locator(".advice").inner_text()
    assert service.view(MORNING.date()).state == "held"
    context.close()


def _weaken(sessions: db.Sessions) -> None:
    """Have a sentence of the first Story carried by half of its words: the edition's own may all be stronger."""
    with sessions.begin() as session:
        placed = session.scalars(select(Placement).order_by(Placement.rank)).first()
        assert placed is not None
        told = from_json(placed.story_revision.words)
        weak = replace(told, overview=(replace(told.overview[0], support=0.5), *told.overview[1:]))
        session.execute(
            update(StoryRevision)
            .where(StoryRevision.id == placed.story_revision_id)
            .values(words=to_json(weak))
        )


def test_on_a_phone_the_menu_and_the_grounds_are_folded_and_what_is_weak_stands_open(
    chromium: Any, link: str, served: str, sessions: db.Sessions
) -> None:
    _weaken(sessions)
    context = chromium.new_context(java_script_enabled=False, viewport={"width": 375, "height": 800})
    one = context.new_page()
    one.goto(link)
    follow(one, one.get_by_role("button", name="Sign me in"))
    assert one.evaluate("document.documentElement.scrollHeight") < 5 * 800
    weak = one.locator(".sheet__evidence > .said .said__text").all_inner_texts()
    assert weak
    assert all(one.get_by_text(words, exact=True).first.is_visible() for words in weak)
    story = one.locator("details.ground").first
    said = story.locator(".said__text")
    assert said.count() > 3
    assert not said.first.is_visible()
    story.locator("summary").first.click()
    story.locator("details.part summary").first.click()
    assert said.first.is_visible()
    assert not one.get_by_role("link", name="Audit").is_visible()
    one.locator(".deskmenu summary").click()
    follow(one, one.get_by_role("link", name="Audit"))
    assert one.url.endswith("/desk/audit")
    context.close()


def test_the_preview_is_as_wide_and_as_dark_as_asked(page: Any, served: str) -> None:
    page.set_viewport_size({"width": 1400, "height": 900})
    card = "getComputedStyle(document.querySelector('.card')).backgroundColor"
    shown = {}
    for width in ("375", "600"):
        for scheme in ("light", "dark"):
            page.goto(f"{served}/desk/?width={width}&scheme={scheme}")
            frame = page.frames[1]
            frame.wait_for_load_state()
            assert page.locator("iframe").bounding_box()["width"] == int(width)
            shown[width, scheme] = page.frames[1].content()
            assert frame.evaluate(card) == ("rgb(27, 29, 32)" if scheme == "dark" else "rgb(255, 253, 248)")
    assert shown["375", "dark"] == shown["600", "dark"] != shown["600", "light"]


def test_a_mailbox_that_darkens_unasked_is_played(page: Any, served: str) -> None:
    page.emulate_media(color_scheme="dark")
    page.goto(f"{served}/desk/?scheme=forced")
    frame = page.frames[1]
    frame.wait_for_load_state()
    assert "invert(1)" in frame.evaluate("getComputedStyle(document.documentElement).filter")
    card = "getComputedStyle(document.querySelector('.card')).backgroundColor"
    assert frame.evaluate(card) == "rgb(255, 253, 248)"  # the mail's own dark rules were not asked
    assert page.get_by_role("link", name="Forced dark").get_attribute("aria-current") == "true"


def test_a_script_in_the_frame_does_not_run(page: Any, served: str, service: IssueService) -> None:
    from sqlalchemy import update

    from newsletter.db.models import Rendition

    said: list[str] = []
    page.on("dialog", lambda d: (said.append(d.message), d.dismiss()))
    with service.sessions.begin() as session:
        bad = "<html><head></head><body><script>alert(1)</script><img src=x onerror=alert(2)><p>Here.</p></body></html>"
        session.execute(update(Rendition).values(html=bad))
    page.goto(f"{served}/desk/")
    assert page.frame_locator("iframe").locator("p").inner_text() == "Here."
    page.goto(f"{served}/desk/issues/{DAY}/frame")  # and not when it is opened on its own either
    assert page.locator("p").inner_text() == "Here."
    assert page.evaluate("self.origin") == "null"
    assert said == []


def test_an_issue_is_approved_by_keyboard_alone(page: Any, service: IssueService) -> None:
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    for _ in range(4):  # the skip link leads past the bar
        page.keyboard.press("Tab")
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none", page.evaluate("document.activeElement.outerHTML")
        if page.evaluate("document.activeElement.textContent") == "Approve":
            break
    else:
        pytest.fail("Tab does not lead to Approve")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert page.url.endswith(f"/desk/issues/{DAY}")
    assert service.view(MORNING.date()).state == "approved"
