"""Short verbatim quotations, shared out among the Sides. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from newsletter.feeds.leans import SIDES, Side
from newsletter.stories.terms import cosine, terms
from newsletter.summaries.protocol import ArticleText
from newsletter.summaries.segmentation import plain, split
from newsletter.summaries.selection.speakers import carried_on, described, in_full, speaker, the_only_one
from newsletter.summaries.selection.statements import MANY
from newsletter.summaries.story_text import Citation, Quote

SHORTEST, LONGEST = 4, 34  # words of a Quote
HANDY = 14  # words of the best length
MOST = 2  # of a Side
AGAIN = 0.6  # share of its meaning words from which a quotation repeats another
TOLD = 0.8  # and from which a sentence that is printed has told it
BESIDE = 0.22  # cosine of an Article's headline to the others' under which it is not quoted
_QUOTED = re.compile(r"“([^“”]{12,260})”|\"([^\"]{12,260})\"")
_VERB = re.compile(
    r"\b(?:is|are|was|were|am|be|been|has|have|had|do|does|did|will|would|can|could|should|must|may|might|cannot|want|need|know|knew|"
    r"think|thought|believe|feel|felt|make|makes|made|take|took|give|gave|say|says|said|see|saw|seen|get|got|go|went|came|found|left|lost|"
    r"told|stand|stood|understand|hope|keep|kept|let|put|\w{3,}ed)\b|\b(?:I|we|you|they) [a-z]{3,}|\w(?:n[’']t|[’'](?:re|ve|ll|m))\b",
    re.IGNORECASE,
)
# Who says it stands right behind the closing mark: then what stands between the marks is a sentence, whatever its verb.
_ATTRIBUTED = re.compile(
    r"^,?\s*(?:[\w’'.\-]+ ){1,9}?(?:said|says|told|wrote|added)\b|^,?\s*(?:said|says|told|wrote|added)\b"
)
# "What we know: the wall stands": a heading. "The goal is plain: keep the water out": a sentence.
_HEADING = re.compile(r"^(?:\S+\s+){0,3}\S*[a-z]:\s")


def quotes(
    articles: Sequence[ArticleText], *, limit: int = MOST, taken: Sequence[str] = ()
) -> tuple[Quote, ...]:
    """At most ``limit`` Quotes, at most one of each Article, those with a named speaker first, then those of a handy length.
    Words of which the Article does not say whose they are are nobody's, and not quoted.

    Each stands by itself: a clause from its start. What is ``taken`` (printed elsewhere) is not quoted again.
    """
    chosen: list[Quote] = []
    for quote in _of_articles(articles):
        own = {q.citation.article_id for q in chosen}
        if len(chosen) == limit or quote.citation.article_id in own:
            continue
        if not _told(quote, taken) and not _repeats(quote, chosen):
            chosen.append(quote)
    return tuple(chosen)


def of_sides(articles: Sequence[ArticleText], *, taken: Sequence[str] = ()) -> dict[Side, tuple[Quote, ...]]:
    """:func:`quotes` of each Side. Whoever has the fewest to choose from chooses first, so that words which several Sides
    quote are left to the one that has no others; and neither left nor right is quoted twice while the other is not at all.
    """
    beside = _beside(articles)
    fit = [a for a in articles if a.id not in beside]
    able = {
        side: [q for q in _of_articles([a for a in fit if a.side is side]) if not _told(q, taken)]
        for side in SIDES
    }
    present = {a.side for a in articles}
    chosen: dict[Side, list[Quote]] = {side: [] for side in SIDES}
    for turn in range(MOST):
        for side in sorted(SIDES, key=lambda s: (len(able[s]), SIDES.index(s))):
            other = _OTHER.get(side)
            if turn and other in present and not chosen[other]:
                continue
            before = [q for found in chosen.values() for q in found]
            own = {q.citation.article_id for q in chosen[side]}
            for quote in able[side]:
                if quote.citation.article_id not in own and not _repeats(quote, before):
                    chosen[side].append(quote)
                    break
    return {side: tuple(found) for side, found in chosen.items()}


_OTHER: Mapping[Side, Side] = {Side.LEFT: Side.RIGHT, Side.RIGHT: Side.LEFT}


def _beside(articles: Sequence[ArticleText]) -> frozenset[int]:
    """Of many Articles those, by number, whose headline is hardly like the others': they tell of something beside the Story."""
    titles = {a.id: Counter(terms(a.headline)) for a in articles}
    whole: Counter[str] = sum(titles.values(), Counter())
    if len(articles) <= MANY:
        return frozenset()
    return frozenset(n for n, own in titles.items() if own and cosine(own, whole - own) < BESIDE)


