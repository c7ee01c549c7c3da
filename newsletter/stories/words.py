"""Split texts into words, stem them, and tell stop words. Pure.

Every comparison of texts in the service uses these words: grouping, Topics, History, Summaries, and the choice of headlines.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# English function words, and the words that reports of any subject use: verbs of saying, weekdays, spans of time.
_STOP_WORDS = """
a about above according across after again against all also am amid among an and any are aren't around as at back be because been
before being below between both but by can can't could couldn't day days did didn't do does doesn't doing don't down during each
either even few first for friday from further get going got had hadn't has hasn't have haven't having he her here hers herself him
himself his how however i if in including into is isn't it its itself just last let like made make many may me might monday month
more most mr mrs ms much must my myself new no nor not now of off on once one only or other our ours out over own people per put
reported reportedly said same saturday say saying says she should since so some still such sunday take tell than that the their
theirs them themselves then there these they this those though through thursday time to told too toward tuesday two under until up
upon us very via was wasn't way we wednesday week well were weren't what when where whether which while who whom whose why will
with within without won't would would-be year years yet you your yours
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+|[.,]\d[^\W_]*)*")
_POSSESSIVE = re.compile(r"'s?$")
_BRITISH = re.compile(r"is(?=(?:e|ed|es|ing|ation)$)")
# Our own, not a library's. With Porter2 (snowballstemmer 3.1.1) as `stem`, grouping loses .004 of its mean B-cubed F1 and the choice
# of headlines .02 of its mean reciprocal rank, and overviews gain .1 of ROUGE-1 (`evaluate clusters|contrast|neutral`). A full
# stemmer makes one word of "author" and "authority", and two of "Israel" and "Israeli"; that library's also keeps state, and
# texts are stemmed in several threads at once.
_ENDINGS = ("ations", "ation", "ings", "ing", "ers", "ies", "ed", "er", "es", "ly", "s")
_SHORTEST_STEM = 4  # letters that stay; a plural's "s" may leave three
_ENGLISH_SAMPLE = 1_500  # characters at the beginning that are checked
_ENGLISH_LEAST = 12  # with fewer words the language is not checked
_ENGLISH_SHARE = 0.2  # least share of stop words in English prose


def fold(text: str) -> str:
    """Return the text in lower case, without accents and with straight apostrophes, so that "Petén" and "Peten" are equal."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKD", text.replace("’", "'"))
    return "".join(c for c in plain if not unicodedata.combining(c)).lower()


def words(text: str) -> list[str]:
    """Return the words of ``text`` in order, folded. A number with its commas and decimals is one word, and so is "doesn't"."""
    return _WORD.findall(fold(text))


def placed_words(text: str) -> list[tuple[int, int, str]]:
    """Return the start, end and folded form of each word of ``text``, without possessive endings."""
    found = []
    for match in _WORD.finditer(text):
        word = re.sub(r"['’]s?$", "", match.group())
        found.append((match.start(), match.start() + len(word), fold(word)))
    return found


def is_stop_word(word: str) -> bool:
    """Return whether a folded word is a stop word: a function word, also before an apostrophe, or a single letter."""
    return (
        word in STOP_WORDS or word.partition("'")[0] in STOP_WORDS or (len(word) < 2 and not word.isdigit())
    )


@lru_cache(maxsize=100_000)
def stem(word: str) -> str:
    """Return a folded word without its possessive and its most common English ending. The spellings "recognises" and "recognizes"
    have the same stem.

    A number is returned without its commas.
    """
    bare = _POSSESSIVE.sub("", word)
    if not bare.isalpha():
        return bare.replace(",", "").replace("'", "")
    bare = _BRITISH.sub("iz", bare)
    for ending in _ENDINGS:
        if bare.endswith(ending) and len(bare) - len(ending) >= _SHORTEST_STEM:
            return bare.removesuffix(ending)
    return bare[:-1] if len(bare) == _SHORTEST_STEM and bare[-1] == "s" != bare[-2] else bare


def stems(text: str) -> list[str]:
    """Return the stems of all words of ``text``, in order, without single letters."""
    return [stem(word) for word in words(text) if len(word) > 1 or word.isdigit()]


@lru_cache(maxsize=50_000)
def terms(text: str) -> tuple[str, ...]:
    """Return the stems of the words of ``text`` in order, without stop words."""
    return tuple(stem(word) for word in words(text) if not is_stop_word(word))


def in_english(text: str) -> bool:
    """Return whether stop words are as frequent at the beginning of ``text`` as in English prose; True for short texts."""
    sample = words(text[:_ENGLISH_SAMPLE])
    return len(sample) < _ENGLISH_LEAST or sum(word in STOP_WORDS for word in sample) >= _ENGLISH_SHARE * len(
        sample
    )
