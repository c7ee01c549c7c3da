"""Outlets' headlines without labels, site names and bylines. Pure.

The labels and patterns were collected by hand from feeds' headlines; they name forms of headlines, and no subject of the news.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_LABEL = re.compile(
    r"^(?:(?:BREAKING|UPDATED?|WATCH|EXCLUSIVE|JUST IN|DEVELOPING|VIDEO|OPINION|LIVE|ANALYSIS|REPORT|FACT[- ]?CHECK|EXPLAINER|"
    r"NEW|Breaking|Updated?|Watch|Exclusive|Video|Opinion|Live|Analysis|Report|Explainer|WATCH LIVE|READ|ICYMI|(?:[A-Z]\w+ )?(?:latest|Latest|LATEST)|ALERT|Alert|Editorial|First on \w+)"
    r"(?:\s+(?:NEWS|News|\d{1,2}))?\s*[:\-–—|]+\s*|[•·►▶|*]+\s*)+"
)
_SITE_IN_FRONT = re.compile(r"^(?:[A-Z][\w.&’']*\s+){0,2}[A-Z][\w.&’']*\s+[|»›]\s+(?=\S+(?:\s+\S+){3})")
_TAIL = re.compile(r"\s*(?:\s[|*•·»›]|\s[-–—]{1,2}|\s::|\s/)\s+((?:(?!\s[-–—]{1,2}\s)[^|*•»›]){1,60})$")
_ENDING = re.compile(r"(?:[’']?s|es|ed|d|ing|ly|edly|er|ers|ian|an)")
_IN_BRACKETS = re.compile(r"\s+\((?:[A-Z]\w+|[A-Z.]+:\w+)\)$")  # "(Business)", "(ABC:nyse)"
# Lists of several matters, calls to look, and promises to tell: nothing of this states what happened.
_NO_STATEMENT = re.compile(
    r"(?i)^(?:\w+ ){0,3}(?:brief|briefing|roundup|round-up|digest|wrap|wrap-up|newsletter|live|live blog|live updates|daily)\s*[:|]"
    r"|\b(?:things?|need|want|should|got) to know\b|\byou (?:should|must) know\b|\bhere[’']s\b|[:–—-]\s*(?:photos?|videos?|pictures?|watch|live)$"
    r"|\b(?:this is|that[’']s) (?:how|why|what)\b|\band other (?:\w+ )?(?:headlines|news|stories)\b|^\d{1,2} \w+ \d{4}:"
)
_TELLS_NOTHING = re.compile(
    r"(?i)\b(?:comments? on|reacts? to|responds? to|weighs? in|speaks? out|breaks? (?:his|her) silence|opens up|a look at)\b"
)


def clean(headline: str, outlets: Sequence[str] = ()) -> str:
    """Return the verbatim slice of the headline without labels in front and site names or bylines behind."""
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


def _is_site(tail: str) -> bool:
    words = tail.split()
    small = {"of", "the", "and", "by", "&", "news"}
    return len(words) <= 5 and (all(w[:1].isupper() or w in small or "." in w for w in words))


def tells_nothing(text: str) -> bool:
    """Only that somebody spoke or reacted, or several matters in a row."""
    return bool(_TELLS_NOTHING.search(text) or _NO_STATEMENT.search(text))