def _of_articles(articles: Sequence[ArticleText]) -> list[Quote]:
    """All that may be quoted, the best first."""
    matter = {t for a in articles for t in terms(a.headline)}
    found = [
        (rank, order, quote)
        for order, article in enumerate(articles)
        for rank, quote in _of_article(article, matter)
    ]
    return [quote for _, _, quote in sorted(found, key=lambda f: f[:2])]


def _of_article(article: ArticleText, matter: set[str]) -> Iterator[tuple[tuple[bool, int], Quote]]:
    """Each quotation that may be printed, with how much speaks against it."""
    before = ""
    end = 0
    for passage in split(article.excerpt):
        start = article.excerpt.find(passage, end)
        end = start + len(passage)
        for match in _QUOTED.finditer(passage):
            words = (match.group(1) or match.group(2)).strip()
            opened = start + match.start()
            if article.excerpt[opened] == '"' and article.excerpt.count('"', 0, opened) % 2:
                continue  # what stands here is between two quotations
            if not _worth(words) or not _is_clause(passage, match, words):
                continue
            goes_on = carried_on(passage, match, before)
            if matter and not matter & set(terms(f"{before} {passage}" if goes_on else passage)):
                continue  # beside what the Story is about
            named = in_full(speaker(passage, match) or goes_on, article) or the_only_one(
                passage, match, article, opened
            )
            if named and " " not in named and not set(terms(named)) <= matter:
                continue  # a name that says nobody to who has not read the Article
            if who := named or described(passage, match):
                quote = Quote(plain(_verbatim(words)), who, Citation(article.id, _verbatim(words)))
                yield (not named, abs(len(words.split()) - HANDY)), quote
        before = passage


def _worth(words: str) -> bool:
    count = len(words.split())
    return SHORTEST <= count <= LONGEST and not re.search(r"https?:|[@#]\w|\.\.\.|…|[“”\"\[\]]", words)


def _is_clause(passage: str, match: re.Match[str], words: str) -> bool:
    """From a clause's start to a stop, with a verb; and between two marks that belong together."""
    before, after = passage[: match.start()], passage[match.end() :]
    if before[-1:].isalnum() or after[:1].isalnum() or before.count('"') % 2:
        return False
    if not re.match(r"[A-Z]", words) or _HEADING.search(words):
        return False
    whole = words[-1] == "," and bool(_ATTRIBUTED.match(after)) and not before.strip()
    if not whole and not _VERB.search(words):
        return False
    return words[-1] in ".,!?" or bool(re.match(r"[.,;]|\s*$", after))


def _told(quote: Quote, printed: Sequence[str]) -> bool:
    """A sentence that is printed elsewhere says it, or quotes a good part of it."""
    return any(_share(quote.words, text) >= TOLD or _run(quote.words, text) for text in printed)


def _repeats(quote: Quote, others: Sequence[Quote]) -> bool:
    return any(max(_share(quote.words, o.words), _share(o.words, quote.words)) >= AGAIN for o in others)


def _share(words: str, text: str) -> float:
    """How many of the meaning words the text has."""
    own = set(terms(words))
    return len(own & set(terms(text))) / len(own) if own else 1.0


def _run(words: str, text: str) -> bool:
    """Half of the words stand in the text in one piece."""
    own, there = (re.findall(r"\w+", t.lower()) for t in (words, text))
    size = max(SHORTEST, (len(own) + 1) // 2)
    whole = f" {' '.join(there)} "
    return any(f" {' '.join(own[i : i + size])} " in whole for i in range(max(1, len(own) - size + 1)))


def _verbatim(words: str) -> str:
    """Without the comma or full stop that American typography puts before the closing mark."""
    return words.rstrip(",.")
