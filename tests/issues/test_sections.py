"""Sections: in reading order, each with the email templates it needs, each able to say that it has nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from newsletter.delivery.mail.templates import TEMPLATES
from newsletter.feeds.leans import Coverage
from newsletter.issues.sections import EMAIL, METERED, SECTIONS, STORY, sections_for
from newsletter.summaries.story_text import Telling
from tests.issues.issue_values import story


def test_the_reading_order() -> None:
    assert [s.name for s in SECTIONS] == [
        "coverage", "lede", "overview", "sides", "analysis", "questions", "side_words", "history", "articles", "report",
    ]  # fmt: skip


@pytest.mark.parametrize("section", SECTIONS, ids=lambda s: s.name)
def test_each_has_both_email_templates(section) -> None:
    assert (TEMPLATES / "sections" / f"{section.name}.mjml").is_file()
    assert (TEMPLATES / "sections" / f"{section.name}.txt").is_file()


def test_no_template_belongs_to_no_section() -> None:
    names = {s.name for s in SECTIONS}
    assert {p.stem for p in (TEMPLATES / "sections").iterdir()} == names


def test_a_rich_story_has_all_and_an_empty_one_few() -> None:
    assert sections_for(STORY, story(1)) == sections_for(EMAIL, story(1)) == SECTIONS
    empty = replace(story(1), telling=Telling("x"), coverage=Coverage(), articles=(), history=())
    assert [s.name for s in sections_for(STORY, empty)] == ["sides", "report"]


def test_the_metered_rendition_gets_three() -> None:
    assert [s.name for s in sections_for(METERED, story(1))] == ["coverage", "lede", "report"]
