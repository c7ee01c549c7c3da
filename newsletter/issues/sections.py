"""The Sections of a Story in reading order. Pure.

To add one: a line here and three templates of its name: ``templates/web/sections/NAME.html``,
``templates/email/sections/NAME.mjml`` and ``templates/email/sections/NAME.txt`` (only those ``where`` names).
The email's are shortened: a whole Issue is read in five minutes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from newsletter.issues.views import StoryView

STORY = "story"  # the story's page on the site
EMAIL = "email"  # the full Rendition
METERED = "metered"  # the metered Rendition: headline, lede and coverage of each Story, nothing more


@dataclass(frozen=True)
class Section:
    """One part of a story page or email. ``has`` says whether this Story has anything to show there."""

    name: str
    where: tuple[str, ...]
    has: Callable[[StoryView], bool]


SECTIONS: tuple[Section, ...] = (
    Section("coverage", (STORY, EMAIL, METERED), lambda story: story.coverage.outlets > 0),
    Section("lede", (STORY, EMAIL, METERED), lambda story: bool(story.telling.lede)),
    Section("overview", (STORY, EMAIL), lambda story: bool(story.telling.overview)),
    # A missing Side is said plainly, so there is always something to show.
    Section("sides", (STORY, EMAIL), lambda story: True),
    Section("analysis", (STORY, EMAIL), lambda story: bool(story.telling.analysis)),
    Section("questions", (STORY, EMAIL), lambda story: bool(story.telling.questions)),
    Section("side_words", (STORY, EMAIL), lambda story: any(story.telling.side_words.values())),
    Section("history", (STORY, EMAIL), lambda story: bool(story.history)),
    Section("articles", (STORY, EMAIL), lambda story: bool(story.articles)),
    Section("report", (STORY, EMAIL, METERED), lambda story: True),
)


def sections_for(where: str, story: StoryView) -> tuple[Section, ...]:
    """The Sections that ``where`` shows of this Story, in reading order."""
    return tuple(s for s in SECTIONS if where in s.where and s.has(story))
