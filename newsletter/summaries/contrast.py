"""Which left and right headlines of one Story differ most in how they put the same event. Pure.

Each eligible headline gets a score: a weighted sum of the four :func:`features`, which ask what it says that the other Side
and the center do not. :data:`WEIGHTS` is a conditional logit (an editor takes one headline of a Side with probability
proportional to exp(score)), fitted by ``contrast-weights`` in the lab on three readers' picks for 50 sets of headlines. None of
them is a headline that ``evaluate contrast`` measures; twelve sets are of the same events. Shared words, with the text, say
whether a headline is on the event at all.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from newsletter.stories.words import STOP_WORDS, fold, in_english, is_stop_word, placed_words, stem, terms
from newsletter.summaries.headline_words import (
    Headline,
    HeadlineWords,
    cosine,
)
from newsletter.summaries.headlines import clean, is_cut_off, tells_nothing

__all__ = ["Chosen", "Headline", "Pair", "marked", "pair", "ranked"]

WEIGHTS: Mapping[str, float] = {
    "own_words": 0.46,
    "own_quotation": 1.04,
    "clauses": 0.59,
    "only_says": -0.28,
}
FEATURES = tuple(WEIGHTS)
SAME_PHRASING_FROM = 0.6  # cosine of the words of two headlines from which they say the same the same way
SHARED = 2  # words by which two headlines, or one and the Story, speak of one matter
DISTINCT = 4  # words marked in a pair, below which the two differ only by a synonym or a detail
STALE = timedelta(
    days=4
)  # before the Article that tells what happened: what an older headline says may no longer hold
ON_TOPIC = 0.35  # share of a headline's words that the Story's own headline and lede have
SECOND = 0.5  # how much less a second headline of a Side may score than the first
COMMON = 0.15  # share of the other headlines that have a word by which a headline is on the event
CORE = 0.3  # and of those that have one of the event's commonest
CLAUSE = 5  # words that make a clause of their own, not an apposition

_QUOTATION = re.compile(r"(?<![^\s(—–:-])[‘“\"'](?=\w)(.{2,80}?)[’”\"'](?!\w)")
_SAYING = frozenset(("say", "says", "said", "report", "reports", "reported", "reportedly", "tells", "told"))
# Marks of a form other than a news report, in any week's headlines.
_ANOTHER_KIND = re.compile(
    r"(?i)\b(?:live blog|live updates?|live[:|]|as it happened|takeaways?|(?:need|what) to know|newsletter|round-?up|list of)"
    r"|\b(?:brief|briefing|digest|recap|readers|letters|opinion|editorial|op-ed|commentary|press release|statement on)\b"
    r"|\b(?:stocks?|shares) to (?:buy|watch)\b|\([a-z]+:[a-z]+\)"
    r"|^(?:live|watch|photos?|video|yes,|no,|what|why|how|should|\d{1,2} \w+ \d{4}:)(?!\w)|\bthings to\b"
)
_TO_THE_READER = re.compile(r"\b(?:I|[Ww]e|[Oo]ur|[Yy]ou|[Yy]our|should)\b")
_TRAILS_OFF = re.compile(r"(?:…|\.\.\.)[\"”’']?(?:\s+[-–—|].*)?$")


@dataclass(frozen=True)
class Chosen:
    """A headline to print, and the slices [start, end) of its text to mark, in order and without overlap."""

    headline: Headline
    marked: tuple[tuple[int, int], ...]

    def printed(self) -> tuple[str, tuple[tuple[int, int], ...]]:
        """Return the headline without labels and site names, a verbatim slice, and the places to mark in it."""
        text = clean(self.headline.text)
        start = self.headline.text.find(text)
        marked = ((a - start, b - start) for a, b in self.marked)
        return text, tuple((a, b) for a, b in marked if a >= 0 and b <= len(text))


@dataclass(frozen=True)
class Pair:
    """One or two headlines of each Side, as many on the left as on the right, best first."""

    left: tuple[Chosen, ...]
    right: tuple[Chosen, ...]


def eligible(headline: Headline, story: HeadlineWords) -> bool:
    """It is a whole English headline of a news article on the Story's event."""
    text = clean(headline.text)
    return not (
        len(text.split()) < 4
        or "?" in text
        or text.isupper()
        or _TRAILS_OFF.search(headline.text)
        or _ANOTHER_KIND.search(headline.text)
        or tells_nothing(text)
        or _TO_THE_READER.search(_QUOTATION.sub(" ", text))
        or _cut_off(text, story.others_words(headline))
        or _several_matters(text, story)
        or _foreign(f"{text} {headline.body[:300]}")
        or not _on_event(headline, story)
    )


