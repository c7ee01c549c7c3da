"""What happened: a few consecutive sentences of the one Article that reports the newest development best. Pure."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from newsletter.feeds.leans import Side
from newsletter.stories.words import terms
from newsletter.summaries.extractive.reading import Said, sentences, unquoted
from newsletter.summaries.extractive.similarity import READ, Weights
from newsletter.summaries.extractive.states import day_told, overtaken
from newsletter.summaries.protocol import ArticleText

WANTED, LONGEST = 85, 100  # words of the paragraph
MOST = 4  # sentences
FIRST = 3  # a paragraph begins among an Article's first sentences
ENOUGH, NEAR = (
    30,
    0.6,
)  # words of a center outlet's paragraph, and its nearness beside the nearest, to be taken first
LEDE = 30  # words from which the lede is one sentence
HALF_LIFE = timedelta(hours=18)
ENOUGH_NAMED = 3  # Articles that name a day, from which the others are measured by them
WHOLE = 5.0  # what speaks for a paragraph: its whole text's nearness to the Story, as much as its own
# What speaks for a paragraph: a center outlet, the lead, the newest; and against it: another length.
CENTER, LEAD, RECENT, LENGTH = 1.0, 0.25, 1.5, 0.6
OWN_WORDS = 2.0  # against words in a side's outlet that nobody else uses: its own wording
QUOTED = 0.6  # against a paragraph by the share of its words that stands in quotation marks
REPEATS = 0.75  # how far one sentence of the paragraph may say what another says
LATER = timedelta(hours=3)  # a newer fact
ADDS = 0.55  # how far a further sentence may repeat the paragraph
TOLD_BY, NEW_WORDS, KNOWN_WORDS = 2, 2, 3  # newsrooms that use the words of a newer fact; how many such
# words it has, and how many of the paragraph's, so that it is about the same
ON_TOPIC = 0.08  # least nearness to the Story of each sentence


@dataclass(frozen=True)
class Paragraph:
    """Consecutive sentences of one Article."""

    said: tuple[Said, ...]

    @property
    def article(self) -> ArticleText:
        return self.said[0].article

    @property
    def lede(self) -> tuple[Said, ...]:
        """The first sentence, or two short ones."""
        return self.said[: 1 if self.said[0].words >= LEDE or len(self.said) == 1 else 2]

    @property
    def rest(self) -> tuple[Said, ...]:
        return self.said[len(self.lede) :]

    @property
    def words(self) -> int:
        return sum(s.words for s in self.said)

    @property
    def quoted(self) -> float:
        """The share of its words that stands in quotation marks, 0…1."""
        return 1 - sum(len(unquoted(s.text).split()) for s in self.said) / self.words

    @property
    def terms(self) -> frozenset[str]:
        return frozenset[str]().union(*(s.terms for s in self.said))


def best_paragraph(articles: Sequence[ArticleText], weights: Weights) -> Paragraph | None:
    """Return the paragraph that tells the Story best; None when no Article has a sentence fit to stand first."""
    as_of = told_as_of(articles)
    newest = max(as_of.values())
    central = {a.id: weights.central(terms(a.text[:READ])) for a in articles}
    known = [a for a in articles if not overtaken(a, articles, weights)] or list(articles)

    def worth(paragraph: Paragraph) -> float:
        article = paragraph.article
        age = (newest - as_of[article.id]) / HALF_LIFE
        return (
            weights.central(paragraph.terms)
            + WHOLE * central[article.id]
            + CENTER * neutral(article)
            + LEAD * (paragraph.said[0].position == 0)
            - OWN_WORDS * weights.alone(paragraph.terms) * (not neutral(article))
            + RECENT * math.pow(0.5, age)
            - QUOTED * paragraph.quoted
            - LENGTH * abs(paragraph.words - WANTED) / WANTED
        )

    found = [p for a in known for p in _paragraphs(a, weights)]
    fair = [p for p in found if neutral(p.article) and p.words >= ENOUGH]
    nearest = max((weights.central(p.terms) for p in found), default=0.0)
    fair = [p for p in fair if weights.central(p.terms) >= NEAR * nearest]
    if all(neutral(a) for a in articles):
        fair = []
    return max(fair or found, key=worth, default=None)


def told_as_of(articles: Sequence[ArticleText]) -> dict[int, datetime]:
    """Return the time of what each Article tells, by id: the end of the day its first sentences name, its own time at the latest.

    An Article that names none may repeat an older development: it counts as the median of those that do.
    """
    named: dict[int, datetime] = {}
    for a in articles:
        lead = " ".join(s.text for s in sentences(a)[:2])
        if day := day_told(lead, a.published_at):
            named[a.id] = min(a.published_at, datetime.combine(day, time.max, a.published_at.tzinfo))
    if len(named) < ENOUGH_NAMED:
        return {a.id: a.published_at for a in articles}
    usual = sorted(named.values())[len(named) // 2]
    return {a.id: named.get(a.id, min(usual, a.published_at)) for a in articles}


def neutral(article: ArticleText) -> bool:
    """No side's outlet wrote the text: a center outlet, a wire, or one that counts for no Side and is not state-run."""
    if article.state_run:
        return False
    return article.side in (Side.CENTER, None) or article.wire_key is not None


