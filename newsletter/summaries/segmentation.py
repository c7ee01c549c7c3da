"""Article text into sentences fit to be published: whole, clean, and verbatim. Pure.

Excerpts come from feeds: cut off in the middle, with datelines, bylines, photo credits and calls to read on. What is
handed out here is a slice of the text as it stands (only white space is made plain), or nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from newsletter.summaries.abbreviations import ends_sentence
from newsletter.summaries.boilerplate import is_clutter, trimmed, unshouted, without_heading

SHORTEST, LONGEST = 6, 50  # words of a sentence we publish

_BOUNDARY = re.compile(r"""([.!?…]+)(["”’'»)\]]*)(\s+(?:[-•*·]\s+)?)(?=["“‘'«(\[]?[A-Z0-9“"‘$£€])|\n{2,}""")
_LAST_TOKEN = re.compile(r"([A-Za-z][A-Za-z.\-]*)$")
_SPACE = re.compile(r"\s+")

_UNFINISHED_END = re.compile(
    r"\b(?:the|a|an|of|to|for|in|on|at|by|with|from|and|or|but|that|which|who|whose|as|its|their|his|her|our|your|my|"
    r"is|are|was|were|be|been|has|have|had|will|would|could|should|may|might|must|into|over|under|about|between|among|"
    r"than|not|if|when|while|because|since|during|after|before|against|through|including|told|Sen|Rep|Gov|Mr|Mrs|Dr)"
    r"[.…]+[\"”’']?$"
)
# A verb that wants an object and has none.
_WANTS_MORE = re.compile(
    r"\b(?:will|would|may|might|could|should|must|can|to)(?: likely| also| soon)? (?:need|discuss|require|include|receive|provide|"
    r"make|take|bring|expand|offer|allow|keep|send|find|get|put|advance|describe|address|reflect|violate|seek)\.[\"”’']?$"
)
# The last words of an excerpt that was cut in the middle of a sentence and given a full stop: they want something after them.
_CUT_END = re.compile(
    r"(?:,|\$\d+|\b(?:(?<![.])[A-Z]|asked|hoped|aims|hopes|seeks?|wants?|plans|launch|requires?|allows?|includes?|"
    r"believes?|thinks?|expects?|making|taking|giving|keeping|causing|according|less|more|no|fellow|such|every|"
    r"also|both|either|formerly|each|whether|where|how|why|what|without|within|across|despite|until|upon|toward|towards|like|unlike|near|per|via))"
    r"\.[\"”’']?$"
)
_FINITE = re.compile(
    r"\b(?:is|are|was|were|am|be|been|has|have|had|do|does|did|will|would|can|could|should|must|may|might|says?|said|told|wrote|"
    r"made|took|gave|came|went|got|saw|knew|found|left|led|lost|met|paid|put|ran|rose|fell|sent|set|shot|sold|spoke|spent|stood|"
    r"struck|sued|swore|thought|threw|understood|won|began|became|broke|brought|built|bought|caught|chose|cut|drew|drove|fled|"
    r"flew|fought|grew|held|hit|hurt|kept|laid|let|lay|read|rode|sat|shut|sank|sought|swept|taught|tore|wore|[a-z]{2,}(?:ed|[^s’']s))\b"
    r"|\w[’'](?:s|re|ve|ll|d|m)\b|n[’']t\b"
)
_POSSESSIVE = re.compile(
    r"(?<!\bit)(?<!\bhe)(?<!\bshe)(?<!\bwho)(?<!that)(?<!there)(?<!what)[’']s\b", re.IGNORECASE
)
_TWICE = re.compile(r"\b(the|a|an|of|to|in|and|was|for|with|by|as|from) \1\b")  # "the the second city"
_LOOSE = re.compile(r"(?<=\w) (?=[,;] )")
_END = re.compile(r"[.!?][\"”’'»)\]]*$")
_WORD = re.compile(r"[A-Za-z0-9À-ÿ$€£%][\w’'.,%\-]*")


@dataclass(frozen=True)
class Piece:
    """One sentence of a text: ``text`` is printable, ``passage`` stands verbatim in the text, ``position`` counts from 0."""

    text: str
    passage: str
    position: int


def words_in(text: str) -> int:
    """How many words a reader counts."""
    return len(text.split())


def plain(text: str) -> str:
    """White space made plain; nothing else is touched."""
    return _SPACE.sub(" ", text).strip()


@lru_cache(maxsize=20_000)
def split(text: str) -> tuple[str, ...]:
    """The text cut at its sentence ends; every part is a verbatim slice without outer white space."""
    parts = []
    start = 0
    for match in _BOUNDARY.finditer(text):
        if match.group(1) is not None and not _ends(text, start, match):
            continue
        end = match.end(2) if match.group(1) is not None else match.start()
        if part := text[start:end].strip():
            parts.append(part)
        start = match.end()
    if part := text[start:].strip():
        parts.append(part)
    return tuple(parts)


def _ends(text: str, start: int, match: re.Match[str]) -> bool:
    if match.group(1) != ".":
        return True
    token = _LAST_TOKEN.search(text, max(start, match.start() - 20), match.start())
    if token is None:
        return True
    following = text[match.end() :].split(maxsplit=1)
    return ends_sentence(token.group(1), following[0].strip("\"“‘'(,") if following else "")


@lru_cache(maxsize=20_000)
def pieces(text: str, headline: str = "") -> tuple[Piece, ...]:
    """The sentences that may be published, in order. Cut-off ends, credits, links, bylines, questions, and the headline
    that some feeds repeat in front of the text are left out."""
    found = []
    parts = _quotations_whole(text)
    for position, raw in enumerate(parts):
        passage = trimmed(without_heading(raw, headline))
        if usable(passage) and not (position == len(parts) - 1 and is_cut_off(passage)):
            found.append(Piece(_printable(passage), passage, position))
    return tuple(found)


def _printable(passage: str) -> str:
    """Without what is a slip of the hand: a word printed twice, white space before a comma."""
    return _LOOSE.sub("", _TWICE.sub(r"\1", unshouted(plain(passage))))


def is_cut_off(last: str) -> bool:
    """The last sentence of an excerpt ends where the excerpt does, not where the sentence would: on a word that wants
    another after it, or after a few words without any verb."""
    return bool(_CUT_END.search(last) or _WANTS_MORE.search(last)) or (
        words_in(last) <= 8 and not _FINITE.search(last)
    )


def has_verb(text: str) -> bool:
    """A word of the text may be its verb: a caption or a heading often has none."""
    return bool(_FINITE.search(_POSSESSIVE.sub(" ", text)))


def _quotations_whole(text: str) -> list[str]:
    """The sentences; but a quotation of several is one part with whoever spoke it, if it is short enough to be printed."""
    ends: list[tuple[int, int]] = []
    for part in split(text):
        start = text.index(part, ends[-1][1] if ends else 0)
        ends.append((start, start + len(part)))
    found = []
    index = 0
    while index < len(ends):
        start, end = ends[index]
        last = index
        for further in range(index, len(ends)):
            whole = text[start : ends[further][1]]
            if words_in(whole) > LONGEST:
                break
            if _closed(whole):
                last, end = further, ends[further][1]
                break
        found.append(text[start:end])
        index = last + 1
    return found


def _closed(text: str) -> bool:
    """Every quotation that is opened is closed."""
    return text.count('"') % 2 == 0 and text.count("“") == text.count("”")


def usable(passage: str) -> bool:
    """Whole, clean and fit to stand in a published text (it may still lean on the sentence before: see ``leaning``)."""
    text = plain(passage)
    if not SHORTEST <= words_in(text) <= LONGEST:
        return False
    if not _END.search(text) or text.endswith(("...", "…")) or _UNFINISHED_END.search(text):
        return False
    if not re.match(r"[\"“‘'(]?[A-Z0-9$£€]", text) or is_clutter(text) or not has_verb(text):
        return False
    return _balanced(text) and not _shouting(text) and not text.rstrip("\"”’')").endswith(("?", "!"))


def _balanced(text: str) -> bool:
    return _closed(text) and text.count("(") == text.count(")") and text.count("[") == text.count("]")


def _shouting(text: str) -> bool:
    letters = [w for w in re.findall(r"[A-Za-z]{4,}", text)]
    return bool(letters) and sum(w.isupper() for w in letters) > max(2, len(letters) * 0.25)