def _cut_off(text: str, others: frozenset[str]) -> bool:
    """It ends in the beginning of a word: of a long one, or in up to three letters that are no word the others have."""
    last = re.search(r"[^\W\d_]+$", text)
    if last is None or len(last.group()) > 3:
        return is_cut_off(text, others)
    end = last.group()
    return (
        end.islower()
        and end not in STOP_WORDS
        and end not in others
        and any(word.startswith(end) for word in others)
    )


def _foreign(text: str) -> bool:
    """Not English, or mostly not in Latin letters."""
    letters = [c for c in text if c.isalpha()]
    return sum(c > "\u024f" for c in letters) * 2 > len(letters) or not in_english(text)


def _several_matters(text: str, story: HeadlineWords) -> bool:
    """Return whether the text lists three or more matters, one of which has no word of another headline."""
    parts = [frozenset(terms(part)) for part in re.split(r"[,;]\s", text)]
    return len(parts) > 2 and any(len(p) >= CLAUSE and all(story.using[w] < 2 for w in p) for p in parts)


def _on_event(headline: Headline, story: HeadlineWords) -> bool:
    """It has two words that many of the other headlines have; or one, and its text has most of their commonest."""
    mine, others = story.roots[headline], max(len(story.headlines) - 1, 1)
    often = {w: (n - (w in mine)) / others for w, n in story.using.items() if n > (w in mine)}
    shared = [w for w in mine if often.get(w, 0.0) >= COMMON]
    core = [w for w, share in often.items() if share >= CORE]
    told = [w for w in core if w in mine or w in story.bodies[headline]]
    return len(shared) >= SHARED or bool(shared and 2 * len(told) > len(core))


def features(headline: Headline, story: HeadlineWords) -> dict[str, float]:
    """The numbers a score is made of, each about 0 to 3.

    own_words: square root of the number of stems that only this Side has.
    own_quotation: 1 if it quotes words that only this Side has.
    clauses: 1 if two commas or more divide it.
    only_says: 1 if its verb says that somebody said or reported it.
    """
    text, own = clean(headline.text), story.own(headline)
    quoted = frozenset[str]().union(*(terms(q) for q in _QUOTATION.findall(text)))
    return {
        "own_words": math.sqrt(len(own)),
        "own_quotation": float(bool(quoted & own)),
        "clauses": float(text.count(",") >= 2),
        "only_says": float(any(w in _SAYING for _, _, w in placed_words(text))),
    }


def _score(headline: Headline, story: HeadlineWords) -> float:
    return sum(WEIGHTS[name] * value for name, value in features(headline, story).items())


def _ranked(story: HeadlineWords, side: str) -> list[tuple[Headline, float]]:
    scored = [
        (h, round(_score(h, story), 6)) for h in story.headlines if h.side == side and eligible(h, story)
    ]
    return sorted(scored, key=lambda pair: (-pair[1], pair[0].article_id))


def ranked(headlines: Sequence[Headline], side: str) -> list[tuple[Headline, float]]:
    """Return the eligible headlines of one Side ("left" or "right") with their scores, the one that contrasts most first."""
    return _ranked(HeadlineWords(headlines), side)


