"""What happened: a few consecutive sentences of the one Article that reports the newest development best. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from newsletter.feeds.leans import Side
from newsletter.summaries.extractive.likeness import READ, Weights, terms
from newsletter.summaries.extractive.reading import Said, sentences
from newsletter.summaries.extractive.states import overtaken
from newsletter.summaries.protocol import ArticleText

WANTED, LONGEST = 75, 100  # words of the paragraph
MOST = 4  # sentences
FIRST = 3  # a paragraph begins among an Article's first sentences
LEDE = 30  # words from which the lede is one sentence
HALF_LIFE = timedelta(hours=12)
CENTER, LEAD, RECENT, LENGTH = (
    0.22,
    0.12,
    0.25,
    0.25,
)  # what speaks for a paragraph, beside its nearness to the Story
REPEATS = 0.65  # how far one sentence of the paragraph may say what another says
LATER = timedelta(hours=3)  # a newer fact
TOLD_BY, NEW_WORDS = 2, 2  # newsrooms that use the words of a newer fact, and how many such words it has
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
    def terms(self) -> frozenset[str]:
        return frozenset[str]().union(*(s.terms for s in self.said))


def best_paragraph(
    articles: Sequence[ArticleText], weights: Weights, *, wanted: int = WANTED
) -> Paragraph | None:
    """The paragraph that tells the Story best; None when no Article has a sentence fit to stand first."""
    newest = max(a.published_at for a in articles)
    known = [a for a in articles if not overtaken(a, articles, weights)] or list(articles)

    def worth(paragraph: Paragraph) -> float:
        article = paragraph.article
        neutral = article.side is Side.CENTER or article.wire_key is not None
        age = (newest - article.published_at) / HALF_LIFE
        return (
            weights.central(paragraph.terms)
            + CENTER * (neutral - article.state_run)
            + CENTER / 2 * (article.side is None)
            + LEAD * (paragraph.said[0].position == 0)
            + RECENT * 0.5**age
            - LENGTH * abs(paragraph.words - wanted) / wanted
        )

    found = [p for a in known for p in _paragraphs(a, weights, wanted=wanted)]
    return max(found, key=worth, default=None)


def further(paragraph: Paragraph, articles: Sequence[ArticleText], weights: Weights) -> Said | None:
    """One sentence of a later Article that adds a newer fact; None without one.

    A fact is newer when two newsrooms use its words that no text up to the paragraph's uses.
    """
    until = paragraph.article.published_at + LATER
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
        for s in sentences(a)[:FIRST]
        if s.stands_alone
        and s.text[0] not in "“\"'‘"
        and paragraph.words + s.words <= LONGEST + LEDE
        and len(new & s.terms) >= NEW_WORDS
        and weights.central(s.terms) >= 2 * ON_TOPIC
    ]
    return max(
        found,
        key=lambda s: len(new & s.terms) + weights.central(s.terms) + CENTER * (s.side is Side.CENTER),
        default=None,
    )


def _paragraphs(article: ArticleText, weights: Weights, *, wanted: int) -> list[Paragraph]:
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
            if weights.central(s.terms) < ON_TOPIC or sum(x.words for x in run) + s.words > LONGEST:
                break
            if any(weights.alike(s.terms, x.terms) >= REPEATS for x in run):
                break
            run.append(s)
            found.append(Paragraph(tuple(run)))
    return found