def further(paragraph: Paragraph, articles: Sequence[ArticleText], weights: Weights) -> Said | None:
    """One sentence of a later Article that adds a newer fact; None without one.

    A fact is newer when two newsrooms use its words that no text up to the paragraph's uses, and when the sentence names a
    day that is not before the one the paragraph's Article tells of.
    """
    until = paragraph.article.published_at + LATER
    told_on = told_as_of(articles)[paragraph.article.id].date()
    before = {t for a in articles if a.published_at < until for t in terms(f"{a.headline} {a.text}")}
    users: dict[str, set[str]] = defaultdict(set)
    later = [a for a in articles if a.published_at >= until]
    for a in later:
        for t in set(terms(f"{a.headline} {a.text[:READ]}")) - before:
            users[t].add(a.origin)
    new = {t for t, who in users.items() if len(who) >= TOLD_BY}
    found = [
        s
        for a in later
        if neutral(a)
        for s in sentences(a)[:FIRST]
        if s.stands_alone
        and s.text[0] not in "“\"'‘"
        and paragraph.words + s.words <= LONGEST + LEDE
        and len(new & s.terms) >= NEW_WORDS
        and weights.central(s.terms) >= 2 * ON_TOPIC
        and len(s.terms & paragraph.terms) >= KNOWN_WORDS
        and weights.repeats(s.terms, paragraph.terms) < ADDS
        and (day := day_told(s.text, s.article.published_at)) is not None
        and day >= told_on
    ]
    return max(
        found,
        key=lambda s: len(new & s.terms) + weights.central(s.terms) + CENTER * (s.side is Side.CENTER),
        default=None,
    )


def _paragraphs(article: ArticleText, weights: Weights) -> list[Paragraph]:
    """Every run of consecutive sentences that may be the paragraph."""
    said = sentences(article)
    found = []
    for start, first in enumerate(said):
        if first.position >= FIRST or not first.stands_alone or first.text[0] in "“\"'‘":
            continue
        run: list[Said] = []
        for s in said[start : start + MOST]:
            if run and s.position != run[-1].position + 1:
                break
            if (
                weights.central(s.terms) < ON_TOPIC * weights.judges
                or sum(x.words for x in run) + s.words > LONGEST
            ):
                break
            if any(
                max(weights.repeats(s.terms, x.terms), weights.repeats(x.terms, s.terms)) >= REPEATS
                for x in run
            ):
                break
            run.append(s)
            found.append(Paragraph(tuple(run)))
    return found
