"""The small phrases that the mail's templates share: counts, attributions, attributions and coverage of a Story. Pure."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from newsletter.delivery.mail.phrases import UNSEEN, counted
from newsletter.feeds.leans import SIDE_NAMES, SIDES, Side
from newsletter.issues.views import ArticleView, StoryView
from newsletter.links import Links
from newsletter.summaries.story_text import BulletKind, Quote

# White on these is at least 4.5:1 (WCAG AA); tests/issues/test_render_contrast.py computes it.
SIDE_COLOURS = {Side.LEFT: "#1f5a96", Side.CENTER: "#59616e", Side.RIGHT: "#a92f24"}
BULLET_NAMES = {
    BulletKind.AGREE: "They agree:",
    BulletKind.DIFFER: "They differ:",
    BulletKind.NEXT: "Next:",
}
LONGEST_URL = 300  # characters; a longer one costs every reader too much, the story page has it
MOST_LISTED = 6  # Articles under one Story


def coverage_line(story: StoryView) -> str:
    """``Articles (6) · Left (1) · Center (4) · Right (1)``, and what is not counted: the three add up to the first.

    One Article counts for each Outlet, and a wire copy with the Outlet that ran the text first.
    """
    parts = [f"Articles ({story.coverage.outlets})"]
    parts += [f"{SIDE_NAMES[side]} ({story.coverage.of(side)})" for side in SIDES]
    if story.coverage.wire_copies:
        parts.append(f"and {counted(story.coverage.wire_copies, 'more outlet')} with a wire copy only")
    return " · ".join(parts)


def missing_side(story: StoryView, side: Side) -> str:
    """Said in place of a Summary. Nothing is invented for a Side that is not there."""
    leaning = "center" if side is Side.CENTER else f"{side.value}-leaning"
    count = story.coverage.of(side)
    if count:
        return f"{counted(count, f'{leaning} outlet')} carried this, with too few words to retell."
    copied = len({a.outlet for a in story.articles if a.side is side})
    if copied:  # a wire copy is counted with the Outlet that ran the text first
        return f"{counted(copied, f'{leaning} outlet')} ran another's text of this and none of their own."
    among = f" among the {story.outlets_read:,} we read" if story.outlets_read else ""
    return f"No {leaning} outlet{among} carried this."


def one_sided_line(story: StoryView) -> str:
    """What a Rendition without Summaries says of a One-sided Story; empty for any other."""
    if not story.coverage.one_sided:
        return ""
    missing = [missing_side(story, s) for s in (Side.LEFT, Side.RIGHT) if not story.coverage.of(s)]
    return " ".join(("One-sided so far.", *missing))


def attribution(story: StoryView, quote: Quote) -> str:
    """Who said it and where it stood."""
    article = story.article(quote.citation.article_id)
    return "— " + ", ".join(filter(None, (quote.speaker, article.outlet if article else "")))


def side_words_line(story: StoryView) -> str:
    """The words that only one Side's headlines use."""
    told = story.telling.side_words
    parts = [
        f"{SIDE_NAMES[s].lower()}, " + ", ".join(f"“{w}”" for w in told[s]) for s in SIDES if told.get(s)
    ]
    return "Words in the headlines of one side only: " + "; ".join(parts) + "."


def article_url(story: StoryView, number: int, links: Links, longest: int = LONGEST_URL) -> str:
    """Where the Article stands. Only http and https, never a Slot, never very long: else the story's own page."""
    url = next((a.url for a in story.articles if a.number == number), "")
    if urlsplit(url).scheme not in ("http", "https") or len(url) > longest or UNSEEN.search(url):
        return links.story(story.slug)
    while "%%" in url:
        url = url.replace("%%", "%25%")
    return url


def listed_articles(story: StoryView) -> tuple[tuple[Side, tuple[ArticleView, ...]], ...]:
    """The Articles that numbers in this Story point to, and others while there is room, by Side."""
    cited = story.telling.cited()
    chosen = list(cited_articles(story))
    others = [a for a in story.articles if a.id not in cited and not a.wire_copy]
    chosen += others[: max(0, MOST_LISTED - len(chosen))]
    chosen.sort(key=lambda a: a.number)
    by_side = ((side, tuple(a for a in chosen if a.side is side)) for side in SIDES)
    return tuple((side, articles) for side, articles in by_side if articles)


def cited_articles(story: StoryView) -> tuple[ArticleView, ...]:
    """The Articles that numbers in this Story point to, and no others."""
    cited = story.telling.cited()
    return tuple(a for a in story.articles if a.id in cited)


def unlisted_line(story: StoryView) -> str:
    """How many Articles the list leaves to the story page; empty when none."""
    left = len(story.articles) - sum(len(articles) for _, articles in listed_articles(story))
    return f"And {left:,} more in the whole story." if left else ""


FOR_TEMPLATES: dict[str, Any] = {
    "SIDES": SIDES,
    "SIDE_NAMES": SIDE_NAMES,
    "SIDE_COLOURS": SIDE_COLOURS,
    "BULLET_NAMES": BULLET_NAMES,
    "attribution": attribution,
    "cited_articles": cited_articles,
    "counted": counted,
    "coverage_line": coverage_line,
    "listed_articles": listed_articles,
    "missing_side": missing_side,
    "one_sided_line": one_sided_line,
    "side_words_line": side_words_line,
    "unlisted_line": unlisted_line,
}
