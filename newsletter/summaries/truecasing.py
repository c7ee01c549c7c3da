"""Headlines in Title Case and CAPITALS as running text would have them: which words are names, and which are plain. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from newsletter.stories.terms import STOPWORDS, stem
from newsletter.summaries.abbreviations import ends_sentence
from newsletter.summaries.case_words import PLAIN_STEMS

_SENTENCE_START = re.compile(r"(?:^|[.!?:—–|]\s+|[\"“‘(])$")
_WORD = re.compile(r"[A-Za-zÀ-ÿ][A-Za-zÀ-ÿ’'\-]*")
_SMALL_WORDS = (
    "a an the and or but nor of to in on at by for from with as into over after amid than via vs is are be it its his her "
    "new not no up down out off about against before during under who that has have had will would could may says said"
)
_SMALL = frozenset(_SMALL_WORDS.split())
_HEADING_TOO = _SMALL - frozenset("said says has have had is are will would could who that".split())  # noqa: SIM905 - a list of words reads as words
_PROPER_WORDS = (
    "i us uk eu un usa gop nato fbi cia ice doj dhs epa cdc fda irs nyc la dc tv ai idf hamas trump biden israel israeli "
    "russia russian ukraine ukrainian china chinese america american americans republican republicans democrat democrats "
    "democratic gaza texas california senate house congress monday tuesday wednesday thursday friday saturday sunday "
    "january february april june july august september october november december"
)
_PROPER = frozenset(_PROPER_WORDS.split())
# Names of two words the first of which is also a plain word.
_NAMES = (
    "new_york new_jersey new_zealand new_mexico new_orleans new_hampshire new_england new_delhi north_korea south_korea "
    "north_carolina south_carolina north_dakota south_dakota south_africa west_bank west_virginia east_timor white_house "
    "supreme_court high_court united_states united_kingdom united_nations middle_east"
)
_NAME_PAIRS = frozenset(tuple(name.split("_")) for name in _NAMES.split())
_PAIR = re.compile(r"\b([A-Z][\w’'\-]*)(?=\s+([A-Z][\w’'\-]*))")
# In running text every name stands with a capital; so with this much of it, a headline's word of such an ending that the
# text never writes with one is taken for a plain word.
_PLAIN_ENDING = re.compile(r"(?:ed|ing|ly)$")
_ENOUGH_WORDS = 200
_TITLES = "president judge king queen pope prince princess mayor governor senator secretary general sheriff justice chancellor emir"
_BEFORE_NAMES = frozenset(_TITLES.split())


@dataclass(frozen=True)
class Casing:
    """Which words the Story's running text writes small in the middle of sentences, and which with a capital."""

    small: frozenset[str]
    capital: frozenset[str]
    pairs: frozenset[tuple[str, str]] = frozenset()  # two words with capitals next to each other
    words: int = 0  # how much running text there was

    @classmethod
    def of(cls, texts: Sequence[str]) -> Casing:
        """Learn from excerpts and from headlines in sentence case; texts in Title Case teach nothing and are left out."""
        small: Counter[str] = Counter()
        capital: Counter[str] = Counter()
        pairs: set[tuple[str, str]] = set()
        for text in texts:
            if not in_capitals(text):
                written_small, written_tall, beside = _written(text)
                small.update(written_small)
                capital.update(written_tall)
                pairs.update(beside)
        return cls(
            frozenset(w for w, n in small.items() if n >= capital[w]),
            frozenset(w for w, n in capital.items() if n > small[w]),
            frozenset(p for p in pairs if p[0] not in _SMALL),
            sum(small.values()) + sum(capital.values()),
        )

    def is_plain(self, word: str) -> bool:
        """Whether the lower-case ``word`` is no name."""
        bare = word.removesuffix("’s").removesuffix("'s")
        if bare in self.capital:
            return False
        if bare in self.small or bare in STOPWORDS or stem(bare) in PLAIN_STEMS:
            return True
        # "Rejects" is plain when the text has "reject" or "rejected".
        root = re.sub(r"(?:ing|ed|es|s|d|e)$", "", bare)
        if len(root) >= 4 and any(root + end in self.small for end in ("", "e", "s", "es", "ed", "ing")):
            return True
        return self.words >= _ENOUGH_WORDS and bool(_PLAIN_ENDING.search(word))


