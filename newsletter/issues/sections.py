"""The Sections of a Story in reading order. Pure.

To add a Section, add a line here and up to three templates of its name, those that ``where`` asks for:
``templates/web/sections/NAME.html``, ``templates/email/sections/NAME.mjml`` and ``templates/email/sections/NAME.txt``. The Sections
of the email are shorter, because a whole Issue is read in five minutes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from newsletter.issues.views import StoryView
from newsletter.summaries.story_text import StoryKind

STORY = "story"  # the story's page on the site
EMAIL = "email"  # the full Rendition
METERED = "metered"  # the metered Rendition: only the headline, lede and coverage of each Story


@dataclass(frozen=True)
class Section:
    """One part of a story page or email. ``has`` says whether this Story has anything to show there."""

    name: str
    where: tuple[str, ...]
    has: Callable[[StoryView], bool]


def _has_sides(story: StoryView) -> bool:
    return story.kind is not StoryKind.NO_SIDES


SECTIONS: tuple[Section, ...] = (
    Section("lede", (STORY, EMAIL, METERED), lambda story: bool(story.text.lede or story.text.overview)),
    Section("report", (STORY, EMAIL), lambda story: True),
    Section("headlines", (STORY, EMAIL), lambda story: bool(story.text.headlines)),
    Section("rows", (STORY, EMAIL), lambda story: bool(story.text.rows)),
    Section("quotes", (STORY,), lambda story: bool(story.text.quotes)),
    Section("questions", (STORY,), lambda story: bool(story.text.questions)),
    Section("coverage", (STORY, EMAIL, METERED), _has_sides),
    Section("articles", (STORY, EMAIL), lambda story: bool(story.articles)),
    Section("history", (STORY,), lambda story: bool(story.history)),
)


def sections_for(where: str, story: StoryView) -> tuple[Section, ...]:
    """Return the Sections that ``where`` shows of this Story, in reading order."""
    return tuple(s for s in SECTIONS if where in s.where and s.has(story))
