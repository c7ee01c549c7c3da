"""Makes the subject line and the preheader from headlines, in whole phrases. Pure.

Half a sentence misleads, so a headline is used whole, or up to the end of one of its phrases, or not at all.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

LONGEST_SUBJECT = 70  # characters; most mail programs show 40 to 70
COMFORTABLE = 60  # a longer line gets no "5 more", because the preheader names further Stories anyway
LONGEST_PREHEADER = 110
LOOK_AT = 3  # the subject names one of the first so many Stories
_FEWEST_WORDS = 4
# A phrase may end before one of these words of English grammar: what follows only adds when, where or why.
_ADDS = re.compile(
    r"(?:\s*;\s+|\s+[–—-]\s+|,\s+(?=[a-z]+ing\s)|,?\s+(?=(?:after|as|amid|before|following|despite|during|because|while|"
    r"when|since|until|ahead of|over|with)\s))"
)
# A headline must not be cut behind one of these words, nor behind a possessive.
_OPEN_ENDS = (
    "a an the of in on at to for from with by and or but nor as if when while after before over under into amid about "
    "against than that which who whose is are was were be been has have had will would could may might must should can "
    "says said say his her its their our your new more most not no up out off first two three former even just only also so"
)
_LEAVES_OPEN = frozenset(_OPEN_ENDS.split())
# Forms whose meaning a cut would change: a clause that comes first, a subject with a clause of its own, and a verdict that
# comes last ("… is false, court says").
_OPENS_LATE = re.compile(
    r"(?i)^(?:after|as|amid|with|when|while|if|before|despite|in|on|at|for|from|once|since|to)\b"
)
_OWN_CLAUSE = re.compile(
    r"(?i)\b(?:who|whose|which|that|where|if|unless|but|not|no|denies|false|could|may|might)\b"
)
_ATTRIBUTION = re.compile(
    r"(?i),[^,]*\b(?:says?|said|reports?|shows?|finds?|found|warns?|claims?|alleges?)\b[^,]*$"
)
_VERB = re.compile(
    r"^(?!.*['’]s$)[a-z]+(?:s|ed|es|ies)$|^(?:to|is|are|was|were|will|hit|cut|win|won|set|met|put)$"
)


def shorten(headline: str, room: int) -> str:
    """Return ``headline`` in at most ``room`` characters: whole, or up to the end of a phrase; empty when neither fits."""
    text = " ".join(headline.split()).rstrip(".")
    if len(text) <= room:
        return text
    if _OPENS_LATE.match(text) or _ATTRIBUTION.search(text):
        return ""
    for match in reversed(list(_ADDS.finditer(text))):
        part = text[: match.start()]
        if len(part) <= room and _stands_alone(part) and not _OWN_CLAUSE.search(text):
            return part
    return ""


def _stands_alone(part: str) -> bool:
    """Return whether the beginning of a headline is complete by itself: it says who does what, and nothing is left open."""
    words = part.split()
    last = words[-1].lower().strip(",;:") if words else ""
    return (
        len(words) >= _FEWEST_WORDS
        and last not in _LEAVES_OPEN
        and not last.endswith(("'s", "’s", "s'", "s’"))
        and part.count("“") == part.count("”")
        and part.count("‘") <= part.count("’")
        and part.count('"') % 2 == 0
        and part.count("(") == part.count(")")
        and any(_VERB.match(w) for w in words[1:-1])
    )


def subject(headlines: Sequence[str]) -> str:
    """Return the subject line, such as "Texas map passes · Maxwell files released · 5 more", at most 70 characters.

    It has two whole headlines if they fit, otherwise the first of the first three that fits. When none of them can be shortened,
    the shortest of them is used whole, although it is longer.
    """
    if not headlines:
        return ""
    named = [part for _, part in _named(headlines)]
    return _line(named, len(headlines) - len(named))


def subjects(headlines: Sequence[str]) -> list[str]:
    """Return subject lines to choose from: that of :func:`subject`, then one for each other Story with a short enough headline."""
    room = LONGEST_SUBJECT - len(f" · {len(headlines)} more")
    others = (part for headline in headlines if (part := shorten(headline, room)))
    lines = [_line([part], len(headlines) - 1) for part in others]
    return list(dict.fromkeys(filter(None, [subject(headlines), *lines])))


def preheader(headlines: Sequence[str]) -> str:
    """Return headlines of the Stories that the subject line does not name, as many as fit."""
    named = {place for place, _ in _named(headlines)}
    lead, text = "Also: ", ""
    for place, headline in enumerate(headlines):
        if place in named:
            continue
        joined = f"{text}; " if text else lead
        part = shorten(headline, LONGEST_PREHEADER - len(joined))
        if part:
            text = joined + part
    return text


def _line(named: Sequence[str], more: int) -> str:
    line = " · ".join(named)
    whole = f"{line} · {more} more" if more else line
    return whole if len(whole) <= COMFORTABLE else line


def _named(headlines: Sequence[str]) -> list[tuple[int, str]]:
    """Return the headlines that the subject line names, as (index, text)."""
    whole = [(place, " ".join(h.split()).rstrip(".")) for place, h in enumerate(headlines)]
    room = LONGEST_SUBJECT - len(f" · {len(headlines)} more")
    if len(whole) > 1 and len(whole[0][1]) + len(whole[1][1]) + 3 <= room:
        return whole[:2]
    candidates = whole[:LOOK_AT]
    for place, text in candidates:
        if part := shorten(text, room):
            return [(place, part)]
    return [min(candidates, key=lambda w: (len(w[1]), w[0]))] if candidates else []
