"""Whether the names in a sentence occur in its cited Articles, in any inflection. Pure.

A name may be written otherwise than in the Article: "Israelis" for "Israel", "Governor" for "Gov.", "ICC" for
"International Criminal Court". Allowed anywhere are the names of the cited Outlets, weekdays, months, titles of office
and nationalities: whether they are the right ones is a question of meaning, which a judge answers.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Sequence
from functools import lru_cache

from newsletter.summaries.grounding.aliases import also_called
from newsletter.summaries.grounding.facts import QUOTED, name_words, spelled

# Words with a capital that name nobody, beside days and months: sides, titles and places of office, and nationalities that are no
# inflection of a country's name.
_NAMES_NOBODY = """
left right center centre president vice senator governor lieutenant representative congressman congresswoman
secretary minister prime judge justice chief mayor attorney chancellor general king queen prince princess deputy speaker leader
director ambassador sir lord lady pope professor doctor sheriff commissioner chairman district homeland security state department
house senate congress parliament government administration court american british english scottish welsh irish french dutch german
swiss spanish portuguese greek danish swedish norwegian finnish polish turkish filipino thai european african asian us uk eu un
"""
_CALENDAR = frozenset(name.lower() for name in (*calendar.day_name, *calendar.month_name[1:]))
_ANYWHERE = _CALENDAR | frozenset(_NAMES_NOBODY.split())
_ENDINGS = (
    "ians", "ian", "eans", "ean", "vian", "ans", "an", "ese", "ish", "ists", "ist", "ism", "ers", "er", "ic", "is", "ns", "n",
    "ia", "a", "i", "y", "e", "s",
)  # fmt: skip
_SHORTEST_ROOT = 4  # letters
_CAPITALS = re.compile(r"(?:[A-Z0-9][\w’'&!.-]*\w!?)(?:\s+(?:of\s+|and\s+)?[A-Z0-9][\w’'&!.-]*\w!?)*")
_START = re.compile(r"(?:^|[.!?:;]\s+|[—–]\s)[\"“‘']?$")


def unknown_names(text: str, sources: Sequence[str]) -> list[str]:
    """Return the words that name somebody or something and stand in none of the ``sources``, in no inflection.

    A lone word that begins a sentence is not looked up: it has its capital from its place.
    """
    words = frozenset[str]().union(*(small_words(s) for s in sources), *(also_called(s) for s in sources))
    roots = frozenset[str]().union(*(_roots(w) for w in words))
    found = []
    for run in _runs(QUOTED.sub(" , ", text)):  # quoted words are compared verbatim elsewhere
        own = [w for word in run for part in word.split("-") if part[:1].isupper() for w in small_words(part)]
        if "".join(w[0] for w in own) not in words:
            found += [w for w in own if w not in words | _ANYWHERE and not _roots(w) & roots]
    return found


def without_outlets(text: str, outlets: Sequence[str]) -> str:
    """Return the text without the names of these Outlets: "New York Post" for nypost.com, "France 24" for france24.com."""
    for outlet in outlets:
        text = re.sub(rf"(?<![\w.-]){re.escape(outlet)}(?![\w-])", "it", text, flags=re.IGNORECASE)

    def masked(words: list[str]) -> list[str]:
        own = [re.sub(r"[^a-z0-9]", "", re.sub(r"['’]s$", "", w.lower())) for w in words]
        for length in range(len(words), 0, -1):
            for start in range(len(words) - length + 1):
                end = start + length
                if any(_is_name_of(own[start:end], outlet) for outlet in outlets):
                    return [*masked(words[:start]), "it", *masked(words[end:])]
        return words

    return _CAPITALS.sub(lambda run: " ".join(masked(run.group().split())), text)


@lru_cache(maxsize=10_000)
def small_words(text: str) -> frozenset[str]:
    """Return the words of a text in small letters, without a possessive s."""
    return frozenset(w.removesuffix("'s") for w in re.findall(r"[^\W_]+(?:'[^\W_]+)*", spelled(text)))


def _runs(text: str) -> list[list[str]]:
    """Names that stand side by side, each as its words, without a lone word that begins a sentence."""
    runs: list[tuple[int, list[str]]] = []
    end = -2
    at = 0
    for word in name_words(text):
        start = text.index(word, at)
        at = start + len(word)
        joined = re.fullmatch(r"(?:['’]s)?\s(?:(?:of|the|for|and|on)\s)*", text[end:start]) if runs else None
        if joined:
            runs[-1][1].append(word)
        else:
            runs.append((start, [word]))
        end = at
    return [run for start, run in runs if len(run) > 1 or not _START.search(text[:start])]


@lru_cache(maxsize=20_000)
def _roots(word: str) -> frozenset[str]:
    """The word and what is left of it without one ending or two: "texans" gives "texan" and "texa"."""
    found = {word}
    for _ in range(2):
        found |= {
            w.removesuffix(end)
            for w in found
            for end in _ENDINGS
            if w.endswith(end) and len(w) - len(end) >= _SHORTEST_ROOT
        }
    return frozenset(w for w in found if len(w) >= _SHORTEST_ROOT)


def _is_name_of(words: Sequence[str], outlet: str) -> bool:
    """Return whether the Outlet's name, or a label of its address, is made of the beginnings of these words, in order."""
    name = outlet.lower()
    labels = [re.sub(r"[\W_]", "", part) for part in (name, *name.split("."))]
    own = tuple(w for w in words if w and w != "the")
    if len(own) == 1:
        return len(own[0]) > 1 and any(own[0] in label for label in labels)
    return len(own) > 1 and any(_made_of(label.removeprefix("the"), own) for label in labels)


def _made_of(left: str, words: tuple[str, ...]) -> bool:
    if not words:
        return len(left) <= 1  # "oann" is One America News
    most = min(len(left), len(words[0]))
    return any(left[:n] == words[0][:n] and _made_of(left[n:], words[1:]) for n in range(1, most + 1))
