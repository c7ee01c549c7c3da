"""One wrong thing planted into a true sentence, of every kind that a writer in a hurry makes. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from newsletter.newsroom.facts import DIRECTIONS, QUOTED, name_words, numbers, spelled
from newsletter.newsroom.quotes import speaker
from newsletter.newsroom.sentences import Piece, split
from newsletter.newsroom.summarizers.protocol import ArticleText

_NUMBER = re.compile(r"(?<![\w.,])\d{1,3}(?:,\d{3})*(?![\w.,]\d|\w)")
_STRANGERS = ("Vellacott", "Brandywine", "Okonjo", "Tresmund", "Halvorsen", "Quillfeather")
_SLIPPED = ("never", "always", "secretly", "rarely")  # words slipped into a quotation
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = ("January", "February", "March", "April", "June", "July", "August", "September", "October", "November", "December")  # fmt: skip
_UNITS = (
    (r"(?<=\d)%| percent\b", " percentage points"),
    (r"\bpercentage points\b", "percent"),
    (r"\bmillion\b", "billion"),
    (r"\bbillion\b", "million"),
    (r"\bmiles\b", "kilometers"),
    (r"(?<=\d )(?:years|months)\b", "weeks"),
    (r"(?<=\d )days\b", "hours"),
    (r"(?<=\d )hours\b", "minutes"),
)
_DENIABLE = re.compile(r"\b(?:is|are|was|were|will|would|has|have|had|should|could|must)\b(?! not\b)")
_OTHER_NAME = re.compile(r"(?<=[a-z,] )[A-Z][a-z]{3,}(?: [A-Z][a-z]{2,})?\b")


def planted(piece: Piece, article: ArticleText) -> Iterator[tuple[str, str]]:
    """The kinds of fault that fit this sentence, each with the sentence made false by it."""
    for kind, plant in _PLANTS.items():
        false = plant(piece.text, article)
        if false is not None and spelled(false) not in spelled(f"{article.headline}. {article.excerpt}"):
            yield kind, false


def _outside(text: str) -> str:
    return QUOTED.sub(lambda m: " " * len(m.group()), text)


def _whole(article: ArticleText) -> str:
    return f"{article.headline}. {article.excerpt}"


def _names(text: str) -> list[str]:
    outside = _outside(text)
    return [n for n in name_words(outside) if not outside.startswith(n) and n not in (*_DAYS, *_MONTHS)]


def _number(text: str, article: ArticleText) -> str | None:
    match = _NUMBER.search(_outside(text))
    if match is None:
        return None
    wrong = int(match.group().replace(",", "")) + 3
    while str(wrong) in numbers(_whole(article)):
        wrong += 7
    return f"{text[: match.start()]}{wrong}{text[match.end() :]}"


def _number_elsewhere(text: str, article: ArticleText) -> str | None:
    match = _NUMBER.search(_outside(text))
    others = [s for s in split(article.excerpt) if s not in text and text not in s]
    found = [m.group() for s in others for m in _NUMBER.finditer(s)]
    wrong = next(
        (n for n in found if not numbers(n) & numbers(text) and not numbers(n) & numbers(article.headline)),
        None,
    )
    return f"{text[: match.start()]}{wrong}{text[match.end() :]}" if match and wrong else None


def _unit(text: str, article: ArticleText) -> str | None:
    for pattern, wrong in _UNITS:
        match = re.search(pattern, _outside(text))
        if match and re.search(r"\d\s?$|\d[\s\-]?$", text[: match.start()]):
            false = text[: match.start()] + wrong + text[match.end() :]
            return false if wrong.strip() not in _whole(article) else None
    return None


def _name(text: str, article: ArticleText) -> str | None:
    names = _names(text)
    stranger = next(s for s in _STRANGERS if s.lower() not in spelled(_whole(article)))
    return re.sub(rf"\b{re.escape(names[0])}\b", stranger, text, count=1) if names else None


def _name_elsewhere(text: str, article: ArticleText) -> str | None:
    """Another name of the article, that stands neither in this sentence nor in the headline."""
    names = _names(text)
    others = [s for s in split(article.excerpt) if s not in text and text not in s]
    found = [m.group() for s in others for m in _OTHER_NAME.finditer(_outside(s))]
    here = set(spelled(f"{text} {article.headline}").split())
    wrong = next(
        (
            n
            for n in found
            if _names(f"x {n}") and not set(spelled(n).split()) & here and n not in (*_DAYS, *_MONTHS)
        ),
        None,
    )
    return re.sub(rf"\b{re.escape(names[-1])}\b", wrong, text, count=1) if names and wrong else None


def _names_swapped(text: str, article: ArticleText) -> str | None:
    match = re.match(
        r"^(?P<a>[A-Z][a-z]+) (?P<verb>(?!and\b|or\b|of\b)[a-z]+ed) (?P<b>[A-Z][a-z]+)(?P<rest>\b.*)$", text
    )
    if match is None or match["a"] == match["b"] or match["b"] in (*_DAYS, *_MONTHS):
        return None
    return f"{match['b']} {match['verb']} {match['a']}{match['rest']}"


def _speaker(text: str, article: ArticleText) -> str | None:
    match = QUOTED.search(text)
    if match is None or not (who := speaker(text, match)):
        return None
    found = [m.group() for m in _OTHER_NAME.finditer(_outside(article.excerpt))]
    wrong = next(
        (n for n in found if not set(n.split()) & set(who.split()) and n not in text and _names(f"x {n}")),
        None,
    )
    outside = _outside(text)
    place = outside.find(who)
    return text[:place] + wrong + text[place + len(who) :] if wrong and place >= 0 else None


def _date(text: str, article: ArticleText) -> str | None:
    for names in (_DAYS, _MONTHS):
        for name in names:
            match = re.search(rf"\b{name}\b", _outside(text))
            if match:
                wrong = next(n for n in names if n not in _whole(article))
                return text[: match.start()] + wrong + text[match.end() :]
    return None


def _direction(text: str, article: ArticleText) -> str | None:
    outside, source = _outside(text), set(re.findall(r"[a-z]+", _whole(article).lower()))
    for pair in DIRECTIONS:
        for ours, theirs in (pair, pair[::-1]):
            for word, wrong in zip(ours.split(), theirs.split(), strict=False):
                match = re.search(rf"\b{word}\b", outside)
                if match and not source & set(theirs.split()):
                    return text[: match.start()] + wrong + text[match.end() :]
    return None


def _negation(text: str, article: ArticleText) -> str | None:
    outside = _outside(text)
    if match := re.search(r"\b(?:not|never) ", outside):
        return text[: match.start()] + text[match.end() :]
    if match := _DENIABLE.search(outside):
        return f"{text[: match.end()]} not{text[match.end() :]}"
    return None


def _quote(text: str, article: ArticleText) -> str | None:
    return _altered(
        text,
        lambda words, middle: [*words[:middle], next(w for w in _SLIPPED if w not in words), *words[middle:]],
    )


def _quote_word(text: str, article: ArticleText) -> str | None:
    """One word of the quotation replaced by another of the article."""
    other = next((w for w in re.findall(r"\b[a-z]{5,}\b", article.excerpt) if w not in text), None)
    return (
        _altered(text, lambda words, middle: [*words[:middle], other, *words[middle + 1 :]])
        if other
        else None
    )


def _quote_cut(text: str, article: ArticleText) -> str | None:
    """A word of the quotation left out without saying so."""
    return _altered(text, lambda words, middle: [*words[:middle], *words[middle + 1 :]])


def _altered(text: str, change: Callable[[list[str], int], list[str]]) -> str | None:
    for match in QUOTED.finditer(text):
        words = (match.group(1) or match.group(2)).split()
        if len(words) >= 4:
            return (
                text[: match.start() + 1] + " ".join(change(words, len(words) // 2)) + text[match.end() - 1 :]
            )
    return None


_PLANTS: dict[str, Callable[[str, ArticleText], str | None]] = {
    "number": _number,
    "number_elsewhere": _number_elsewhere,
    "unit": _unit,
    "name": _name,
    "name_elsewhere": _name_elsewhere,
    "names_swapped": _names_swapped,
    "speaker": _speaker,
    "date": _date,
    "direction": _direction,
    "negation": _negation,
    "quote": _quote,
    "quote_word": _quote_word,
    "quote_cut": _quote_cut,
}
KINDS = tuple(_PLANTS)
