"""An Article's text as sentences fit to be printed. Pure.

Texts come from feeds and pages: cut off in the middle, with datelines, headings and captions run into them. What is handed
out is a slice of the text; only a dateline or heading in front, footnote marks and white space are taken off.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from newsletter.feeds.leans import Side
from newsletter.stories.words import terms
from newsletter.summaries.abbreviations import ends_sentence
from newsletter.summaries.protocol import ArticleText

READ = 6_000  # characters of a text that are read
SHORTEST, LONGEST = 4, 60  # words of a sentence

_BOUNDARY = re.compile(
    r"([.!?…]+)([\"”’'»)\]]*(?:\[\d{1,3}\])*)(\s+|(?<=[a-z]{3}\.)(?=[A-Z][a-z]))(?=[\"“‘'«(\[]?[A-Z0-9$£€])"
)
_LAST_WORD = re.compile(r"([A-Za-z][A-Za-z.\-]*)$")
_FOOTNOTE = re.compile(r"(?<=[\w.,;!?”\"’'])\s?\[\d{1,3}\]")
_AGENCY = re.compile(r"^.{0,160}?\((?:[A-Z][\w.]*)(?: [A-Z]\w*)?\)\s*[:—–-]+\s*(?=[\"“A-Z])", re.DOTALL)
_PLACE = re.compile(
    r"^(?:[A-Z][\w.’'/-]*,?\s+|\d{1,2},?\s+){1,7}?(?:\(.{2,40}?\)\s*)?(?:[—–]|--|-(?=\s))\s*(?=[\"“A-Z])"
)
_SHOUTED_PLACE = re.compile(
    r"^[A-Z]{3,}(?:[ ,./-]+[A-Z]{2,})*(?:, [A-Z][\w.]+)?\s*[:—–-]*\s+(?=[A-Z][a-z]|An? )"
)
# A capitalized function word right behind a capitalized word begins the sentence behind a heading: "Why It Matters The law …".
_HEADING = re.compile(
    r"^(?:[A-Z0-9][\w’'&,-]*\s+(?:(?:of|the|to|a|in|on|and|for|is|vs?\.?)\s+)*){1,12}?(?<=[\w’'] )"
    r"(?=(?:The|A|An|In|On|At|After|As|When|While|It|He|She|They|This|For|With|But)\s+[a-z“\"A-Z])"
)
_OWN_VOICE = re.compile(r"\b(?:I|[Ww]e|[Oo]ur|[Uu]s|[Mm]e|[Mm]y|[Yy]ou|[Yy]our|[Ll]et[’']s)\b(?!\.)")
_CREDIT = re.compile(
    r"\b(?:[Pp]hoto|[Pp]icture|[Ii]mage|[Ff]ile|[Vv]ideo|[Gg]raphic|[Ii]llustration)s?\s?(?:by|:|/|credit|courtesy|via)"
    r"|Getty|\bAP Photo|\([^)]*/[^)]*\)|^By [A-Z]{2,}|^\W*(?:By|Updated|Published|Posted)\b[^.]{0,40}\d"
    r"|^(?:Read|Click|See|Watch|Listen|Sign up|Subscribe|Follow|Download)\b[^.]{0,60}\bhere\b|https?:|www\.|@\w|©|#\w"
)
_LABEL = re.compile(r"^(?:[A-Z]{4,}(?: [A-Z]+)*|[A-Z][\w’'-]*(?: [\w’'-]+){0,4}):\s")
_CLOCK = re.compile(r"^\d{1,2}[:.]\d\d\b")
# A second sentence begins inside: a heading, a standfirst or a date line ran into the text without a full stop.
_RUN_ON = re.compile(
    r"[\w%”\"’)] (?:The|An?|In|On|It|He|She|They|This|These|But|And|As|After|When|While|For|At) (?=[a-z])"
    r"|\b\d{1,2}:\d\d\b(?! ?[ap]\.?m)"
)
_END = re.compile(r"[.!][\"”’'»)\]]*$")
_QUOTED = re.compile(r"“[^”]*”|\"[^\"]*\"")
_VERB = re.compile(
    r"\b(?:is|are|was|were|be|been|has|have|had|do|does|did|will|would|can|could|should|must|may|might|says?|said|told|wrote|"
    r"made|took|gave|came|went|got|saw|knew|found|left|led|lost|met|paid|put|ran|rose|fell|sent|set|shot|sold|spoke|stood|"
    r"struck|sued|won|began|became|broke|brought|built|bought|chose|cut|drew|fled|fought|grew|held|hit|kept|let|sought|threw|"
    r"[a-z]{2,}ed|[a-z]{3,}[^s’'u]s)\b"
)
_POINTS = re.compile(
    r"^[\"“‘']?(?:He|She|It|They|His|Her|Its|Their|This|That|These|Those|But|And|Or|So|Yet|However|Meanwhile|Also|Then)\b"
)
# A word that leans on a sentence before it.
_LEANS = re.compile(
    r"^[\"“‘']?(?:(?:He|She|It|They|His|Her|Hers|Its|Their|Him|Them|This|That|These|Those|But|And|Or|So|Yet|However|Meanwhile|Also|"
    r"Still|Instead|Then|There|Here|Both|Such|Another|Others|Nor|Thus|Therefore|Moreover|Furthermore|Additionally|Nevertheless|"
    r"Similarly|Likewise|Afterwards?|Later|Earlier|Separately|Indeed|Rather|Otherwise|Neither|Either|Some|Most|Many|Now)\b"
    r"|In (?:addition|response|contrast|turn|other words|fact|return|that|this|it)\b|(?:At|By|For|On|From|Since|Until) (?:that|this|the same)\b"
    r"|As (?:such|a result|well|for)\b|The (?:former|latter|same|other|others|two|three|pair|move|decision|news|announcement|"
    r"comments?|remarks?|statement|order|ruling|post|change|agreement|proposal|measure)s?\b"
    r"|The [a-z]+(?: [a-z]+)? (?:also|said|says|told|then|added|adds|later|further)\b|At the time\b|(?:\w+ )?(?:[Hh]ours|[Dd]ays|[Ww]eeks|[Mm]onths|[Yy]ears) (?:later|earlier|before|after)\b|The next\b)"
)
_PRONOUN = re.compile(r"\b(?:he|she|they|him|them|his|her|their)\b", re.IGNORECASE)
# "It" needs a thing before it: a noun with its article, or a possessive.
_THING = re.compile(
    r"\b(?:it|its)\b(?! (?:is|was|will|would|has|had|remains|seems|appears|became|takes|took)\b)",
    re.IGNORECASE,
)
_NOUN = re.compile(r"\b(?:the|an?|this|that|its|his|her|their|no|\w+[’']s?)\s+\w+", re.IGNORECASE)
_NAME = re.compile(r"(?<=[a-z,;”\"’)] )[A-Z][\w’'-]+|^[A-Z][\w’'-]+(?= [A-Z])")
# Who says so is named: the sentence is that person's word, not the outlet's.
_ATTRIBUTION = re.compile(
    r"\b(?:said|says|say|saying|told|tells|according|claim\w*|alleg\w*|accus\w*|argu\w*|warn\w*|believ\w*|insist\w*|den(?:y|ie[sd]|ying)|"
    r"den(?:ounc|igrat)\w*|call(?:s|ed|ing)|criti\w*|prais\w*|described?|describes|describing|add(?:s|ed)|wrote|writes|posted|"
    r"tweeted|assert\w*|suggest\w*|contend\w*|maintain\w*|vow\w*|pledg\w*|promis\w*|report(?:s|ed(?:ly)?)|blam\w*|slam\w*|"
    r"condemn\w*|urg\w*|demand\w*|insisted|noted|notes|stated|states that|explain\w*|declared|signal\w*|hail\w*|tout\w*)\b"
    r"|[“”\"‘]"
)


@dataclass(frozen=True)
class Said:
    """One sentence of an Article. ``text`` is printable, ``passage`` stands verbatim in the Article.

    ``position`` counts the text's sentences from 0; one that is not fit to be printed leaves a gap.
    """

    article: ArticleText
    text: str
    passage: str
    position: int

    @property
    def side(self) -> Side | None:
        return self.article.side

    @property
    def terms(self) -> frozenset[str]:
        return frozenset(terms(self.text))

    @property
    def words(self) -> int:
        return len(self.text.split())

    @property
    def stands_alone(self) -> bool:
        """The sentence needs none before it: it neither begins with a pointing word nor speaks of an unnamed "he".

        An Article's first sentence has none before it: "Some voters …" begins, "He …" still points at the headline.
        """
        thing = _THING.search(unquoted(self.text))
        if thing is not None and not _NOUN.search(self.text[: thing.start()]):
            return False
        if self.position == 0:
            return not _POINTS.match(self.text)
        if self.text[0] in '“"‘':  # "This bill is a gift": who speaks points at the matter itself
            return not _PRONOUN.match(self.text[1:])
        if _LEANS.match(self.text):
            return False
        pronoun, name = _PRONOUN.search(unquoted(self.text)), _NAME.search(unquoted(self.text))
        return pronoun is None or (name is not None and name.start() < pronoun.start())

    @property
    def attributed(self) -> bool:
        """The sentence is somebody's word, not the outlet's statement."""
        return bool(_ATTRIBUTION.search(self.text))


def unquoted(text: str) -> str:
    """The text without what stands between double quotation marks."""
    return _QUOTED.sub(" ", text)


def printable(text: str) -> str:
    """White space made plain, footnote marks taken off."""
    return " ".join(_FOOTNOTE.sub("", text).split())


def sentences(article: ArticleText) -> tuple[Said, ...]:
    """The Article's sentences that may be printed, in order."""
    return tuple(
        Said(article, printable(passage), passage, position)
        for position, passage in _passages(article.text[:READ], article.headline, _own_name(article))
    )


