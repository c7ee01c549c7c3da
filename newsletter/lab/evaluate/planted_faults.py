"""One wrong thing planted into a true sentence, of every kind that a writer in a hurry makes. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from newsletter.stories.terms import terms
from newsletter.summaries.grounding.facts import DIRECTIONS, QUOTED, name_words, numbers, spelled
from newsletter.summaries.protocol import ArticleText
from newsletter.summaries.segmentation import Piece, split
from newsletter.summaries.selection.speakers import speaker

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


def _number_word(text: str, article: ArticleText) -> str | None:
    """A number in words changed into another in words."""
    words = ("two", "three", "four", "five", "six", "seven", "eight", "nine")
    match = re.search(
        rf"\b(?:{'|'.join(words)})\b(?!-| dozen| hundred| thousand| (?:m|b|tr)illion)", _outside(text)
    )
    wrong = next((w for w in words if not numbers(w) & numbers(_whole(article))), None)
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


def _surname(text: str, article: ArticleText) -> str | None:
    """A true first name with an invented last one."""
    match = re.search(r"\b([A-Z][a-z]+) ([A-Z][a-z]{2,})\b", _outside(text)[1:])
    if match is None or not _names(f"x {match.group(2)}"):
        return None
    stranger = next(s for s in _STRANGERS if s.lower() not in spelled(_whole(article)))
    return text[: match.start(2) + 1] + stranger + text[match.end(2) + 1 :]


def _name_elsewhere(text: str, article: ArticleText) -> str | None:
    """Another name of the article, that stands neither in this sentence nor in the headline."""
    names = _names(text)
    others = [s for s in split(article.excerpt) if s not in text and text not in s]
    found = [m.group() for s in others for m in _OTHER_NAME.finditer(_outside(s))]
    here = {w.strip(".,;:").removesuffix("'s") for w in spelled(f"{text} {article.headline}").split()}
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


def _date_elsewhere(text: str, article: ArticleText) -> str | None:
    """Another day or month of the article in the place of this one."""
    for names in (_DAYS, _MONTHS):
        here = [n for n in names if re.search(rf"\b{n}\b", _outside(text))]
        there = [n for n in names if n in _whole(article) and n not in text and n not in article.headline]
        if here and there:
            return re.sub(rf"\b{here[0]}\b", there[0], text, count=1)
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


def _quote_short(text: str, article: ArticleText) -> str | None:
    """A quotation of one or two words that nobody spoke, on a word that somebody wrote."""
    match = re.search(r"(?<= )(?:an?|the) ([a-z]{4,})(?= )", _outside(text))
    words = ("disgrace", "masterstroke", "farce", "charade", "godsend")
    wrong = next((w for w in words if w not in spelled(_whole(article))), None)
    return f"{text[: match.start(1)]}“{wrong}”{text[match.end(1) :]}" if match and wrong else None


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
    "number_word": _number_word,
    "unit": _unit,
    "name": _name,
    "surname": _surname,
    "name_elsewhere": _name_elsewhere,
    "names_swapped": _names_swapped,
    "speaker": _speaker,
    "date": _date,
    "date_elsewhere": _date_elsewhere,
    "direction": _direction,
    "negation": _negation,
    "quote": _quote,
    "quote_word": _quote_word,
    "quote_cut": _quote_cut,
    "quote_short": _quote_short,
}
KINDS = (*_PLANTS, "number_blend", "name_blend", "citation")
APART = 0.5  # share of a sentence's words that the whole of another Article may have for it to be told there not at all


def between(
    piece: Piece, article: ArticleText, other: ArticleText
) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    """Faults that need two Articles of one Story: a number or name of the other put into this one's sentence and both cited,
    and the sentence as it stands cited to the other, where the other does not tell it. Kind, sentence, Articles cited."""
    both = (article.id, other.id)
    match = _NUMBER.search(_outside(piece.text))
    theirs = [
        m.group()
        for m in _NUMBER.finditer(other.excerpt)
        if not numbers(m.group()) & numbers(_whole(article))
    ]
    theirs = [n for n in theirs if match and numbers(n) != numbers(match.group())]
    if match and theirs:
        yield "number_blend", f"{piece.text[: match.start()]}{theirs[0]}{piece.text[match.end() :]}", both
    names = _names(piece.text)
    here = {w.strip(".,;:").removesuffix("'s") for w in spelled(_whole(article)).split()}
    strange = [
        m.group()
        for m in _OTHER_NAME.finditer(_outside(other.excerpt))
        if not set(spelled(m.group()).split()) & here and _names(f"x {m.group()}")
    ]
    if names and strange:
        yield "name_blend", re.sub(rf"\b{re.escape(names[-1])}\b", strange[0], piece.text, count=1), both
    own = set(terms(piece.text))
    if own and len(own & set(terms(_whole(other)))) < APART * len(own):
        yield "citation", piece.text, (other.id,)
