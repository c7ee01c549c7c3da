"""The mail as a screen reader tells it: Chromium's accessibility tree, read as text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from newsletter.delivery.mail.templates import NOTICE_VALUES, notice
from newsletter.issues.render.render import rendition
from newsletter.links import Links
from newsletter.settings import Settings
from tests.issues.issue_values import issue

pytestmark = pytest.mark.browser
SETTINGS = Settings(_env_file=None, SITE_URL="https://evenhand.example")
LINKS = Links(SETTINGS.SITE_URL)


@pytest.fixture
def aloud(chromium: Any) -> Iterator[Any]:
    """What is said of a finished mail, one line a thing, in the order it is said."""
    context = chromium.new_context(viewport={"width": 375, "height": 700}, java_script_enabled=False)

    def tell(html: str) -> list[str]:
        page = context.new_page()
        page.set_content(html)
        return [line.strip().removeprefix("- ") for line in page.locator("body").aria_snapshot().splitlines()]

    yield tell
    context.close()


def test_an_issue_is_told_in_order_without_its_layout(aloud: Any) -> None:
    said = aloud(rendition(issue(), "full", settings=SETTINGS, links=LINKS).html)
    assert not [line for line in said if re.match(r"(table|row|cell|rowgroup|generic)\b", line)]
    bars = [line for line in said if line.startswith("img")]
    names = [bar.partition(":")[0] for bar in bars]
    assert sorted(names) == ['img "2 left, 3 center, 0 right"'] + ['img "2 left, 3 center, 2 right"'] * 6
    assert said[0].startswith('article "Evenhand, Monday, 2 March 2026"')
    assert not any("Also: a reopened" in line for line in said), "the preheader is for the list of mails"
    headings = [line for line in said if line.startswith("heading")]
    told = issue().stories[0]
    assert [int(h[h.index("level=") + 6]) for h in headings] == [1, 2, 2, 3, *[2] * 6, 3, 2]
    order = [
        'heading "In this issue"',
        "Articles (7) · Left (2)",
        f'heading "{told.headline}"',
        told.text.lede[0].text[:60],
        'link "Report a problem"',
        'heading "Same event, two headlines"',
        "Left outlets stress",
        "Right outlets stress",
        'link "Read the full story"',
        f'heading "{issue().stories[1].headline}"',
    ]
    places = [next(n for n, line in enumerate(said) if words in line) for words in order]
    assert places == sorted(places)
    links = [line for line in said if re.match(r"link(:|$)", line)]
    assert links == [], "a link without a name"


@pytest.mark.parametrize("kind", sorted(NOTICE_VALUES))
def test_a_notice_is_a_heading_words_and_one_thing_to_do(aloud: Any, kind: str) -> None:
    said = aloud(notice(kind, {}, settings=SETTINGS, links=LINKS).html)
    assert not [line for line in said if re.match(r"(table|row|cell)\b", line)]
    assert len([line for line in said if line.startswith("heading")]) == 1
    assert said[0].startswith("article")
