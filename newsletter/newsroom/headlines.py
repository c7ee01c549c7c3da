"""Outlets' headlines made plain: without labels, site names and shouting, in sentence case. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from newsletter.newsroom.leans import Side
from newsletter.newsroom.loaded_words import loaded_in
from newsletter.newsroom.plain_words import PLAIN_STEMS
from newsletter.newsroom.salience import STOPWORDS, centroid, cosine, stem, terms
from newsletter.newsroom.sentences import split
from newsletter.newsroom.summarizers.protocol import ArticleText

_LABEL = re.compile(
    r"^(?:(?:BREAKING|UPDATED?|WATCH|EXCLUSIVE|JUST IN|DEVELOPING|VIDEO|OPINION|LIVE|ANALYSIS|REPORT|FACT[- ]?CHECK|EXPLAINER|"
    r"NEW|Breaking|Updated?|Watch|Exclusive|Video|Opinion|Live|Analysis|Report|Explainer|WATCH LIVE|Editorial|First on \w+)"
    r"(?:\s+(?:NEWS|News|\d{1,2}))?\s*[:\-–—|]+\s*|[•·►▶|*]+\s*)+"
)
_SITE_IN_FRONT = re.compile(r"^(?:[A-Z][\w.&’']*\s+){0,2}[A-Z][\w.&’']*\s+[|»›]\s+(?=\S+(?:\s+\S+){3})")
_TAIL = re.compile(r"\s*(?:\s[|*•·»›]|\s[-–—]{1,2}|\s::|\s/)\s+((?:(?!\s[-–—]{1,2}\s)[^|*•»›]){1,60})$")
_SENTENCE_START = re.compile(r"(?:^|[.!?:—–|]\s+|[\"“‘(])$")
_WORD = re.compile(r"[A-Za-zÀ-ÿ][A-Za-zÀ-ÿ’'\-]*")
ROOM = 60  # characters that a subject line has for a whole headline
_ENDS = re.compile(r"[.!?…]+[\"”’']?$")
_SMALL_WORDS = (
    "a an the and or but nor of to in on at by for from with as into over after amid than via vs is are be it its his her "
    "new not no up down out off about against before during under who that has have had will would could may says said"
)
_SMALL = frozenset(_SMALL_WORDS.split())
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
_ENDING = re.compile(r"(?:[’']?s|es|ed|d|ing|ly|er|ers|ian|an)")
_ASK_OR_POINT = re.compile(r"(?i)(?:how|why|what|who|where|here|this|these)\b")
_WE_OR_YOU = re.compile(r"\b(?:I|[Ww]e|[Oo]ur|[Yy]ou|[Yy]our)\b")
_BROKEN = re.compile(r"[:;“”\"‘|]|\s[-–—]\s")
_IN_BRACKETS = re.compile(r"\s+\((?:[A-Z]\w+|[A-Z.]+:\w+)\)$")  # "(Business)", "(ABC:nyse)"
# Lists of several matters, calls to look, and promises to tell: nothing of this states what happened.
_NO_STATEMENT = re.compile(
    r"(?i)^(?:\w+ ){0,3}(?:brief|briefing|roundup|round-up|digest|wrap|wrap-up|newsletter|live|live blog|live updates|daily)\s*[:|]"
    r"|\b(?:things?|need|want|should|got) to know\b|\byou (?:should|must) know\b|\bhere[’']s\b|[:–—-]\s*(?:photos?|videos?|pictures?|watch|live)$"
    r"|\b(?:this is|that[’']s) (?:how|why|what)\b|\band (?:he|she|they|it) knows? it\b|\bthere[’']s an? \w+(?: \w+)? angle\b|\band other (?:\w+ )?(?:headlines|news|stories)\b|^\d{1,2} \w+ \d{4}:"
)
_KEEPS_SCORE = re.compile(
    r"(?i)\bin (?:an? )?(?:\w+ )?(?:win|victory|defeat|loss|rebuke|setback|blow) (?:for|to|of)\b|\bde(?:al|aling|als|alt) (?:an? )?(?:\w+ )?blow\b"
)
_TELLS_NOTHING = re.compile(
    r"(?i)\b(?:comments? on|reacts? to|responds? to|weighs? in|speaks? out|breaks? (?:his|her) silence|opens up|a look at)\b"
)


@dataclass(frozen=True)
class Line:
    """A headline as a sentence, and the slice of the headline it was made from."""

    text: str
    passage: str


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
            if _in_capitals(text):
                continue
            for match in _WORD.finditer(text):
                word = match.group()
                if word[0].islower():
                    small[word.lower()] += 1
                elif not _SENTENCE_START.search(text[max(0, match.start() - 3) : match.start()]):
                    capital[word.lower()] += 1
            pairs.update((m.group(1).lower(), m.group(2).lower()) for m in _PAIR.finditer(text))
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


def _in_capitals(text: str) -> bool:
    """Whether a text is in Title Case or in CAPITALS."""
    long = [w for w in _WORD.findall(text) if len(w) > 3 and w.lower() not in _SMALL]
    return bool(long) and sum(w[0].isupper() for w in long) >= 0.7 * len(long)


def clean(headline: str, outlets: Sequence[str] = ()) -> str:
    """The verbatim slice of the headline without labels in front and site names or bylines behind."""
    text = _SITE_IN_FRONT.sub("", _LABEL.sub("", headline.strip()))
    while (match := _TAIL.search(text)) and len(text[: match.start()].split()) >= 4:
        if not _is_site(match.group(1)) and not match.group(0).lstrip().startswith(
            ("|", "*", "•", "»", "›", "::")
        ):
            break
        text = text[: match.start()]
    return _IN_BRACKETS.sub("", text).strip()


def is_cut_off(headline: str, others: frozenset[str]) -> bool:
    """The last word is only the beginning of one: of ``others`` (the words of the other Articles) several go on where it
    ends, and none is it."""
    last = re.search(r"[\w’'-]{4,}$", headline)
    if last is None or last.group().lower() in others:
        return False
    word = last.group().lower()
    return any(o.startswith(word) and not _ENDING.fullmatch(o[len(word) :]) for o in others)


def words_of_others(articles: Sequence[ArticleText]) -> dict[int, frozenset[str]]:
    """For each Article, by its number, all words of the others, in small letters."""
    own = {a.id: frozenset(re.findall(r"[\w’'-]+", f"{a.headline} {a.excerpt}".lower())) for a in articles}
    using = Counter(w for words in own.values() for w in words)
    return {
        number: frozenset(w for w, n in using.items() if n > (w in words)) for number, words in own.items()
    }


def _is_site(tail: str) -> bool:
    words = tail.split()
    small = {"of", "the", "and", "by", "&", "news"}
    return len(words) <= 5 and (all(w[:1].isupper() or w in small or "." in w for w in words))


def sentence_case(headline: str, casing: Casing) -> str:
    """Title Case and CAPITALS made small where the Story's own running text writes the word small; names are left alone."""
    if not _in_capitals(headline):
        return _unshout(headline, casing)

    def put(match: re.Match[str]) -> str:
        word = match.group()
        low = word.lower()
        if "-" in word.strip("-") and not word.isupper():
            return _hyphenated(word, casing, opens=not re.search(r"\w", headline[: match.start()]))
        before = headline[: match.start()].rstrip()
        after = _WORD.match(headline, match.end() + 1)
        opens = not re.search(r"\w", before) or bool(re.search(r"[:?!]$|(?<![A-Z])\.$", before))
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


