"""The small phrases that the mail's templates share: counts, labels and attributions of a Story. Pure."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from newsletter.delivery.mail.phrases import UNSEEN, counted
from newsletter.feeds.leans import SIDE_NAMES, SIDES, Side
from newsletter.issues.views import ArticleView, StoryView
from newsletter.links import Links
from newsletter.summaries.story_text import PickedHeadline, Quote, Row, RowKind

# White on these is at least 4.5:1 (WCAG AA); tests/issues/test_render_contrast.py computes it.
SIDE_COLOURS = {Side.LEFT: "#1f5a96", Side.CENTER: "#59616e", Side.RIGHT: "#a92f24"}
ROW_NAMES = {
    RowKind.NOT_DISPUTED: "Not disputed",
    RowKind.LEFT_STRESSES: "The left stresses",
    RowKind.RIGHT_STRESSES: "The right stresses",
    RowKind.ONLY_ONE_SIDE: "Only one side reports",
    RowKind.NEXT: "Next",
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
        parts.append(f"{counted(story.coverage.wire_copies, 'outlet')} reprinted a wire story")
    return " · ".join(parts)


def row_name(row: Row) -> str:
    """The label of a row, such as "Only the left reports"."""
    if row.kind is RowKind.ONLY_ONE_SIDE and row.side is not None:
        return f"Only the {row.side.value} reports"
    return ROW_NAMES[row.kind]


def row_note(row: Row, story: StoryView) -> str:
    """What is said beside a row's label; "left out" refers to the articles that were read, and says so."""
    if row.kind is not RowKind.ONLY_ONE_SIDE or row.side is None:
        return ""
    other = Side.RIGHT if row.side is Side.LEFT else Side.LEFT
    count = story.coverage.of(other)
    return f"in none of the {counted(count, 'article')} we read from the {other.value}" if count else ""


def blind_spot_line(story: StoryView) -> str:
    """``17 left · 5 right``: how many Outlets of each Side carried a Story that one Side mostly covers."""
    left, right = story.coverage.left, story.coverage.right
    return f"{left} left · {right} right"


def parts_of(headline: PickedHeadline) -> tuple[tuple[str, bool], ...]:
    """The headline in pieces, each with whether it is marked: words that only this side's headlines use."""
    pieces: list[tuple[str, bool]] = []
    at = 0
    for start, end in headline.marked:
        pieces += [(headline.text[at:start], False), (headline.text[start:end], True)]
        at = end
    pieces.append((headline.text[at:], False))
    return tuple(p for p in pieces if p[0])


def headlines_of(story: StoryView, side: Side) -> tuple[PickedHeadline, ...]:
    """The headlines picked for this Side."""
    return tuple(h for h in story.text.headlines if h.side is side)


def outlet_of(story: StoryView, article_id: int) -> str:
    """The name of the Outlet of an Article of the Story; empty when it is not there."""
    article = story.article(article_id)
    return article.outlet if article else ""


def attribution(story: StoryView, quote: Quote) -> str:
    """Who said it and where it stood."""
    return "— " + ", ".join(filter(None, (quote.speaker, outlet_of(story, quote.citation.article_id))))


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
    cited = story.text.cited()
    chosen = list(cited_articles(story))
    others = [a for a in story.articles if a.id not in cited and not a.wire_copy]
    chosen += others[: max(0, MOST_LISTED - len(chosen))]
    chosen.sort(key=lambda a: a.number)
    by_side = ((side, tuple(a for a in chosen if a.side is side)) for side in SIDES)
    return tuple((side, articles) for side, articles in by_side if articles)


def cited_articles(story: StoryView) -> tuple[ArticleView, ...]:
    """The Articles that numbers in this Story point to, and no others."""
    cited = story.text.cited()
    return tuple(a for a in story.articles if a.id in cited)


def unlisted_line(story: StoryView) -> str:
    """How many Articles the list leaves to the story page; empty when none."""
    left = len(story.articles) - sum(len(articles) for _, articles in listed_articles(story))
    return f"And {left:,} more in the whole story." if left else ""


FOR_TEMPLATES: dict[str, Any] = {
    "SIDES": SIDES,
    "SIDE_NAMES": SIDE_NAMES,
    "SIDE_COLOURS": SIDE_COLOURS,
    "LEFT": Side.LEFT,
    "RIGHT": Side.RIGHT,
    "attribution": attribution,
    "blind_spot_line": blind_spot_line,
    "cited_articles": cited_articles,
    "counted": counted,
    "coverage_line": coverage_line,
    "headlines_of": headlines_of,
    "listed_articles": listed_articles,
    "outlet_of": outlet_of,
    "parts_of": parts_of,
    "row_name": row_name,
    "row_note": row_note,
    "unlisted_line": unlisted_line,
}
