"""Article text into sentences fit to be published: whole, clean, and verbatim. Pure.

Excerpts come from feeds: cut off in the middle, with datelines, bylines, photo credits and calls to read on. What is
handed out here is a slice of the text as it stands (only white space is made plain), or nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

SHORTEST, LONGEST = 6, 50  # words of a sentence we publish

_TITLES = [
    "mr",
    "mrs",
    "ms",
    "dr",
    "prof",
    "sen",
    "sens",
    "rep",
    "reps",
    "gov",
    "govs",
    "gen",
    "lt",
    "col",
    "sgt",
    "capt",
    "cmdr",
    "adm",
    "maj",
    "pvt",
    "cpl",
    "rev",
    "hon",
    "pres",
    "st",
    "ft",
    "mt",
    "vs",
    "no",
    "nos",
    "vol",
    "fig",
    "jan",
    "feb",
    "mar",
    "apr",
    "jun",
    "jul",
    "aug",
    "sept",
    "sep",
    "oct",
    "nov",
    "dec",
    "mon",
    "tue",
    "tues",
    "wed",
    "thu",
    "thurs",
    "fri",
    "sat",
    "sun",
    "ave",
    "blvd",
    "approx",
    "est",
    "al",
    "dept",
    "assn",
    "univ",
    "atty",
    "det",
    "insp",
    "supt",
    "msgr",
    "fr",
    "e.g",
    "i.e",
    "u.s.c",
]
_NEVER_LAST = frozenset(_TITLES)
# These may end a sentence or stand inside one: only a typical first word after them tells.
_MAYBE_LAST = frozenset(
    [
        "u.s",
        "u.k",
        "u.n",
        "e.u",
        "d.c",
        "a.m",
        "p.m",
        "inc",
        "corp",
        "co",
        "ltd",
        "jr",
        "sr",
        "llc",
        "l.a",
        "n.y",
        "calif",
        "fla",
        "tex",
        "ga",
        "pa",
        "va",
        "md",
        "mass",
        "mich",
        "minn",
        "wash",
        "ariz",
        "ill",
        "ind",
        "wis",
        "tenn",
        "ala",
        "ark",
        "conn",
        "del",
        "kan",
        "ky",
        "la",
        "miss",
        "mo",
        "mont",
        "neb",
        "nev",
        "okla",
        "ore",
        "bros",
        "etc",
        "n.c",
        "s.c",
        "n.j",
        "n.h",
        "n.d",
        "s.d",
        "r.i",
        "w.va",
    ]
)
_FIRST_WORDS = frozenset(
    [
        "The",
        "A",
        "An",
        "In",
        "On",
        "At",
        "It",
        "He",
        "She",
        "They",
        "This",
        "That",
        "These",
        "Those",
        "But",
        "And",
        "His",
        "Her",
        "Their",
        "Its",
        "We",
        "I",
        "As",
        "If",
        "When",
        "While",
        "After",
        "Before",
        "Since",
        "Although",
        "Though",
        "However",
        "Meanwhile",
        "For",
        "With",
        "By",
        "From",
        "There",
        "Some",
        "Many",
        "Most",
        "Other",
        "Both",
        "Also",
        "Now",
        "One",
        "According",
        "Officials",
        "Police",
        "Critics",
        "Republicans",
        "Democrats",
    ]
)
_BOUNDARY = re.compile(r"""([.!?…]+)(["”’'»)\]]*)(\s+)(?=["“‘'«(\[]?[A-Z0-9“"‘$£€])|\n{2,}""")
_LAST_TOKEN = re.compile(r"([A-Za-z][A-Za-z.\-]*)$")
_SPACE = re.compile(r"\s+")

_AGENCY = (
    r"AP|A\.P\.|Reuters|REUTERS|AFP|UPI|CNN|CNA|BBC|ANI|IANS|PTI|Xinhua|dpa|DPA|NBC|CBS|ABC|FOX[\w ]{0,12}|WKRC|KABC|"
    r"The Center Square|TNND|NewsNation|Bloomberg|NPR|Kyodo|Yonhap|TASS|EFE|ANSA|AA|UKRINFORM|Nexstar|KXAN|"
    r"Border Report|StateHouse|JTA|JNS|LifeSiteNews|CBS News|NEXSTAR|[A-Z]{3,5}"
)
_PLACE = r"[A-Z][\w.’'\-]*(?:[ ,/]+(?:[A-Z][\w.’'\-]*|de|of|the|and|D\.C\.)){0,6}"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Sept|Oct|Nov|Dec)[a-z]*\.?\s+\d{1,2}|\d{1,2}\s+(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Sept|Oct|Nov|Dec)[a-z]*\.?"
_DATELINES = tuple(
    re.compile(p)
    for p in (
        rf"^{_PLACE},?\s*(?:{_MONTH})?(?:,?\s*\d{{4}})?,?\s*[(\[](?:{_AGENCY})(?:/[\w ]+)?[)\]]\s*[—–\-:.]*\s*",
        rf"^(?:{_MONTH}\s*)?[(\[](?:{_AGENCY})[)\]]\s*[—–\-:]*\s*",
        rf"^[A-Z]{{3,}}[A-Z .,’'/\-]*(?:,\s*{_PLACE})?(?:,?\s+(?:{_MONTH}))?(?:,?\s*\d{{4}})?\s*(?:[—–]|--|\s-\s|-\s)\s*",
        rf"^{_PLACE}\s+(?:{_AGENCY})\s*[—–]\s*",
        rf"^{_PLACE},\s*(?:{_MONTH})(?:,?\s*\d{{4}})?\s*[—–\-:]\s*",
        rf"^(?:{_PLACE})\s+—\s+(?=[A-Z])",
        r"^(?:BREAKING|UPDATE[D]?|WATCH|EXCLUSIVE|JUST IN|DEVELOPING|VIDEO|OPINION|LIVE)(?:\s+NEWS)?\s*[:—–\-|]\s*",
        r"^[•·\-–—*►▶|]+\s*",
    )
)
_CREDIT_HEAD = re.compile(
    r"^(?:(?:Photo|Image|Picture|File photo|FILE|Getty|Screenshot|Illustration)\b[^.]{0,80}?"
    r"(?:AFP|AP|Reuters|Getty Images|Getty|Shutterstock|Xinhua)\s+)(?=[A-Z])"
)
_FURNITURE = re.compile(
    r"https?:|www\.|\bpic\.twitter|\bt\.co/|[@#]\w|\b(?:read|see|learn|find out) more\b|read the full|click here|sign up|subscrib|"
    r"newsletter|\bphotos?\s*(?:by|:|/|\()|\bimage\s*(?:by|:|/|\()|getty|shutterstock|screenshot|advertis|\bcookies\b|"
    r"javascript|rights reserved|copyright|©|min read|minute read|\bfollow us\b|whatsapp|telegram channel|"
    r"download (?:the|our) app|share this|\bnow playing\b|this (?:article|story|post|piece|report) (?:was|is|has|first|originally|will|may)|"
    r"originally (?:published|appeared)|contributed to this|editor[’']?s? note|associated press writer|staff writer|"
    r"watch (?:the )?(?:video|live|below|moment)|listen to|podcast|play video|loading|your inbox|breaking news:|"
    r"\bfile photo\b|\(file\)|live updates?|here(?:’|')?s what|what (?:you need )?to know|support (?:our|independent)|donat|"
    r"all you need|stay (?:tuned|up to date)|(?:last )?updated?(?: on|:| at)|published(?: on|:| at)|top stories|continue reading|"
    r"browser|community guidelines|watch this content|opinions of our readers|e-newspaper|log ?in\b|\bgo to\b.{0,30}\.com|\bET\s*$|TOPSHOT|AI[- ](?:generated|assisted)|transcript of|correspondent\b.{0,20}reports\.$",
    re.IGNORECASE,
)
_BYLINE = re.compile(
    r"^(?:Written |Reported |Posted )?[Bb]y [A-Z][\w.’'\-]+ [A-Z][\w.’'\-]+|^[A-Z]\w+ [A-Z]\w+ (?:is|was) an? (?:staff|senior) "
)
_DANGLING = re.compile(
    r"^[\"“‘']?(?:He|She|They|It|His|Her|Their|Its|Him|Them|This|These|Those|That|But|And|Or|So|Yet|Nor|Because|Meanwhile|However|Also|Still|"
    r"Then|Instead|Moreover|Furthermore|Additionally|Besides|Thus|Hence|Therefore|Nevertheless|Nonetheless|Indeed|Likewise|Similarly|"
    r"Otherwise|Afterwards?|Later|Earlier|Such|Here|There|Another|Others?|Both|Either|Neither|Consequently|Accordingly|Conversely|Rather|"
    r"Plus|Again|Even so|In addition|In contrast|In response|In turn|In other words|In fact|On the other hand|At the same time|"
    r"As a result|As such|For example|For instance|By contrast|After that|After this|Since then|Of course|To be sure|Elsewhere|"
    r"Among (?:them|those)|The (?:latter|former|pair|duo|two|same|other)\b|One of them|Speaking (?:to|at|on|in|during|after)|"
    r"Doing so|That said|What[’']s more|Even|Not only|Just|Well|Yes|No|Maybe|Perhaps|Now|Today|Like|Which|Who|Whose)\b"
    r"(?!\s+(?:week|weekend|month|year|summer|fall|autumn|winter|spring|morning|afternoon|evening|as|are|is|were|was|have|has)\b)"
)
_DANGLING_ANYWAY = re.compile(
    r"^[\"“‘']?(?:He|She|They|It|His|Her|Their|Its|This|That|These|Those|But|And|So|Such|Others?|Both|Which|Who|Another)\s+(?:as|are|is|were|was|have|has)\b"
)
_UNFINISHED_END = re.compile(
    r"\b(?:the|a|an|of|to|for|in|on|at|by|with|from|and|or|but|that|which|who|whose|as|its|their|his|her|our|your|my|"
    r"is|are|was|were|be|been|has|have|had|will|would|could|should|may|might|must|into|over|under|about|between|among|"
    r"than|not|if|when|while|because|since|during|after|before|against|through|including|said|says|told|Sen|Rep|Gov|Mr|Mrs|Dr)"
    r"[.…]+[\"”’']?$"
)
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
    word = token.group(1).lower()
    following = text[match.end() :].split(maxsplit=1)
    next_word = following[0].strip("\"“‘'(,") if following else ""
    if word in _NEVER_LAST or (word == "no" and next_word[:1].isdigit()):
        # "march" and "may" are whole words; the short forms "Mar." and "Sat." never end a sentence in practice.
        return word == "no" and not next_word[:1].isdigit()
    if len(word) == 1 or word in _MAYBE_LAST or re.fullmatch(r"(?:[a-z]\.)+[a-z]", word):
        return next_word in _FIRST_WORDS
    return True


@lru_cache(maxsize=20_000)
def pieces(text: str, headline: str = "") -> tuple[Piece, ...]:
    """The sentences that may be published, in order. Cut-off ends, credits, links, bylines, questions, and the headline
    that some feeds repeat in front of the text are left out."""
    found = []
    for position, raw in enumerate(split(text)):
        passage = _trimmed(_without_heading(raw, headline))
        if usable(passage):
            found.append(Piece(plain(passage), passage, position))
    return tuple(found)


def _without_heading(passage: str, headline: str) -> str:
    """Without the headline run into the first sentence ("Title of it The text begins …")."""
    for part in (headline, re.split(r"\s[|\-–—*]\s", headline)[0]):
        words = part.split()
        if len(words) >= 3:
            pattern = r"\s+".join(re.escape(w) for w in words)
            match = re.search(pattern + r"\s+(?=[\"“A-Z0-9])", passage)
            if match and len(passage) - match.end() > 20:
                return passage[match.end() :]
    return passage


def _trimmed(passage: str) -> str:
    """Without dateline, label or photo credit in front."""
    for pattern in (_CREDIT_HEAD, *_DATELINES):
        match = pattern.match(passage)
        if match and len(passage) - match.end() > 20:
            passage = passage[match.end() :].lstrip()
    return passage


def usable(passage: str) -> bool:
    """Whole, clean and fit to stand in a published text (it may still lean on the sentence before: see ``dangling``)."""
    text = plain(passage)
    if not SHORTEST <= words_in(text) <= LONGEST:
        return False
    if not _END.search(text) or text.endswith(("...", "…")) or _UNFINISHED_END.search(text):
        return False
    if not re.match(r"[\"“‘'(]?[A-Z0-9$£€]", text) or _FURNITURE.search(text) or _BYLINE.match(text):
        return False
    return _balanced(text) and not _shouting(text) and not text.rstrip("\"”’')").endswith(("?", "!"))


def dangling(text: str) -> bool:
    """The sentence starts with a word that leans on one before it: "He", "But", "Meanwhile"."""
    return bool(_DANGLING.match(text) or _DANGLING_ANYWAY.match(text))


def speaks_itself(text: str) -> bool:
    """First or second person outside quotation marks: the outlet talks about itself or to its reader."""
    return bool(
        re.search(
            r"\b(?:I|[Ww]e|[Oo]ur|[Uu]s|[Mm]y|[Yy]ou|[Yy]our|[Ll]et[’']s)\b",
            unquoted(text).replace("U.S", ""),
        )
    )


def unquoted(text: str) -> str:
    """The text without what stands in double quotation marks."""
    return re.sub(r"“[^”]*”|\"[^\"]*\"", " ", text)


def _balanced(text: str) -> bool:
    return (
        text.count('"') % 2 == 0
        and text.count("“") == text.count("”")
        and text.count("(") == text.count(")")
        and text.count("[") == text.count("]")
    )


def _shouting(text: str) -> bool:
    letters = [w for w in re.findall(r"[A-Za-z]{4,}", text)]
    return bool(letters) and sum(w.isupper() for w in letters) > max(2, len(letters) * 0.25)