@lru_cache(maxsize=4_000)
def _written(text: str) -> tuple[tuple[str, ...], tuple[str, ...], tuple[tuple[str, str], ...]]:
    """The words that the text writes small, those it writes with a capital inside a sentence, and pairs of these."""
    small, capital = [], []
    for match in _WORD.finditer(text):
        word = match.group()
        if word[0].islower():
            small.append(word.lower())
        elif not _SENTENCE_START.search(text[max(0, match.start() - 3) : match.start()]) and (
            stem(word.lower()) not in PLAIN_STEMS or _runs(text, match.start(), match.end())
        ):
            capital.append(word.lower())
    pairs = (
        (m.group(1).lower(), m.group(2).lower())
        for m in _PAIR.finditer(text)
        if stem(m.group(1).lower()) not in PLAIN_STEMS or _runs(text, m.start(), m.end(2))
    )
    return tuple(small), tuple(capital), tuple(pairs)


def _runs(text: str, start: int, end: int) -> bool:
    """Around the word stands running text, no heading that a feed put in front of it."""
    near = [*text[max(0, start - 40) : start].split()[-3:], *text[end : end + 40].split()[:3]]
    return any(w[:1].islower() and w.lower().strip(".,") not in _HEADING_TOO for w in near)


def in_capitals(text: str) -> bool:
    """Whether a text is in Title Case or in CAPITALS."""
    long = [w for w in _WORD.findall(text) if len(w) > 3 and w.lower() not in _SMALL]
    return bool(long) and sum(w[0].isupper() for w in long) >= 0.7 * len(long)


def sentence_case(headline: str, casing: Casing) -> str:
    """Title Case and CAPITALS made small where the Story's own running text writes the word small; names are left alone."""
    if not in_capitals(headline):
        return _unshout(headline, casing)

    def put(match: re.Match[str]) -> str:
        word = match.group().rstrip("’'")
        return cased(word, match) + match.group()[len(word) :]

    def cased(word: str, match: re.Match[str]) -> str:
        low = word.lower()
        if "-" in word.strip("-") and not word.isupper():
            return _hyphenated(word, casing, opens=not re.search(r"\w", headline[: match.start()]))
        before = headline[: match.start()].rstrip()
        after = _WORD.match(headline, match.end() + 1)
        opens = not re.search(r"\w", before) or bool(re.search(r"[:?!]$", before)) or _ended(before, word)
        if opens or low in _PROPER or (word.isupper() and 1 < len(word) <= 4 and low not in _SMALL):
            return word if not (word.isupper() and len(word) > 4) else word.capitalize()
        if after and word[0].isupper() and after.group()[0].isupper():
            pair = (low, after.group().lower())
            titled = low in _BEFORE_NAMES and not casing.is_plain(pair[1]) and pair[1] not in _SMALL
            if pair in _NAME_PAIRS or titled or (pair in casing.pairs and low not in casing.small):
                return word.capitalize() if word.isupper() else word
        if low in _SMALL or casing.is_plain(low):
            return low
        return word.capitalize() if word.isupper() and len(word) > 4 else word

    return _WORD.sub(put, headline)


def _ended(before: str, word: str) -> bool:
    """A sentence ends before the word: not at the stop of "U.S." or "Calif."."""
    last = re.search(r"([A-Za-z][A-Za-z.\-]*)\.$", before)
    return before.endswith(".") and (last is None or ends_sentence(last.group(1), word))


def _hyphenated(word: str, casing: Casing, *, opens: bool) -> str:
    """ "US-Funded" as "US-funded": each part small that names nobody; all of it as it stands when the first part is a name."""
    parts = word.split("-")
    known = word.lower() in casing.capital
    if opens and not known and parts[0][:1].isupper() and len(parts) > 2:
        return word
    put = [
        p.lower() if p[:1].isupper() and not p.isupper() and casing.is_plain(p.lower()) else p for p in parts
    ]
    return "-".join([parts[0], *put[1:]] if opens or known else put)


def _unshout(headline: str, casing: Casing) -> str:
    """Single words in capitals ("PASSES") made small, unless they are short forms."""

    def put(match: re.Match[str]) -> str:
        word = match.group()
        if not word.isupper() or len(word) < 4 or (len(word) == 4 and stem(word.lower()) not in PLAIN_STEMS):
            return word
        return word.lower() if word.lower() not in casing.capital else word.capitalize()

    return _WORD.sub(put, headline)
