"""Words that one Side's headlines use and the others' do not. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from newsletter.feeds.leans import SIDES, Side
from newsletter.stories.terms import STOPWORDS, log_odds
from newsletter.summaries.headlines import clean
from newsletter.summaries.protocol import ArticleText
from newsletter.summaries.selection.framing import TELLING, root_of
from newsletter.summaries.selection.statements import origin

MIN_OUTLETS = 2  # distinct Outlets of the Side that use the word
LEAST_SHARE = 0.1  # of the Side's headlines that must use the word
MIN_HEADLINES = 2  # headlines the other Sides must have, or "they do not use it" means nothing
MAX_WORDS = 5
_WORD = re.compile(r"[A-Za-zÀ-ÿ][A-Za-zÀ-ÿ0-9]*(?:-[A-Za-zÀ-ÿ0-9]+)*")
# Words that any headline about anything may use.
_TRIVIAL = frozenset(
    [
        "set",
        "show",
        "shows",
        "newly",
        "next",
        "ahead",
        "outside",
        "inside",
        "major",
        "hold",
        "holds",
        "bringing",
        "bring",
        "brings",
        "announces",
        "announce",
        "expands",
        "expand",
        "break",
        "breaks",
        "gov",
        "rep",
        "sen",
        "official",
        "officials",
        "anybody",
        "launches",
        "launch",
        "begins",
        "begin",
        "starts",
        "start",
        "arrives",
        "arrive",
        "faces",
        "face",
        "gets",
        "win",
        "wins",
        "latest",
        "live",
        "update",
        "updates",
        "report",
        "reports",
        "says",
        "watch",
        "video",
        "news",
        "today",
        "tomorrow",
        "could",
        "would",
        "near",
        "big",
        "top",
        "key",
        "late",
        "early",
        "again",
        "another",
        "week",
        "month",
        "months",
        "makes",
        "take",
        "takes",
        "taking",
        "plan",
        "plans",
        "move",
        "moves",
        "call",
        "calls",
        "gives",
        "give",
        "goes",
        "leave",
        "leaves",
        "look",
        "looks",
        "see",
        "sees",
        "find",
        "finds",
        "tells",
        "ask",
        "asks",
        "say",
        "come",
        "comes",
        "coming",
        "keep",
        "keeps",
        "want",
        "wants",
        "know",
        "need",
        "needs",
        "things",
        "thing",
        "amid",
        "toward",
        "towards",
        "world",
        "national",
        "state",
        "former",
        "more",
        "most",
        "end",
        "ends",
        "turn",
        "turns",
        "open",
        "opens",
        "close",
        "closes",
        "run",
        "runs",
        "put",
        "puts",
    ]
)


def side_words(articles: Sequence[ArticleText]) -> Mapping[Side, tuple[str, ...]]:
    """Up to five words of each Side that judge or name by judging, most used first. A word any headline of another Side uses
    is no side word, nor is one that only tells what happened: that one Side's headlines have "court" says nothing of it."""
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
        own = [
            r
            for r in using[side]
            if r in TELLING
            and not elsewhere[r]
            and len(using[side][r]) >= max(MIN_OUTLETS, LEAST_SHARE * headlines[side])
        ]
        best = sorted(own, key=lambda r: (-len(using[side][r]), -scores.get(r, 0.0), r))[:MAX_WORDS]
        if best:
            found[side] = tuple(min(shown[r], key=lambda w: (-shown[r][w], w)) for r in best)
    return found


def words_of(headline: str) -> dict[str, str]:
    """The meaningful words of a headline in small letters, each with its stem."""
    text = clean(headline).replace("’s", "").replace("'s", "")
    words = (m.lower() for m in _WORD.findall(text))
    return {w: root_of(w) for w in words if len(w) > 2 and w not in STOPWORDS and w not in _TRIVIAL}