def pair(headlines: Sequence[Headline], about: str = "", as_of: datetime | None = None) -> Pair | None:
    """Return the headlines to set beside each other, or None when a Side has none or the two say the same the same way.

    ``about`` is what the Story says happened, and ``as_of`` when that was published (by default, the newest headline): a
    headline about something beside it, or older by :data:`STALE`, is not taken; one whose time is not known counts as new.
    """
    event = frozenset(terms(about))
    story = HeadlineWords(headlines)
    times = [h.published_at for h in headlines if h.published_at is not None]
    as_of = as_of or max(times, default=None)
    since = as_of - STALE if as_of else None
    left, right = (
        [
            (h, s)
            for h, s in _ranked(story, side)
            if (since is None or h.published_at is None or h.published_at >= since)
            and (not event or len(story.roots[h] & event) >= ON_TOPIC * len(story.roots[h]))
        ]
        for side in ("left", "right")
    )
    pairs = sorted(
        ((ls + rs, lh, rh) for lh, ls in left for rh, rs in right if _contrasts(lh, rh, story)),
        key=lambda p: (-p[0], p[1].article_id, p[2].article_id),
    )
    if not pairs:
        return None
    best, first_left, first_right = pairs[0]
    taken = [(first_left, first_right)]
    for total, lh, rh in pairs[1:]:
        if total >= best - 2 * SECOND and _adds(lh, first_left, story) and _adds(rh, first_right, story):
            taken.append((lh, rh))
            break
    return Pair(
        tuple(Chosen(lh, _marks(lh, story)) for lh, _ in taken),
        tuple(Chosen(rh, _marks(rh, story)) for _, rh in taken),
    )


def marked(headlines: Sequence[Headline], article_id: int) -> Chosen:
    """Return the headline of this Article, which is one of ``headlines``, with the words marked that only its Side has."""
    story = HeadlineWords(headlines)
    headline = next(h for h in headlines if h.article_id == article_id)
    return Chosen(headline, _marks(headline, story))


def _contrasts(left: Headline, right: Headline, story: HeadlineWords) -> bool:
    """Return whether the two speak of one matter and not in the same words, and both have words to mark."""
    marked = [_marked_words(h, story) for h in (left, right)]
    return (
        len(story.roots[left] & story.roots[right]) >= SHARED
        and cosine(story.roots[left], story.roots[right]) < SAME_PHRASING_FROM
        and all(marked)
        and sum(map(len, marked)) >= DISTINCT
    )


def _adds(second: Headline, first: Headline, story: HeadlineWords) -> bool:
    """The second headline is another outlet's and no copy of the first."""
    return (
        second.outlet != first.outlet and cosine(story.roots[second], story.roots[first]) < SAME_PHRASING_FROM
    )


def _marked_words(headline: Headline, story: HeadlineWords) -> list[tuple[int, int]]:
    """Where the words stand that only this Side's headlines have.

    No function words, numbers, verbs of saying, words of the outlet's name, or anything outside the cleaned headline (a site's
    name, a label).
    """
    own, text = story.own(headline), clean(headline.text)
    start_of = headline.text.find(text)
    outlet = re.sub(r"\W", "", headline.outlet.lower())
    return [
        (start + start_of, end + start_of)
        for start, end, word in placed_words(text)
        if not is_stop_word(word)
        and stem(word) in own
        and word not in _SAYING
        and not word[0].isdigit()
        and not (len(word) > 2 and word in outlet)
    ]


def _marks(headline: Headline, story: HeadlineWords) -> tuple[tuple[int, int], ...]:
    """Return the slices to mark, neighbours joined to phrases: words that the other Side and the center do not use at all, in
    headlines or texts, so that names and details of the event stay unmarked."""
    elsewhere = frozenset[str]().union(
        *(story.roots[h] | story.bodies[h] for h in story.headlines if h.side != headline.side)
    )
    spans: list[tuple[int, int]] = []
    for start, end in _marked_words(headline, story):
        if stem(fold(headline.text[start:end])) in elsewhere:
            continue
        if spans and not headline.text[spans[-1][1] : start].strip(" -"):
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((start, end))
    return tuple(spans)
