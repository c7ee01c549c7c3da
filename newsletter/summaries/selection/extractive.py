"""The summarizer that needs no key and no network: the outlets' own sentences, chosen, ordered and cited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from newsletter.feeds.leans import SIDES, Side
from newsletter.stories.terms import terms
from newsletter.summaries import headlines
from newsletter.summaries.coherence import unquoted
from newsletter.summaries.grounding.gate import keep_grounded
from newsletter.summaries.protocol import ArticleText, SummarizerError
from newsletter.summaries.selection import agreements, contrasts, differences, questions, quotes
from newsletter.summaries.selection.overview import overview_of
from newsletter.summaries.selection.recency import current, has_come, newest_toll, other_toll
from newsletter.summaries.selection.selection import (
    REPEATED,
    WORD_FOR_WORD,
    choose,
    neutral_scores,
    side_scores,
)
from newsletter.summaries.selection.side_telling import MOST_SENTENCES, told_by
from newsletter.summaries.selection.side_words import side_words
from newsletter.summaries.selection.statements import MANY, Statement, of_other_matters, same_said, statements
from newsletter.summaries.selection.waves import latest_wave
from newsletter.summaries.story_text import Bullet, BulletKind, Question, Sentence, Summary, Telling

CENTER_FIRST = 0.1  # what speaks for a center outlet's sentence in the Lede, so that the Sides keep their own for their Summaries
MOST_BULLETS = 6
FEW_QUESTIONS = 2  # where only the Summaries answer any
SAYS_ALL = 0.25  # share of what comes next that a sentence above may leave out and still say it
FEW_HEADLINES = 2  # told for a Side whose excerpts give nothing
NEAR = 2  # meaning words of the Headline that the Lede has too: it is about the same
ADDS = 3  # meaning words at least by which the Lede says more than the Headline
# Sentences without a loaded word from which the neutral paragraph does without those that have one.
ENOUGH_PLAIN = 6


class Extractive:
    """Tells a Story in its Articles' own sentences. Implements ``Summarizer``."""

    name = "extractive"

    def tell(self, articles: Sequence[ArticleText]) -> Telling:
        """The Story's words, passed through the grounding gate. Raises SummarizerError when there is nothing to tell from."""
        if not articles:
            raise SummarizerError("there is no article to tell the story from")
        articles = _in_order(articles)
        pool = current(statements(articles))
        toll = newest_toll(pool)
        beside, many = of_other_matters(articles), len(articles) > MANY
        together = [s for s in pool if s.article.id not in beside or not (s.is_headline or many)]
        plain = [s for s in together or pool if not other_toll(s.text, toll)] or pool
        newest = {a.id for a in latest_wave(articles)}
        headline = headlines.neutral(
            [a for a in articles if a.id in newest and not other_toll(a.headline, toll)] or articles
        )
        lede = _lede([s for s in plain if s.article.id in newest] or plain, headline)
        fresh = [s for s in plain if together and not agreements.repeats(s.text, headline, WORD_FOR_WORD)]
        overview = overview_of(_unloaded(fresh), articles, lede)
        shown = [*lede, *overview]
        sides: dict[Side, list[Statement]] = {}
        for side in (
            Side.LEFT,
            Side.RIGHT,
            Side.CENTER,
        ):  # what one Side's outlets print is not printed again for another
            said = [x for chosen in sides.values() for x in chosen]
            speaks = any(s.side is side and s.fit for s in plain)
            sides[side] = _side(side, plain if speaks else pool, shown, said)
        words = side_words(articles)
        told = [*shown, *(x for chosen in sides.values() for x in chosen)]
        analysis, used = _analysis(plain if together else [], shown, told, articles, words, headline)
        spoken = quotes.of_sides(articles, taken=[s.text for s in [*told, *used]])
        telling = Telling(
            headline=headline,
            lede=tuple(_sentence(s, pool) for s in lede),
            overview=tuple(_sentence(s, pool) for s in overview),
            analysis=tuple(analysis),
            summaries=tuple(
                Summary(
                    side,
                    tuple(_sentence(s, pool, side=side) for s in chosen),
                    spoken[side],
                )
                for side in SIDES
                if (chosen := sides[side])
            ),
            questions=tuple(
                Question(question, (_sentence(answer, pool),))
                for question, answer in questions.ask(plain, [*told, *used])
                or questions.of_substance(questions.ask(plain, [*shown, *used]))[:FEW_QUESTIONS]
            ),
            side_words=words,
        )
        return _paired(keep_grounded(telling, articles))


def _in_order(articles: Sequence[ArticleText]) -> list[ArticleText]:
    """Oldest first, so that the same Articles are told the same however they come."""
    return sorted(articles, key=lambda a: (a.published_at, a.id))


def _paired(telling: Telling) -> Telling:
    """Without one Side's own words in the Analysis when the gate left the other's out."""
    lone = [b for b in telling.analysis if differences.is_in_their_words(b)]
    if len(lone) != 1:
        return telling
    return replace(telling, analysis=tuple(b for b in telling.analysis if b is not lone[0]))


def overview(articles: Sequence[ArticleText]) -> str:
    """Only the neutral paragraph, standing by itself: what ``evaluate neutral`` measures."""
    articles = _in_order(articles)
    return " ".join(s.text for s in overview_of(_unloaded(current(statements(articles))), articles))