def _own_name(article: ArticleText) -> str:
    """Return how a sentence begins in which the Outlet speaks of itself."""
    return re.sub(r"^the |\.[a-z.]+$", "", article.outlet.casefold()) + " "


@lru_cache(maxsize=4_000)
def _passages(text: str, headline: str, outlet: str) -> tuple[tuple[int, str], ...]:
    found = []
    position = 0
    for line in text.split("\n"):
        parts = split(line)
        for raw in parts:
            if len(parts) == 1 and not _END.search(raw):
                continue  # a heading, a caption or a button: no sentence, and no gap
            passage = _without_front(raw, headline)
            if _fit(printable(passage)) and not printable(passage).casefold().startswith(outlet):
                found.append((position, passage))
            position += 1
    return tuple(found)


def split(text: str) -> list[str]:
    """The text cut at its sentence ends; a quotation of several sentences stays whole. Parts are verbatim slices.

    Ours, not a library's: syntok 1.4.4 in this place ends sentences after "Gov." and "Rep." and cuts quotations, 110 of 921 lines
    otherwise; overviews fall from 39.9/18.2/28.5 to 39.6/18.0/28.4 (``evaluate neutral``) at 20 times the processor time.
    """
    parts = []
    start = 0
    for match in _BOUNDARY.finditer(text):
        if not _ends(text, start, match):
            continue
        if part := text[start : match.end(2)].strip():
            parts.append(part)
        start = match.end()
    if part := text[start:].strip():
        parts.append(part)
    return parts


