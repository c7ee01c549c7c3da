"""Words that frame: by which a Side judges, or names people and acts so that the name judges. Pure."""

from __future__ import annotations

import re

from newsletter.stories.terms import stem
from newsletter.summaries.loaded_words import LOADED


def root_of(word: str) -> str:
    """The stem of the word, the same in British and American spelling."""
    text = word.lower()
    if len(text) > 5:
        text = re.sub(r"our(?=(?:ed|ing|able|ably|ite|ites|s|er|ers)?$)", "or", text)
        text = re.sub(r"is(?=(?:e|ed|es|ing|ation|ations)$)", "iz", text)
        text = re.sub(r"(?<=[a-z]{3})tre(?=s?$)", "ter", text)
        text = re.sub(r"ence(?=s?$)", "ense", text)
        text = re.sub(r"ll(?=(?:ed|ing|er|ers)$)", "l", text)
    return stem(text)


# Words that name the same people or acts as others do, and judge them by the choice.
_NAMED_SO = (
    "illegal illegals undocumented migrant migrants alien aliens gangbanger thug regime genocide occupation occupied settler "
    "settlers terrorist terrorists militant militants extremist far-right far-left hardline controversial fraud rigged gerrymander "
    "gerrymandering gerrymandered crackdown purge takeover conquest conquer assault invasion attack defiance woke radical activist "
    "militarize weaponize weaponizing retaliation revenge landmark historic sweeping victory blow setback wrongly wrongfully "
    "mistakenly accused alleged criminal felon predator cover-up hoax scandal coup democracy authoritarian dictator racist "
    "racially power-grab starvation famine hostage martyr pro-life anti-abortion pro-choice abortion rights freedom liberty "
    "Republican-leaning Republican-friendly GOP-friendly liberal conservative leftist right-wing left-wing mocks mock blasts "
    "slams rips fumes meltdown surrender chaos crisis threat threatens"
)
_FRAMING = frozenset(root_of(w) for w in (*_NAMED_SO.lower().split(), *LOADED))
# Of them, and of the loaded ones, what as often only tells what happened.
_TELL = (
    "attack criminal accused alleged hostage migrant migrants rights threat threatens crisis democracy abortion historic famine "
    "victory blow setback chaos assault militants surrender invasion liberty freedom conservative liberal defiance scandal coup allegation allegations deny denies"
)
ONLY_TELLS = frozenset(root_of(w) for w in _TELL.split())
TELLING = _FRAMING - ONLY_TELLS
