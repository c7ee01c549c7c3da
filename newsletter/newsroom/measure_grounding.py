"""The grounding gate put to the test: true sentences as they stand and rephrased, and the same with planted faults. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from newsletter.newsroom.facts import QUOTED, name_words, numbers, spelled
from newsletter.newsroom.grounding import judge
from newsletter.newsroom.sentences import Piece, pieces
from newsletter.newsroom.summarizers.protocol import ArticleText
from newsletter.newsroom.telling import Citation, Sentence

KINDS = ("number", "name", "quote")
_NUMBER = re.compile(r"(?<![\w.,])\d{1,3}(?:,\d{3})*(?![\w.,]\d|\w)")
_SPELLED = {
    "two": "2",
    "three": "3",
    "four": "4",
    "five": "5",
    "six": "6",
    "seven": "7",
    "eight": "8",
    "nine": "9",
}
_STRANGERS = ("Vellacott", "Brandywine", "Okonjo", "Tresmund", "Halvorsen", "Quillfeather")
_SLIPPED = ("never", "always", "secretly", "rarely")  # words slipped into a quotation


@dataclass(frozen=True)
class Tally:
    """Counts over many Articles; they add up."""

    true: int = 0
    alarms: int = 0
    planted: Counter[str] = field(default_factory=Counter)
    caught: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.true + other.true,
            self.alarms + other.alarms,
            self.planted + other.planted,
            self.caught + other.caught,
        )

    def percent(self) -> dict[str, object]:
        """As printed: shares in percent, counts as they are."""
        kinds = {
            kind: {"planted": self.planted[kind], "caught": _share(self.caught[kind], self.planted[kind])}
            for kind in KINDS
        }
        return {"true": self.true, "false_alarms": _share(self.alarms, self.true), **kinds}


def _share(part: int, of: int) -> float:
    return round(100 * part / of, 2) if of else 0.0


def tally(articles: Sequence[ArticleText]) -> Tally:
    """Every publishable sentence of the Articles, true and with faults, checked against its own Article."""
    total = Tally()
    known = {a.id: a for a in articles}
    for article in articles:
        for piece in pieces(article.excerpt, article.headline):
            for text in true_forms(piece, article):
                total += Tally(true=1, alarms=int(_refused(text, piece, article, known)))
            for kind, text in planted(piece, article):
                caught = _refused(text, piece, article, known)
                total += Tally(planted=Counter([kind]), caught=Counter([kind] if caught else []))
    return total


def true_forms(piece: Piece, article: ArticleText) -> Iterator[str]:
    """The sentence as it stands, with its outlet named, in plain typography, and with numbers in digits."""
    yield piece.text
    yield f"{article.outlet} reported: {piece.text}"
    plain = piece.text.translate(str.maketrans("“”‘’–", "\"\"''-"))
    if plain != piece.text:
        yield plain
    digits = re.sub(
        rf"(?<![\w-])(?:{'|'.join(_SPELLED)})\b(?![\s-](?:hundred|thousand|million|billion|trillion))",
        lambda m: _SPELLED[m.group()],
        piece.text,
    )
    if digits != piece.text and not QUOTED.search(piece.text):
        yield digits


def planted(piece: Piece, article: ArticleText) -> Iterator[tuple[str, str]]:
    """The sentence with one wrong number, one wrong name, one altered quotation, where it has such."""
    source = f"{article.headline}. {article.excerpt}"
    outside = QUOTED.sub(lambda m: " " * len(m.group()), piece.text)
    if match := _NUMBER.search(outside):
        wrong = int(match.group().replace(",", "")) + 3
        while str(wrong) in numbers(source):
            wrong += 7
        yield "number", f"{piece.text[: match.start()]}{wrong}{piece.text[match.end() :]}"
    names = [n for n in name_words(outside) if not outside.startswith(n)]
    if names:
        stranger = next(s for s in _STRANGERS if s.lower() not in spelled(source))
        yield "name", re.sub(rf"\b{re.escape(names[0])}\b", stranger, piece.text, count=1)
    for match in QUOTED.finditer(piece.text):
        words = (match.group(1) or match.group(2)).split()
        if len(words) >= 3:
            middle = len(words) // 2
            slip = next(w for w in _SLIPPED if w not in words)
            altered = " ".join([*words[:middle], slip, *words[middle:]])
            yield "quote", piece.text[: match.start() + 1] + altered + piece.text[match.end() - 1 :]
            break


def _refused(text: str, piece: Piece, article: ArticleText, known: dict[int, ArticleText]) -> bool:
    return judge(Sentence(text, (Citation(article.id, piece.passage),)), known)[1] is not None
