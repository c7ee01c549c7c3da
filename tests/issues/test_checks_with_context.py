"""Checks that need to know more than the Issue itself: each passes a good Issue and finds its own fault."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from test_checks import SETTINGS, changed, good, made

from newsletter.feeds.leans import Side
from newsletter.issues.checks.color_contrast import AA, poor_contrasts, ratio
from newsletter.issues.checks.findings import Answering, Earlier, LinkState, Offered
from newsletter.issues.checks.mailed_page import read_page
from newsletter.issues.checks.registry import CheckContext, check
from newsletter.settings import Settings
from tests.issues.issue_values import issue, story

BEFORE = date(2026, 3, 1)


def one(
    name: str, known: CheckContext, *, view: Any = None, settings: Settings = SETTINGS
) -> tuple[str, str, list[str]]:
    """The gravest finding of one Check: level, reason, and the acts of its remedies."""
    view = view or issue()
    mails = good() if view == issue() else made(view)
    found = [f for f in check(view, mails, settings=settings, context=known) if f.name == name]
    worst = min(found, key=lambda f: ("block", "warn", "pass").index(f.level))
    return worst.level, worst.reason, [r.act for r in worst.remedies]


@pytest.mark.parametrize(
    ("now", "before", "level"),
    [(0, None, "warn"), (5, None, "pass"), (1000, 1000, "pass"), (1099, 1000, "pass"), (1200, 1000, "warn"),
     (880, 1000, "warn"), (12, 30, "pass"), (499, 1000, "block"), (9, 30, "warn"), (0, 500, "warn")],
)  # fmt: skip
def test_the_audience_against_yesterday(now: int, before: int | None, level: str) -> None:
    known = CheckContext(audience=now, audience_before=before, before_on=BEFORE if before else None)
    found = one("audience", known)
    assert found[0] == ("block" if (now, before) == (0, 500) else level)
    assert f"{now:,}" in found[1] or not now


def test_outlets_that_were_not_reached_are_named_by_side() -> None:
    well = (
        Answering(Side.LEFT, 9, ("The Lantern",)),
        Answering(Side.CENTER, 8, ()),
        Answering(Side.RIGHT, 9, ()),
    )
    level, reason, _ = one("outlets", CheckContext(answering=well))
    assert (level, "1 of 26" in reason, "The Lantern" in reason) == ("pass", True, True)
    ill = (*well[:2], Answering(Side.RIGHT, 9, ("A", "B", "C", "D")))
    level, reason, acts = one("outlets", CheckContext(answering=ill))
    assert (level, acts) == ("warn", ["go"])
    assert "4 of 9 outlets of the right" in reason


def test_a_story_of_yesterday_is_named_unless_it_says_what_is_new() -> None:
    first = issue().stories[0]
    known = CheckContext(
        earlier=(Earlier(first.id, first.headline, BEFORE),), offered=(Offered(99, "Another", False),)
    )
    level, reason, acts = one("repeated-stories", known)
    assert (level, acts) == ("warn", ["swap", "drop"])
    assert "1 March 2026" in reason
    told = replace(
        issue(), stories=(replace(first, development="6 more articles since yesterday"), *issue().stories[1:])
    )
    assert one("repeated-stories", known, view=told)[0] == "pass"
    alike = CheckContext(earlier=(Earlier(77, first.headline + " again", BEFORE),))
    assert one("repeated-stories", alike)[0] == "warn"


@pytest.mark.parametrize(
    ("state", "level"),
    [(LinkState(200), "pass"), (LinkState(403), "pass"), (LinkState(404), "warn"), (LinkState(410), "warn"),
     (LinkState(503), "warn"), (LinkState(None, "No answer."), "warn")],
)  # fmt: skip
def test_links_that_are_gone_and_links_that_are_mute(state: LinkState, level: str) -> None:
    article = issue().stories[0].articles[0]
    found = one("links-alive", CheckContext(links={article.id: state}, links_asked=True))
    assert found[0] == level
    assert found[2] == ({"pass": [], "warn": ["unlink"] if state.is_dead else ["check"]}[level])


def test_the_senders_domain_matters_where_mail_leaves() -> None:
    leaving = SETTINGS.model_copy(update={"MAIL_PROVIDER": "sendgrid"})
    assert one("sender-domain", CheckContext(sender=("warn", "No SPF.")))[0] == "pass"  # the Outbox
    assert one("sender-domain", CheckContext(), settings=leaving)[:1] == ("pass",)
    level, reason, acts = one("sender-domain", CheckContext(sender=("warn", "No SPF.")), settings=leaving)
    assert (level, reason, acts) == ("warn", "No SPF.", ["check", "go"])


def test_one_sided_stories_can_be_swapped_for_one_that_is_not() -> None:
    view = replace(issue(), stories=tuple(story(n, sides=(Side.LEFT, Side.CENTER)) for n in range(1, 6)))
    known = CheckContext(offered=(Offered(98, "Also one-sided", True), Offered(99, "Told by both", False)))
    found = [f for f in check(view, made(view), settings=SETTINGS, context=known) if f.name == "one-sided"]
    assert {f.level for f in found} == {"warn"}
    assert {f.remedies[0].value for f in found} == {"99"}


def test_pictures_and_links_without_words_block() -> None:
    def broken(html: str) -> str:
        return html.replace("</body>", '<a href="https://evenhand.example/"> </a></body>')

    found = {f.name: f for f in check(issue(), changed(html=broken), settings=SETTINGS)}
    assert found["alt-text"].level == "block"
    assert found["alt-text"].remedies[0].act == "rerender"
    page = read_page(
        '<p lang="en"><img src="a"><img src="b" alt="B"><a href="#">x</a><a><img alt="y"></a></p>'
    )
    assert (page.pictures, page.unnamed_pictures, page.unnamed_links, page.language) == (3, 1, 0, "en")


@pytest.mark.parametrize(
    ("was", "is_now", "light"),
    [("color:#5d574d", "color:#c9c4ba", "light"), ("color:#b5aea1 !", "color:#333333 !", "dark")],
)
def test_words_that_do_not_stand_out_block(was: str, is_now: str, light: str) -> None:
    found = [
        f
        for f in check(issue(), changed(html=lambda html: html.replace(was, is_now)), settings=SETTINGS)
        if f.name == "contrast"
    ]
    assert found[0].level == "block"
    assert found[0].reason.startswith(f"In {light}")


def test_contrast_is_wcags_own() -> None:
    assert ratio("#000000", "#ffffff") == pytest.approx(21)
    assert ratio("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01) and ratio("#767676", "#ffffff") >= AA  # noqa: PT018
    html = '<html><head><style>@media (prefers-color-scheme:dark){.a > p{color:#222222 !important}.a p b{color:#fff}}</style></head><body style="background:#000"><div class="a" style="color:#fff"><p>dim <b>bright</b></p><i style="display:none;color:#000">hidden</i> tail</div></body></html>'
    assert poor_contrasts(html) == []
    (poor,) = poor_contrasts(html, dark=True)
    assert poor.words == "dim"