def _ends(text: str, start: int, match: re.Match[str]) -> bool:
    before = text[start : match.end(2)]
    if before.count("“") > before.count("”") or before.count('"') % 2:
        return False
    word = _LAST_WORD.search(text, max(start, match.start() - 20), match.start())
    if word is None:
        return True
    if match[1] == "!":  # "Zap! Foods agreed": a name may end on an exclamation mark
        return not word[1][0].isupper() or bool(match[2])
    following = text[match.end() :].split(maxsplit=1)
    return match[1] != "." or ends_sentence(word[1], following[0].strip("\"“‘'(,") if following else "")


def _without_front(passage: str, headline: str) -> str:
    """Return the passage without the headline, dateline or heading that some texts run into the first sentence."""
    if headline and passage.startswith(headline):
        passage = passage[len(headline) :].lstrip(" .:–—-|")
    for pattern in (_AGENCY, _PLACE, _SHOUTED_PLACE, _HEADING):
        if found := pattern.match(passage):
            passage = passage[found.end() :]
    return passage


def _fit(text: str) -> bool:
    """Whole, clean, and in the third person."""
    if not SHORTEST <= len(text.split()) <= LONGEST or not _END.search(text):
        return False
    if (
        not re.match(r"[\"“‘'(]?[A-Z0-9$£€]", text)
        or text.count("“") != text.count("”")
        or text.count('"') % 2
    ):
        return False
    if text.count("(") != text.count(")") or "…" in text or "..." in text or "|" in text:
        return False
    if _RUN_ON.search(text):
        return False
    if _CLOCK.match(text) or _LABEL.match(text) or _CREDIT.search(text) or "?" in unquoted(text):
        return False
    return not _OWN_VOICE.search(unquoted(text).replace("U.S", "")) and bool(_VERB.search(text))
