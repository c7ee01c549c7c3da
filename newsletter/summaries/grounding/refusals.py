"""Why the gate refuses a sentence, and the patterns that alone are reason enough. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum

from newsletter.summaries.grounding.alignment import Turned
from newsletter.summaries.grounding.near_copies import Change

# Where a reader could be led: links only ever come from us. "Booking.com" goes with them.
ADDRESS = re.compile(
    r"https?:|\bwww\.|\b[\w-]+\.(?:com|org|net|info|io|co|me|ru|cn|tv|ly|gg|app|dev|xyz|site|online|shop|link|top|example)\b|\w@\w|[@#]\w",
    re.IGNORECASE,
)
SELF_TALK = re.compile(
    r"\bas an ai\b|language model|\bi (?:cannot|can't|am unable|don't have)\b|\bi['’]m sorry\b|ignore (?:all|your|previous)|"
    r"\b(?:the|these|this|provided|given|supplied|above) (?:provided |given |supplied )?(?:articles?|texts?|excerpts?|sources?|"
    r"passages?) (?:provided|say|says|state|states|mention|mentions|do not|does not|above)\b|\bbased on the (?:articles?|excerpts?|"
    r"text|information) (?:provided|given|above)\b|\bhere (?:is|are) (?:the|a|my) (?:summary|overview|json)\b|\bin summary\b",
    re.IGNORECASE,
)


class Reason(StrEnum):
    """Why a sentence is refused."""

    NO_CITATION = "cites nothing"
    UNKNOWN_ARTICLE = "cites an article that is not in the story"
    PASSAGE = "the cited passage does not stand in the article"
    NUMBER = "a number is not in the cited article"
    NAME = "a name is not in the cited article"
    QUOTE = "a quotation is not verbatim in a cited article"
    SUPPORT = "the cited article does not carry it"
    SIDE = "does not cite the side it speaks for"
    BOTH = "an agreement that does not cite both sides"
    COPIED = "copies too many words outside quotation marks"
    SELF_TALK = "talks about itself"
    FLIPPED = "turns a direction round"
    COUNT = "a count is wrong"
    ADDRESS = "leads to an address"
    NO_QUESTION = "is no question"


CHANGED: Mapping[Change, Reason | Turned] = {
    Change.NAME: Turned.NAME,
    Change.NUMBER: Turned.NUMBER,
    Change.DIRECTION: Reason.FLIPPED,
    Change.NEGATION: Turned.NEGATION,
    Change.SWAPPED: Turned.SWAPPED,
    Change.DATE: Turned.DATE,
}
