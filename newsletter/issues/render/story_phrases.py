"""Phrases that the mail's templates share: counts, labels and attributions of a Story. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice, zip_longest
from typing import Any
from urllib.parse import urlsplit

from newsletter.delivery.mail.phrases import UNSEEN
from newsletter.feeds.leans import SIDE_NAMES, SIDES, Side
from newsletter.formatting import counted
from newsletter.issues.render.authorship import in_own_words
from newsletter.issues.views import ArticleView, StoryView
from newsletter.links import Links
from newsletter.summaries.story_text import PickedHeadline, Quote, Row, RowKind, Sentence, Verdict

# White on these is at least 4.5:1 (WCAG AA); tests/issues/test_render_contrast.py computes it.
SIDE_COLOURS = {Side.LEFT: "#1f5a96", Side.CENTER: "#59616e", Side.RIGHT: "#a92f24"}
NO_SIDE = "No side"
ROW_NAMES = {
    RowKind.NOT_DISPUTED: "Not disputed",
    RowKind.LEFT_STRESSES: "Left outlets stress",
    RowKind.RIGHT_STRESSES: "Right outlets stress",
    RowKind.ONLY_ONE_SIDE: "Only one side reports",
    RowKind.NEXT: "Next",
}
ROW_SIDES = {RowKind.LEFT_STRESSES: Side.LEFT, RowKind.RIGHT_STRESSES: Side.RIGHT}
LONGEST_URL = 300  # characters; a longer address makes every mail too large, and the story page has it
MOST_LISTED = 3  # further Outlets under one Story
NARROWEST = 17  # percent of a small bar: room for a number of two digits


def coverage_line(story: StoryView) -> str:
    """Return "Articles (6) · Left (1) · Center (4) · Right (1)"; the numbers after the first add up to it.

    One Article counts for each Outlet, and a wire copy with the Outlet that ran the text first.
    """
    parts = [f"Articles ({story.coverage.outlets})"]
    parts += [f"{SIDE_NAMES[side]} ({story.coverage.of(side)})" for side in SIDES]
    if story.coverage.no_side:
        parts.append(f"{NO_SIDE} ({story.coverage.no_side})")
    return " · ".join(parts)


def side_of_article(article: ArticleView) -> str:
    """Return "left", "center" or "right"; "no side" for a state-run Outlet, and for one foreign to the Story."""
    return article.side.value if article.side else NO_SIDE.lower()


def row_name(row: Row) -> str:
    """Return the label of a row, such as "Only the left reports"."""
    if row.kind is RowKind.ONLY_ONE_SIDE and row.side is not None:
        return f"Only the {row.side.value} reports"
    return ROW_NAMES[row.kind]


def row_note(row: Row, story: StoryView) -> str:
    """Return the note beside a row's label. "Left out" refers only to the Articles that we read, and the note says so."""
    if row.kind is not RowKind.ONLY_ONE_SIDE or row.side is None:
        return ""
    other = Side.RIGHT if row.side is Side.LEFT else Side.LEFT
    count = story.coverage.of(other)
    return f"in none of the {counted(count, 'article')} we read from the {other.value}" if count else ""


def blind_spot_line(story: StoryView) -> str:
    """Return "17 left · 5 right": the Outlets of each Side that carried a Story which one Side mostly covers."""
    left, right = story.coverage.left, story.coverage.right
    return f"{left} left · {right} right"


def heavier(story: StoryView) -> Side:
    """Return the Side of left and right with more Outlets on the Story."""
    return Side.LEFT if story.coverage.left > story.coverage.right else Side.RIGHT


def parts_of(headline: PickedHeadline) -> tuple[tuple[str, bool], ...]:
    """Return the headline in pieces, each with whether it is marked, that is, used only by this Side's headlines."""
    pieces: list[tuple[str, bool]] = []
    at = 0
    for start, end in headline.marked:
        pieces += [(headline.text[at:start], False), (headline.text[start:end], True)]
        at = end
    pieces.append((headline.text[at:], False))
    return tuple(p for p in pieces if p[0])


def headlines_of(story: StoryView, side: Side) -> tuple[PickedHeadline, ...]:
    """Return the headlines picked for this Side."""
    return tuple(h for h in story.text.headlines if h.side is side)


def outlet_of(story: StoryView, article_id: int) -> str:
    """Return the name of the Outlet of an Article of the Story; empty when it is not there."""
    article = story.article(article_id)
    return article.outlet if article else ""


def attribution(story: StoryView, quote: Quote) -> str:
    """Return who said it, and which Outlet printed it."""
    return "— " + ", ".join(filter(None, (quote.speaker, outlet_of(story, quote.citation.article_id))))


