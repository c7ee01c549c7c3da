"""An invented Issue of seven rich Stories, as values: invented outlets, people, places and events."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from newsletter.feeds.leans import Lean, Side, coverage, side_of
from newsletter.issues.views import ArticleView, HistoryView, IssueView, StoryView
from newsletter.summaries.story_text import (
    Bullet,
    BulletKind,
    Citation,
    Question,
    Quote,
    Sentence,
    Summary,
    Telling,
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


def telling(base: int, headline: str, what: str, place: str, one: int, two: int) -> Telling:
    """Words about an invented happening; ``base`` + 1…7 are its Articles."""
    left, left2, mid, mid2, mid3, right, right2 = (base + n for n in range(1, 8))
    cap = what[0].upper() + what[1:]
    said = "We were promised an answer before the winter and we got a leaflet"
    replied = "Nobody who has run a budget would call this reckless"
    noted = "The figures will be published in full on Thursday"
    return Telling(
        headline=headline,
        lede=(
            sentence(
                f"After {one:,} hours of argument, {place} settled {what} on Sunday evening, and both sides left the hall saying they had won.",
                mid,
                mid2,
            ),
            sentence(f"The terms take effect in {two} weeks.", mid2),
        ),
        overview=(
            sentence(
                f"{cap} has divided {place} since the autumn, when a first attempt failed by a single voice.",
                mid,
                left,
            ),
            sentence(f"Officials put the cost at {one:,} crowns for each household in the valley.", mid3),
        ),
        analysis=(
            Bullet(
                BulletKind.AGREE,
                sentence(f"Outlets of every side report that {place} had run out of time.", left, mid, right),
            ),
            Bullet(
                BulletKind.DIFFER,
                sentence(
                    f"The left calls {what} a promise half kept; the right calls it a bill sent to the next generation.",
                    left,
                    right,
                ),
            ),
            Bullet(
                BulletKind.NEXT,
                sentence(f"The council of {place} meets again on March 9 to name the inspectors.", mid2),
            ),
        ),
        summaries=(
            Summary(
                Side.LEFT,
                (
                    sentence(
                        f"Left-leaning outlets dwell on the families of {place} who waited {two} years and say the compromise leaves the poorest streets out.",
                        left,
                        left2,
                    ),
                    sentence(f"They ask why {what} was cut by a third overnight.", left2),
                ),
                (Quote(said, "Mayor Ines Okafor-Lund", Citation(left, said)),),
            ),
            Summary(
                Side.CENTER,
                (
                    sentence(
                        f"Center outlets set out the vote and the sums, and note that {one:,} objections were filed in one day.",
                        mid,
                        mid3,
                    ),
                    sentence("They quote both camps at equal length.", mid2),
                ),
                (Quote(noted, "", Citation(mid3, noted)),),
            ),
            Summary(
                Side.RIGHT,
                (
                    sentence(
                        f"Right-leaning outlets stress what {what} will cost and say the hurry kept taxpayers from reading the small print.",
                        right,
                    ),
                    sentence("They welcome that the levy ends after one year.", right2),
                ),
                (Quote(replied, "Treasurer Paul Anand", Citation(right2, replied)),),
            ),
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
        side_words={Side.LEFT: ("neglect", "families"), Side.RIGHT: ("levy", "runaway")},
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
    words = telling(base, headline, what, place, one, two)
    if len(sides) < 3:
        kept = {a.id for a in articles}

        def keep(sentences: tuple[Sentence, ...]) -> tuple[Sentence, ...]:
            cut = (
                replace(s, citations=tuple(c for c in s.citations if c.article_id in kept)) for s in sentences
            )
            return tuple(s for s in cut if s.citations)

        words = replace(
            words,
            summaries=tuple(s for s in words.summaries if s.side in sides),
            analysis=tuple(b for b in words.analysis if {c.article_id for c in b.sentence.citations} <= kept),
            lede=keep(words.lede),
            overview=keep(words.overview),
            questions=tuple(
                q for q in (replace(q, answer=keep(q.answer)) for q in words.questions) if q.answer
            ),
            side_words={s: w for s, w in words.side_words.items() if s in sides},
        )
    return StoryView(
        id=number,
        slug=f"story-{number}",
        topic=topic,
        telling=words,
        coverage=coverage((n, lean, None) for n, _, lean in rows),
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


def issue(stories: int = 7, **changes: object) -> IssueView:
    """An Issue of the first ``stories`` Stories; the third lacks the right, which it must say."""
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
