"""An invented Issue of seven rich Stories, as values: invented outlets, people, places and events."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from newsletter.feeds.leans import Lean, Side, coverage, side_of
from newsletter.issues.views import ArticleView, HistoryView, IssueView, StoryView
from newsletter.summaries.story_text import (
    Citation,
    PickedHeadline,
    Question,
    Quote,
    Row,
    RowKind,
    Sentence,
    StoryKind,
    StoryText,
)

MORNING = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
OUTLETS = (
    ("The Harbor Lantern", Lean.LEFT),
    ("Common Ledger", Lean.LEAN_LEFT),
    ("Wireline", Lean.CENTER),
    ("The Meridian Post", Lean.CENTER),
    ("Fairgate Courier", Lean.CENTER),
    ("The Granite Standard", Lean.LEAN_RIGHT),
    ("Prairie Sentinel", Lean.RIGHT),
)
# topic, headline, subject of the sentences, place, one number, another
_STORIES = (
    (
        "Politics",
        "Ostrava Senate passes the river bill after a night of votes",
        "the river bill",
        "Port Ellery",
        53,
        47,
    ),
    (
        "Business",
        "Calder Mills to close two plants and keep the third",
        "the plant closures",
        "Calder",
        1200,
        3,
    ),
    ("World", "Velden and Marrow agree to reopen the mountain road", "the mountain road", "Velden", 14, 9),
    (
        "Health",
        "Study of 40,000 nurses ties night shifts to missed breaks",
        "the nurses' study",
        "Tarn City",
        40000,
        18,
    ),
    (
        "Education",
        "Lowmoor schools will keep phones out of class until noon",
        "the phone rule",
        "Lowmoor",
        212,
        6,
    ),
    (
        "Science",
        "A telescope on Mount Aldous finds a lake under Martian dust",
        "the buried lake",
        "Mount Aldous",
        900,
        2,
    ),
    ("Sport", "Fairgate's women win the northern cup on penalties", "the cup final", "Fairgate", 4, 3),
)


def sentence(text: str, *articles: int) -> Sentence:
    return Sentence(text, tuple(Citation(a, text) for a in articles), support=0.8)


def text_of(base: int, headline: str, what: str, place: str, one: int, two: int) -> StoryText:
    """Words about an invented event; ``base`` + 1…7 are its Articles."""
    left, left2, mid, mid2, mid3, right, right2 = (base + n for n in range(1, 8))
    cap = what[0].upper() + what[1:]
    said = "We were promised an answer before the winter and we got a leaflet"
    replied = "Nobody who has run a budget would call this reckless"
    lede = (
        f"After {one:,} hours of argument, {place} settled {what} on Sunday evening, and both sides left the hall "
        "saying they had won."
    )
    return StoryText(
        headline=headline,
        lede=(sentence(lede, mid, mid2), sentence(f"The terms take effect in {two} weeks.", mid2)),
        overview=(
            sentence(
                f"{cap} has divided {place} since the autumn, when a first attempt failed by a single voice.",
                mid,
                left,
            ),
            sentence(f"Officials put the cost at {one:,} crowns for each household in the valley.", mid3),
        ),
        headlines=(
            PickedHeadline(Side.LEFT, left, f"{headline} (The Harbor Lantern)", ((0, len(headline)),)),
            PickedHeadline(Side.RIGHT, right, f"{headline} (The Granite Standard)"),
        ),
        rows=(
            Row(
                RowKind.NOT_DISPUTED,
                (sentence(f"The hall of {place} had run out of time by midnight.", left, mid, right),),
            ),
            Row(
                RowKind.LEFT_STRESSES,
                (
                    sentence(
                        f"Families of {place} who waited {two} years say the compromise leaves the poorest streets out.",
                        left,
                        left2,
                    ),
                    sentence(f"Campaigners ask why {what} was cut by a third overnight.", left2),
                ),
            ),
            Row(
                RowKind.RIGHT_STRESSES,
                (
                    sentence(
                        f"Taxpayers had no hours to read the small print of {what}, the guild of traders says.",
                        right,
                    ),
                    sentence("The levy ends after one year, which traders welcome.", right2),
                ),
            ),
            Row(
                RowKind.ONLY_ONE_SIDE,
                (sentence(f"An auditor warned of {what} in a letter of May.", right, right2),),
                Side.RIGHT,
            ),
            Row(
                RowKind.NEXT,
                (sentence(f"The council of {place} meets again on March 9 to name the inspectors.", mid2),),
            ),
        ),
        quotes=(
            Quote(said, "Mayor Ines Okafor-Lund", Side.LEFT, Citation(left, said)),
            Quote(replied, "Treasurer Paul Anand", Side.RIGHT, Citation(right2, replied)),
        ),
        questions=(
            Question(
                f"Who pays for {what}?",
                (
                    sentence(
                        f"Households in {place} pay through a levy that ends after twelve months.",
                        mid3,
                        right2,
                    ),
                ),
            ),
            Question("When does it begin?", (sentence("On the sixteenth of March.", mid2),)),
        ),
    )


def story(number: int, *, sides: tuple[Side, ...] = tuple(Side)) -> StoryView:
    """Story ``number`` (1…7); Sides left out of ``sides`` did not carry it."""
    topic, headline, what, place, one, two = _STORIES[number - 1]
    base = number * 100
    rows = [(n, name, lean) for n, (name, lean) in enumerate(OUTLETS, start=1) if side_of(lean) in sides]
    articles = tuple(
        ArticleView(
            id=base + n,
            number=place_in_list,
            outlet=name,
            lean=lean,
            side=side_of(lean),
            headline=f"{headline} ({name})",
            url=f"https://{name.lower().replace('the ', '').replace(' ', '-')}.example/2026/03/01/{topic.lower()}/story-{base + n}",
            published_at=MORNING - timedelta(hours=20 - n),
            wire_copy=False,
        )
        for place_in_list, (n, name, lean) in enumerate(rows, start=1)
    )
    words = text_of(base, headline, what, place, one, two)
    if len(sides) < 3:
        words = _without(words, {a.id for a in articles})
    return StoryView(
        id=number,
        slug=f"story-{number}",
        topic=topic,
        text=words,
        coverage=coverage((n, side_of(lean), None) for n, _, lean in rows),
        articles=articles,
        history=(
            HistoryView(
                f"earlier-{number}",
                f"How {place} came to argue over {what}",
                "5M",
                3,
                MORNING - timedelta(days=150),
            ),
        ),
        updated_at=MORNING,
        outlets_read=528,
    )


def _without(words: StoryText, kept: set[int]) -> StoryText:
    """The words of a blind spot: nothing rests on an Article that is not there."""

    def keep(sentences: tuple[Sentence, ...]) -> tuple[Sentence, ...]:
        cut = (replace(s, citations=tuple(c for c in s.citations if c.article_id in kept)) for s in sentences)
        return tuple(s for s in cut if s.citations)

    return StoryText(words.headline, StoryKind.BLIND_SPOT, keep(words.lede), keep(words.overview))


def issue(stories: int = 7, **changes: object) -> IssueView:
    """An Issue of the first ``stories`` Stories; the third is a blind spot: the right did not carry it."""
    told = tuple(
        story(n, sides=(Side.LEFT, Side.CENTER) if n == 3 else tuple(Side)) for n in range(1, stories + 1)
    )
    view = IssueView(
        id=1,
        issued_on=date(2026, 3, 2),
        state="draft",
        subject="Ostrava passes the river bill; Calder Mills keeps one plant of three",
        preheader="Also: a reopened mountain road, what 40,000 nurses said, and phones in Lowmoor's schools",
        intro="",
        stories=told,
        reading_seconds=290,
        outlets_read=528,
        is_sample=True,
        composed_at=MORNING,
    )
    return replace(view, **changes)  # type: ignore[arg-type]