def article_url(story: StoryView, number: int, links: Links, longest: int = LONGEST_URL) -> str:
    """Return the Article's address, or the story page's if the address is not http(s), contains a Slot or is very long."""
    url = next((a.url for a in story.articles if a.number == number), "")
    if urlsplit(url).scheme not in ("http", "https") or len(url) > longest or UNSEEN.search(url):
        return links.story(story.slug)
    while "%%" in url:
        url = url.replace("%%", "%25%")
    return url


def small_bar(story: StoryView) -> tuple[tuple[Side, int, int], ...]:
    """Return for each Side its Outlets and its percentage of the coverage bar. The percentages sum to 100, and none is too
    narrow for its number."""
    free = 100 - NARROWEST * len(SIDES)
    widths = {side: NARROWEST + share * free // 100 for side, share in story.coverage.shares().items()}
    widths[Side.CENTER] += 100 - sum(widths.values())
    return tuple((side, story.coverage.of(side), widths[side]) for side in SIDES)


def counts_in_words(story: StoryView) -> str:
    """Return "1 left, 4 center, 1 right", the text of the bar for those who do not see it."""
    return ", ".join(f"{story.coverage.of(side)} {side.value}" for side in SIDES)


def credit(story: StoryView) -> ArticleView | None:
    """Return the Article that the paragraph is taken from; None when an operator or a model wrote it."""
    first = next(iter(story.text.lede), None)
    return story.credit if first and first.verdict is Verdict.SUPPORTED and in_own_words(first) else None


def cited_runs(
    story: StoryView, sentences: Sequence[Sentence]
) -> tuple[tuple[Sentence, tuple[int, ...]], ...]:
    """Return the sentences, each with the Citation numbers to print behind it.

    Consecutive sentences with the same Citations are cited once, behind the last; a sentence that cites only the credited Article
    gets no number.
    """
    credited = credit(story)
    numbers = [story.numbers(s) for s in sentences]
    kept = []
    for place, (sentence, cited) in enumerate(zip(sentences, numbers, strict=True)):
        again = cited == (numbers[place + 1] if place + 1 < len(numbers) else ())
        kept.append((sentence, () if again or (credited and cited == (credited.number,)) else cited))
    return tuple(kept)


def articles_of(story: StoryView, sentence: Sentence) -> tuple[ArticleView, ...]:
    """Return the Articles that a sentence cites, one for each Outlet, in the order of their numbers."""
    cited = {c.article_id for c in sentence.citations}
    by_outlet = {a.outlet: a for a in reversed(story.articles) if a.id in cited}
    return tuple(sorted(by_outlet.values(), key=lambda a: a.number))


def cited_articles(story: StoryView) -> tuple[ArticleView, ...]:
    """The Articles that are cited in this Story, and no others."""
    cited = story.text.cited()
    return tuple(a for a in story.articles if a.id in cited)


def further_articles(story: StoryView) -> tuple[tuple[Side, tuple[ArticleView, ...]], ...]:
    """Return Articles that this Story does not cite, by Side: one of another Outlet of each Side in turn, while there is room."""
    named = {a.outlet for a in cited_articles(story)}
    others = {a.outlet: a for a in reversed(story.articles) if a.outlet not in named and not a.wire_copy}
    ordered = sorted(others.values(), key=lambda a: a.number)
    by_side = {side: [a for a in ordered if a.side is side] for side in SIDES}
    turns = (a for turn in zip_longest(*by_side.values()) for a in turn if a)
    chosen = tuple(islice(turns, MOST_LISTED))
    groups = ((side, tuple(a for a in chosen if a.side is side)) for side in SIDES)
    return tuple((side, articles) for side, articles in groups if articles)


FOR_TEMPLATES: dict[str, Any] = {
    "SIDES": SIDES,
    "SIDE_NAMES": SIDE_NAMES,
    "SIDE_COLOURS": SIDE_COLOURS,
    "ROW_SIDES": ROW_SIDES,
    "LEFT": Side.LEFT,
    "RIGHT": Side.RIGHT,
    "articles_of": articles_of,
    "attribution": attribution,
    "blind_spot_line": blind_spot_line,
    "cited_articles": cited_articles,
    "cited_runs": cited_runs,
    "counted": counted,
    "counts_in_words": counts_in_words,
    "coverage_line": coverage_line,
    "credit": credit,
    "further_articles": further_articles,
    "heavier": heavier,
    "headlines_of": headlines_of,
    "outlet_of": outlet_of,
    "parts_of": parts_of,
    "row_name": row_name,
    "row_note": row_note,
    "side_of_article": side_of_article,
    "small_bar": small_bar,
}
