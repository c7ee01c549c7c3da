"""What the Articles of a Story state, sentence by sentence, with what is needed to choose among the sentences. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from newsletter.feeds.leans import Side
from newsletter.stories.terms import centroid, cosine, terms
from newsletter.summaries import headlines
from newsletter.summaries.coherence import dangling, points_back, speaks_itself, told_by_the_day, voiceless
from newsletter.summaries.loaded_words import loaded_in
from newsletter.summaries.protocol import ArticleText
from newsletter.summaries.segmentation import pieces, words_in
from newsletter.summaries.story_text import Citation
from newsletter.summaries.truecasing import Casing

SAME = 0.6  # cosine from which two sentences of different Articles say the same
_NUMBER = re.compile(r"\d[\d,.]*")

MANY = 4  # Outlets: with fewer, a Side's own matter may well be in nobody else's words


@dataclass(frozen=True)
class Statement:
    """One sentence of one Article. ``passage`` stands verbatim in it; ``position`` is -1 for a headline."""

    text: str
    passage: str
    position: int
    article: ArticleText
    terms: tuple[str, ...]
    words: int
    loaded: int
    leans_back: bool  # starts with "He", "But", "Meanwhile" …, or tells a day by the day of its writing
    speaks_itself: bool  # "we", "you" outside quotation marks
    salience: float  # how central to the Story, comparable within it
    central: float  # cosine to the Story's centroid alone
    on_title: float  # cosine to its own Article's headline
    about: float  # cosine to the Story's headlines: low for what an excerpt says beside the matter

    @property
    def side(self) -> Side:
        return self.article.side

    @property
    def is_headline(self) -> bool:
        return self.position < 0

    @property
    def stands_alone(self) -> bool:
        """May stand where nothing is told before it."""
        return self.fit and not points_back(self.text)

    @property
    def citation(self) -> Citation:
        return Citation(self.article.id, self.passage)

    @property
    def fit(self) -> bool:
        """May stand anywhere by itself."""
        return not self.leans_back and not self.speaks_itself

    def like(self, other: Statement) -> float:
        """Cosine of the two sentences' words."""
        return cosine(Counter(self.terms), Counter(other.terms))


def origin(article: ArticleText) -> str:
    """Who is counted for a text: the wire copy once, otherwise the Outlet."""
    return article.wire_key or article.outlet


def centroid_of(articles: Sequence[ArticleText]) -> dict[str, float]:
    """The Story's centroid over headlines and excerpts."""
    return centroid([(origin(a), terms(a.headline) + terms(a.excerpt)) for a in articles])


def statements(articles: Sequence[ArticleText]) -> list[Statement]:
    """All sentences of the excerpts that may be published, and the headlines as sentences of last resort."""
    center = centroid_of(articles)
    titles = Counter(t for a in articles for t in terms(a.headline))
    casing = Casing.of([t for a in articles for t in (a.excerpt, a.headline)])
    others = headlines.words_of_others(articles)
    many = len({a.outlet for a in articles}) >= MANY
    found = []
    for article in articles:
        rows = [(p.text, p.passage, p.position) for p in pieces(article.excerpt, article.headline)]
        line = headlines.as_sentence(article.headline, casing)
        if line and not headlines.is_cut_off(line.passage, others[article.id]):
            rows.append((line.text, line.passage, -1))
        for text, passage, position in rows:
            words = terms(text)
            if len(set(words)) < 3:
                continue
            weights = Counter(words)
            about = cosine(weights, titles)
            if many and position > 0 and about == 0.0 and not _shares(words, article, articles):
                continue  # what has no word in common with any headline or other Outlet of many is beside the Story
            near = 1.0 if position < 0 else 1 / (1 + position)
            found.append(
                Statement(
                    text=text,
                    passage=passage,
                    position=position,
                    article=article,
                    terms=words,
                    words=words_in(text),
                    loaded=loaded_in(text),
                    leans_back=dangling(text) or voiceless(text) or told_by_the_day(text),
                    speaks_itself=speaks_itself(text),
                    salience=cosine(weights, center) + 0.3 * near + 0.8 * about,
                    central=cosine(weights, center),
                    on_title=cosine(weights, Counter(terms(article.headline))),
                    about=about,
                )
            )
    return found


def of_other_matters(articles: Sequence[ArticleText]) -> frozenset[int]:
    """Articles, by number, whose headline shares no word with that of any other: grouped here in error, or saying nothing.
    Of two Articles none."""
    own = {a.id: set(terms(a.headline)) for a in articles}
    using = Counter(t for words in own.values() for t in words)
    if len(articles) < 3:
        return frozenset()
    return frozenset(n for n, words in own.items() if words and all(using[t] == 1 for t in words))


def _shares(words: Sequence[str], article: ArticleText, articles: Sequence[ArticleText]) -> bool:
    return any(set(words) & set(terms(a.excerpt)) for a in articles if a.outlet != article.outlet)


def same_said(
    statement: Statement, others: Sequence[Statement], *, at_least: float = SAME
) -> list[Statement]:
    """Sentences of other Articles that say the same: the nearest of each Article, with no number that contradicts."""
    numbers = set(_NUMBER.findall(statement.text))
    best: dict[int, tuple[float, Statement]] = {}
    for other in others:
        if other.article.id == statement.article.id:
            continue
        likeness = statement.like(other)
        theirs = set(_NUMBER.findall(other.text))
        if likeness < at_least or (numbers and theirs and not numbers & theirs):
            continue
        if likeness > best.get(other.article.id, (0.0, other))[0]:
            best[other.article.id] = (likeness, other)
    return [s for _, s in sorted(best.values(), key=lambda p: (-p[0], p[1].article.id))]
