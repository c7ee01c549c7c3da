"""Sections: in reading order, each with the templates it needs, each able to say that it has nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from newsletter.delivery.mail.templates import TEMPLATES
from newsletter.feeds.leans import Coverage
from newsletter.issues.sections import EMAIL, METERED, SECTIONS, STORY, sections_for
from newsletter.summaries.story_text import StoryKind, StoryText
from tests.issues.issue_values import story

PAGES = TEMPLATES.parent / "web" / "sections"


def test_the_reading_order() -> None:
    assert [s.name for s in SECTIONS] == [
        "lede", "report", "headlines", "rows", "quotes", "questions", "coverage", "articles", "history",
    ]  # fmt: skip


@pytest.mark.parametrize("section", SECTIONS, ids=lambda s: s.name)
def test_each_has_the_templates_of_where_it_is_shown(section) -> None:
    mailed = {EMAIL, METERED} & set(section.where)
    assert (TEMPLATES / "sections" / f"{section.name}.mjml").is_file() == bool(mailed)
    assert (TEMPLATES / "sections" / f"{section.name}.txt").is_file() == bool(mailed)
    assert (PAGES / f"{section.name}.html").is_file() == (STORY in section.where)


def test_no_template_belongs_to_no_section() -> None:
    names = {s.name for s in SECTIONS}
    assert {p.stem for folder in (TEMPLATES / "sections", PAGES) for p in folder.iterdir()} <= names


def test_a_rich_story_has_all_and_an_empty_one_few() -> None:
    assert sections_for(STORY, story(1)) == SECTIONS
    assert [s.name for s in sections_for(EMAIL, story(1))] == [
        "lede", "report", "headlines", "rows", "coverage", "articles",
    ]  # fmt: skip
    empty = replace(
        story(1), text=StoryText("x", StoryKind.NO_SIDES), coverage=Coverage(), articles=(), history=()
    )
    assert [s.name for s in sections_for(STORY, empty)] == ["report"]


def test_the_metered_rendition_gets_two() -> None:
    assert [s.name for s in sections_for(METERED, story(1))] == ["lede", "coverage"]
