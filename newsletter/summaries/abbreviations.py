"""Short forms with a full stop, and what a full stop after them means. Pure.

The lists are those of American news style (titles, states, months, organisations), chosen by hand.
"""

from __future__ import annotations

import re

_TITLES = (
    "mr mrs ms dr prof sen sens rep reps gov govs gen lt col sgt capt cmdr adm maj pvt cpl rev hon pres "
    "st ft mt vs no nos vol fig jan feb mar apr jun jul aug sept sep oct nov dec mon tue tues wed thu "
    "thurs fri sat sun ave blvd approx est al dept assn univ atty det insp supt msgr fr e.g i.e u.s.c"
)
NEVER_LAST = frozenset(_TITLES.split())
# These may end a sentence or stand inside one: only a typical first word after them tells.
_EITHER = (
    "u.s u.k u.n e.u d.c a.m p.m inc corp co ltd jr sr llc l.a n.y calif fla tex ga pa va md mass mich "
    "minn wash ariz ill ind wis tenn ala ark conn del kan ky la miss mo mont neb nev okla ore bros etc "
    "n.c s.c n.j n.h n.d s.d r.i w.va"
)
_MAYBE_LAST = frozenset(_EITHER.split())
_OPENERS = (
    "The A An In On At It He She They This That These Those But And His Her Their Its We I As If When "
    "While After Before Since Although Though However Meanwhile For With By From There Some Many Most "
    "Other Both Also Now One According Officials Police Critics Republicans Democrats"
)
_FIRST_WORDS = frozenset(_OPENERS.split())
_INITIALS = frozenset({"A", "I"})  # "James A. I. Teal"


def ends_sentence(token: str, next_word: str) -> bool:
    """Return whether the full stop after ``token`` ends its sentence, given the word that follows it."""
    word = token.lower()
    if word in (
        "res",
        "sec",
        "art",
        "pp",
        "ch",
    ):  # "H. Res. 601"; "There the res. ended" is nobody's sentence
        return not next_word[:1].isdigit()
    if len(word) == 1 and word != "i" and next_word[:1].isupper():
        return next_word in _FIRST_WORDS and next_word not in _INITIALS
    if word == "no":
        return not next_word[:1].isdigit()
    if word in NEVER_LAST:
        # "march" and "may" are whole words; the short forms "Mar." and "Sat." never end a sentence in practice.
        return False
    if len(word) == 1 or word in _MAYBE_LAST or re.fullmatch(r"(?:[a-z]\.)+[a-z]", word):
        return next_word in _FIRST_WORDS
    return True
