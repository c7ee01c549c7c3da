"""Whether a second sentence begins inside one: a heading, a subheading or a list run into the text without a stop. Pure."""

from __future__ import annotations

import re

from newsletter.stories.terms import STOPWORDS, stem
from newsletter.summaries.case_words import PLAIN_STEMS

_AFTER_SMALL = re.compile(r"(?<=[a-z0-9’'”\"%)])\s(?P<word>[A-Z][a-z]+)(?P<next>\s+\S+)")
_BEFORE_NAMES = re.compile(
    r"\b(?:the|a|an|of|in|on|at|to|for|by|from|with|and|or|as|under|via|into|called|titled|named|dubbed|told|said|says|read|reads|"
    r"wrote|her|his|its|their|our|this|that|new|former|then|acting|per|like|is|was|are|were|be|than|between|against|about|over)$",
    re.IGNORECASE,
)
# Capitals of rank, days and things that are written with one by many outlets in the middle of a sentence.
_WRITTEN_TALL = (
    "president chairman chairwoman chair director minister chief professor ambassador attorney speaker leader deputy special "
    "acting vice prime first second third premier chancellor spokesman spokeswoman coach officer captain secretary treasurer "
    "congressman congresswoman assemblyman councilman constitution internet web bible god black white west east north south "
    "monday tuesday wednesday thursday friday saturday sunday one act bill title section article phase chapter special press "
    "parliament cabinet administration reserve exchange summit accord treaty protocol covid coronavirus pandemic medicare "
    "majority minority caucus whip cold war holocaust hurricane storm operation project republic state house unite evers tweet title"
)
_TALL = frozenset(_WRITTEN_TALL.split())
_FOLLOWS_QUOTATION = re.compile(
    r"(?P<before>[\w’']+) [“‘\"'](?P<inside>[a-z][^“”‘\"]{3,60}?[a-z])[”’\"'] (?P<next>[A-Z][a-z]+)"
)
_NAMING_WORDS = "the a an so-called his her its their this that called as of for"
_NAMES_A_NAME = frozenset(_NAMING_WORDS.split())
_SAME_NAME_AGAIN = re.compile(r"(?<![“\"‘'(] )\b([A-Z][\w’-]{3,}) (?:[A-Z][\w’.-]+ ){1,5}\1\b")
_COUNTED = frozenset(
    [
        "twenty",
        "thirty",
        "forty",
        "fifty",
        "sixty",
        "seventy",
        "eighty",
        "ninety",
        "dozens",
        "hundreds",
        "thousands",
        "eleven",
        "twelve",
    ]
)
_NAME_AGAIN = re.compile(r"^([A-Z][\w’-]+ [A-Z][\w’-]+)\b[^.,;:]{15,160}?(?<=[\w’'”]) (?=\1 [a-z])")
_DAYS = re.compile(r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|January|February|March|April|May|June|July|August|September|October|November|December")  # fmt: skip


def second_start(text: str) -> int:
    """Where another sentence begins inside this one without a stop before it; 0 when none does.

    Known by a capital where none belongs: on a plain word behind a small one, behind a quotation that names nothing, or on
    a name told again with its full title.
    """
    for match in _AFTER_SMALL.finditer(text):
        word, before, after = match["word"].lower(), text[: match.start()], match["next"].strip()
        last = before.split()[-1] if before.split() else ""
        if (
            len(before.split()) < 3
            or word in _TALL
            or _BEFORE_NAMES.search(before)
            or last.endswith(("’s", "'s"))
        ):
            continue
        if (
            not (after[:1].islower() or word == "former")
            or _inside_quotation(before)
            or not (last.islower() or last[:1].isdigit())
        ):
            continue
        if word in STOPWORDS or word in _COUNTED or (last.islower() and stem(word) in PLAIN_STEMS):
            return match.start("word")
    for match in _FOLLOWS_QUOTATION.finditer(text):
        word = match["next"].lower()
        follows = " " in match["inside"] or (word not in _TALL and stem(word) in PLAIN_STEMS)
        if follows and match["before"].lower() not in _NAMES_A_NAME and not _DAYS.match(match["next"]):
            return match.start("next")
    opening = _NAME_AGAIN.match(text)
    if opening and not re.search(r"\b[a-z]+$", opening.group().rstrip()):
        return opening.end()
    again = _SAME_NAME_AGAIN.search(text)
    return again.end(1) + 1 if again else 0


def _inside_quotation(before: str) -> bool:
    return before.count("“") > before.count("”") or before.count('"') % 2 == 1