def side_texts(articles: Sequence[ArticleText]) -> dict[Side, str]:
    """Each Side's Summary as it would be published, empty where it has none: what ``evaluate sides`` measures."""
    if not articles:
        return dict.fromkeys(SIDES, "")
    told = Extractive().tell(articles)
    return {
        side: " ".join(s.text for s in summary.sentences) if (summary := told.summary(side)) else ""
        for side in SIDES
    }


def _unloaded(pool: Sequence[Statement]) -> list[Statement]:
    """What may stand in the neutral paragraph: without loaded words, where enough is said without them."""
    plain = [s for s in pool if not s.loaded]
    return plain if sum(s.fit and not s.is_headline for s in plain) >= ENOUGH_PLAIN else list(pool)


def _lede(pool: Sequence[Statement], headline: str) -> list[Statement]:
    """The most central plain first sentence that says more than the headline above it; another headline only when no
    excerpt gives one."""
    known = set(terms(headline))
    near = [s for s in pool if len(set(s.terms) & known) >= min(NEAR, len(known))] or list(pool)
    steps = ([s for s in near if len(set(s.terms) - known) >= n] for n in (ADDS, ADDS - 1, 0))
    pool = next((kept for kept in steps if kept), [])
    alone = [i for i, s in enumerate(pool) if s.stands_alone] or [i for i, s in enumerate(pool) if s.fit]
    leads = [i for i in alone if pool[i].position == 0] or alone
    leads = [i for i in leads if not pool[i].loaded] or leads
    scores = neutral_scores(pool)
    plain = {i: scores[i] + CENTER_FIRST * (pool[i].side is Side.CENTER) for i in leads if i in scores}
    return choose(pool, plain, words=30, limit=1)


def _side(
    side: Side, pool: Sequence[Statement], shown: Sequence[Statement], said: Sequence[Statement]
) -> list[Statement]:
    """The Side's sentences, preferring those not yet ``shown``, and none that another Side ``said``; its headlines only
    when its excerpts give nothing, what another Side said too only when nothing else is left."""
    scores = side_scores(pool, side, pool)
    whole = {i: v for i, v in scores.items() if not pool[i].is_headline}
    for able, before in ((whole, said), (whole, ()), (scores, said)):
        most = MOST_SENTENCES if able is whole else FEW_HEADLINES
        if chosen := told_by(side, pool, able, shown=shown, said=before, most=most):
            return chosen
    return told_by(side, pool, scores, shown=shown, most=FEW_HEADLINES)


def _sentence(statement: Statement, pool: Sequence[Statement], *, side: Side | None = None) -> Sentence:
    """The sentence with its Citations: its own Article first, then those that say the same (of ``side`` only, if given)."""
    others = [s for s in pool if side is None or s.side is side]
    same = same_said(statement, others)[:4]
    return Sentence(statement.text, (statement.citation, *(s.citation for s in same)))


def _analysis(
    pool: Sequence[Statement],
    above: Sequence[Statement],
    told: Sequence[Statement],
    articles: Sequence[ArticleText],
    words: Mapping[Side, Sequence[str]],
    headline: str,
) -> tuple[list[Bullet], list[Statement]]:
    """Agree, differ, next; and the sentences it used. None that is ``told`` already word for word: nobody reads it twice."""
    pool = _untold(pool, told)
    agreed = agreements.agreements(pool, articles, above=above, told=told, headline=headline)
    used = [statement for statement, _ in agreed]
    agree = [Bullet(BulletKind.AGREE, sentence) for _, sentence in agreed]
    counted = differences.telling_counts(words, articles)
    differ = [
        Bullet(BulletKind.DIFFER, Sentence(c.text, differences.citations(c, articles))) for c in counted
    ]
    if len(differ) < 2:
        beside = contrasts.contrast(pool, articles, above=[*above, *used])
        differ += contrasts.bullets(beside)
        used += beside.values()
    ahead = coming(pool, [*told, *used]) or coming(pool, [*above, *used])
    used += ahead
    after = [Bullet(BulletKind.NEXT, _sentence(s, pool)) for s in ahead]
    return [*agree[: MOST_BULLETS - len(differ) - len(after)], *differ, *after], used


def _untold(pool: Sequence[Statement], told: Sequence[Statement]) -> list[Statement]:
    texts = {s.text for s in told}
    return [s for s in pool if s.text not in texts]


def coming(pool: Sequence[Statement], told: Sequence[Statement]) -> list[Statement]:
    """At most one sentence on what comes next, from an Article young enough for it to be still to come."""
    latest = max((s.article.published_at for s in pool), default=None)
    for s in sorted(pool, key=lambda s: (s.is_headline, -s.salience, s.article.id, s.position)):
        if (
            s.stands_alone
            and not s.loaded
            and not agreements.JUDGED.search(unquoted(s.text))
            and s.about >= questions.ABOUT
            and questions.tells_next(s.text)
            and questions.is_fresh(s, latest)
            and all(
                s.like(t) < REPEATED and len(set(s.terms) - set(t.terms)) > SAYS_ALL * len(set(s.terms))
                for t in told
            )
            and not has_come(s, pool)
        ):
            return [s]
    return []
