"""The grounding gate put to the test: true sentences as they stand and rephrased, and the same with planted faults. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from newsletter.lab.evaluate.planted_faults import KINDS, between, planted
from newsletter.summaries.grounding.facts import QUOTED
from newsletter.summaries.grounding.gate import judge
from newsletter.summaries.protocol import ArticleText
from newsletter.summaries.segmentation import Piece, pieces
from newsletter.summaries.story_text import Citation, Sentence

_NAMED = r"[A-Z][\w.’'\-]+(?: [A-Z][\w.’'\-]+){0,4}"
_SAID_LAST = re.compile(rf"^(?P<what>(?:The|A|An) [^“”\"]{{20,}}), (?P<who>{_NAMED}) said\.$")
_LAST_CLAUSE = re.compile(
    r"^(?P<what>(?:[^\s,“”\"]+ ){7,}[^\s,“”\"]+), (?:which|who|after|as|according) [^“”\",]+\.$"
)
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
            for other in (a for a in articles if a.id != article.id and a.headline):
                for kind, text, cited in between(piece, article, other):
                    cites = tuple(
                        Citation(i, piece.passage if i == article.id else known[i].headline) for i in cited
                    )
                    caught = judge(Sentence(text, cites), known)[1] is not None
                    total += Tally(planted=Counter([kind]), caught=Counter([kind] if caught else []))
    return total


def true_forms(piece: Piece, article: ArticleText) -> Iterator[str]:
    """The sentence as it stands, with its outlet named, in plain typography, with numbers in digits, and told otherwise:
    who said it first, joined to another sentence of the article, without its last clause."""
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
    yield from (form for form in _named_otherwise(piece.text) if form != piece.text)
    yield from told_otherwise(piece, article)


def _named_otherwise(text: str) -> Iterator[str]:
    """Other names and numbers for the same, as a writer would choose them: "about 3,000", "a dozen", "United States",
    "Trump" for "President Donald Trump", "on Monday"."""
    if QUOTED.search(text):
        return
    yield re.sub(
        r"(?<=[a-z] )\d{1,3},\d{3}\b(?! (?:m|b|tr)illion)",
        lambda m: f"about {_rounded(m.group())}",
        text,
        count=1,
    )
    yield re.sub(r"(?<=[a-z] )(?:12|twelve)(?= [a-z])", "a dozen", text, count=1)
    yield re.sub(r"(?<!\w)(?:the )?U\.S\.(?= [a-z])|\bthe US\b(?= [a-z])", "the United States", text, count=1)
    yield re.sub(
        r"(?:^|(?<=[a-z,] ))(?:Former )?(?:President|Sen\.|Gov\.|Rep\.) (?:[A-Z][a-z]+ )?(?=[A-Z][a-z]+\b)",
        "",
        text,
        count=1,
    )
    yield re.sub(r"(?<=said )(?=(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day\b)", "on ", text, count=1)


def _rounded(number: str) -> str:
    value = int(number.replace(",", ""))
    step = 10 ** (len(str(value)) - 2)
    return f"{round(value / step) * step:,}"


def told_otherwise(piece: Piece, article: ArticleText) -> Iterator[str]:
    """True rephrasings: the speaker put first, the last clause left out, joined to the sentence that follows."""
    if match := _SAID_LAST.match(piece.text):
        yield f"{match['who']} said {match['what'][0].lower()}{match['what'][1:]}."
    if match := _LAST_CLAUSE.match(piece.text):
        yield f"{match['what']}."
    parts = pieces(article.excerpt, article.headline)
    after = next((p for p in parts if p.position == piece.position + 1), None)
    if after is not None:
        yield f"{piece.text.rstrip('.')}; {after.text}"


def _refused(text: str, piece: Piece, article: ArticleText, known: dict[int, ArticleText]) -> bool:
    return judge(Sentence(text, (Citation(article.id, piece.passage),)), known)[1] is not None