def as_sentence(headline: str, casing: Casing) -> Line | None:
    """The headline as one sentence, or None when it is a question, a teaser or too short to say anything."""
    passage = clean(headline)
    words = passage.split()
    if (
        not 5 <= len(words) <= 30
        or passage.endswith(("?", "…", "...", "!"))
        or re.search(r"https?:|[@#]\w|\?|\.\.\.|…", passage)
        or _NO_STATEMENT.search(passage)
        or _quotation_open(passage)
        or len(split(passage)) > 1
    ):
        return None
    if re.match(
        r"(?i)(?:how|why|what|who|where|when|here|this|these|watch|see|\d+ (?:things|ways|reasons))\b",
        passage,
    ):
        return None
    text = sentence_case(passage, casing)
    return Line(text if _ENDS.search(text) else text + ".", passage)


def _quotation_open(text: str) -> bool:
    """A quotation mark is opened and not closed, or closed and not opened."""
    opened = len(re.findall(r"(?:^|[\s(—–:])[‘'](?=\w)", text))
    closed = len(re.findall(r"(?<=[\w.,!?])[’'](?=$|[\s),.:;—–])", text))
    return opened > closed or text.count("“") != text.count("”") or text.count('"') % 2 == 1


def neutral(articles: Sequence[ArticleText]) -> str:
    """The Story's Headline: of the outlets' own the most central and least loaded, preferring the center's, made plain."""
    casing = Casing.of([a.excerpt for a in articles] + [a.headline for a in articles])
    weights = centroid([(a.wire_key or a.outlet, terms(a.headline)) for a in articles])
    others = words_of_others(articles)
    best: tuple[float, int, str] | None = None
    for index, article in enumerate(articles):
        text = clean(article.headline)
        if not text:
            continue
        score = cosine(Counter(terms(text)), weights) + 0.08 * (article.side is Side.CENTER) - _flaws(text)
        score -= 0.5 * is_cut_off(text, others[article.id])
        if best is None or (score, -index) > best[:2]:
            best = (score, -index, text)
    if best is None:
        return plain_first(articles)
    return sentence_case(best[2], casing).rstrip(".")


def _flaws(text: str) -> float:
    """How much speaks against a headline: loaded words, questions, teasers, breaks, capitals, too short or too long."""
    length = len(text.split())
    return (
        0.25 * loaded_in(text)
        + 0.03 * max(0, length - 14)
        + 0.004 * max(0, len(text) - ROOM)
        + 0.08 * max(0, 6 - length)
        + 0.3 * bool(re.search(r"[?!…]|\.\.\.", text))
        + 0.1 * bool(_BROKEN.search(text))
        + 0.3 * bool(_ASK_OR_POINT.match(text))
        + 0.2 * bool(_WE_OR_YOU.search(text))
        + 0.1 * _in_capitals(text)
        + 0.15 * bool(_TELLS_NOTHING.search(text) or _KEEPS_SCORE.search(text))
        + 0.3 * bool(_NO_STATEMENT.search(text) or _quotation_open(text))
        + 0.3 * (len(split(text)) > 1)
    )


def tells_nothing(text: str) -> bool:
    """Only that somebody spoke or reacted, or several matters in a row."""
    return bool(_TELLS_NOTHING.search(text) or _NO_STATEMENT.search(text))


def plain_first(articles: Sequence[ArticleText]) -> str:
    """The first headline that says anything at all."""
    return next((a.headline.strip() for a in articles if a.headline.strip()), "Untitled story")
