"""Words that one Side's headlines use and the others' do not. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from newsletter.newsroom.headlines import clean
from newsletter.newsroom.leans import SIDES, Side
from newsletter.newsroom.salience import STOPWORDS, log_odds, stem
from newsletter.newsroom.statements import origin
from newsletter.newsroom.summarizers.protocol import ArticleText

MIN_OUTLETS = 2  # distinct Outlets of the Side that use the word
MIN_HEADLINES = 2  # headlines the other Sides must have, or "they do not use it" means nothing
MAX_WORDS = 5
_WORD = re.compile(r"[A-Za-zÀ-ÿ][A-Za-zÀ-ÿ\-]{2,}")


def side_words(articles: Sequence[ArticleText]) -> Mapping[Side, tuple[str, ...]]:
    """Up to five words of each Side, most telling first. A word any headline of another Side uses is no side word."""
    using: dict[Side, dict[str, set[str]]] = {s: {} for s in SIDES}
    shown: dict[str, Counter[str]] = {}
    counts: dict[Side, Counter[str]] = {s: Counter() for s in SIDES}
    headlines: Counter[Side] = Counter()
    for article in articles:
        headlines[article.side] += 1
        for word, root in words_of(article.headline).items():
            using[article.side].setdefault(root, set()).add(origin(article))
            counts[article.side][root] += 1
            shown.setdefault(root, Counter())[word] += 1
    found = {}
    for side in SIDES:
        others = [s for s in SIDES if s is not side]
        if sum(headlines[s] for s in others) < MIN_HEADLINES:
            continue
        elsewhere: Counter[str] = sum((counts[s] for s in others), Counter())
        scores = log_odds(counts[side], elsewhere, counts[side] + elsewhere)
        own = [r for r in using[side] if len(using[side][r]) >= MIN_OUTLETS and not elsewhere[r]]
        best = sorted(own, key=lambda r: (-len(using[side][r]), -scores.get(r, 0.0), r))[:MAX_WORDS]
        if best:
            found[side] = tuple(min(shown[r], key=lambda w: (-shown[r][w], w)) for r in best)
    return found


def words_of(headline: str) -> dict[str, str]:
    """The meaningful words of a headline in small letters, each with its stem."""
    text = clean(headline).replace("’s", "").replace("'s", "")
    return {w: stem(w) for w in (m.lower() for m in _WORD.findall(text)) if w not in STOPWORDS}
