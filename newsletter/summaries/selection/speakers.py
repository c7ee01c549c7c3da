"""Who spoke a quotation: by name, or by a description that says somebody to a reader. Pure."""

from __future__ import annotations

import re

from newsletter.summaries.protocol import ArticleText
from newsletter.summaries.segmentation import plain
from newsletter.summaries.selection.questions import is_person

_NAME = r"(?:\b(?:de|van|von|bin|al)\s+)?(?:(?:[A-Z][\w’'\-]+\.?|[A-Z]\.)\s+(?:(?:of|for|de|van|von|bin|al)\s+)?){0,5}[A-Z][\w’\-]+"
QUOTED_WORDS = re.compile(r"“([^“”]{12,400})”|\"([^\"]{12,400})\"")
_SAID = r"(?:said|says|told|wrote|added|argued|stated|tweeted|posted|declared|warned|noted|insisted|claimed|explained|called|vowed|asked)"
# Small words that lead to a name: "Secretary of State Marco Teal", "Arnon's wife Ann Teal", "the harbor engineer Cole Teal".
_LEAD = r"(?:(?:[a-z][a-z’'\-]+|[A-Z][\w’'\-]+)\s+){0,7}?"
_PARTY = r"(?:\s*\([^()]{1,25}\))?"
_AFTER = re.compile(
    rf"^[,.]?\s*(?:{_SAID}\s+{_LEAD}(?P<a>{_NAME})|{_LEAD}(?P<b>{_NAME}){_PARTY}(?:,[^,“”\"]{{2,60}},)?\s+{_SAID}\b)"
)
_DESCRIBED = re.compile(
    rf"^[,.]?\s*(?:{_SAID}\s+(?P<c>(?:an?|one)(?: [a-z’'\-]+| [A-Z][\w’'\-]+){{1,6}}?)(?=[.,;]|$| (?:in|on|at|to|who|by)\b)"
    rf"|(?P<d>(?:an?|one|the|[A-Z][\w\-]+[’']s)(?: [a-z’'\-]+| [A-Z][\w’'\-]+){{1,6}}?)\s+{_SAID}\b)"
)
_BODY = re.compile(
    r"\b(?:statement|opinion|ministry|court|agency|department|office|report|letter|memo|company|group|union|army|military|police)$"
)
_BEFORE = re.compile(rf"(?P<name>{_NAME})(?:,[^,“”\"]{{2,60}},)?\s+{_SAID}\b[^.“”\"]{{0,80}}$")
_SPOKE = re.compile(rf"(?P<name>{_NAME})(?:,[^,“”\"]{{2,60}},)?\s+(?:{_SAID}|announced|has said)\b")
_PRONOUN_SAID = re.compile(rf"^[,.]?\s*(?:(?:he|she)\s+{_SAID}\b|{_SAID}\s+(?:he|she)\b)")
_TWO_NAMES = re.compile(r"\b[A-Z][a-zÀ-ÿ’\-]+(?: [A-Z]\.)?(?: [A-Z][a-zÀ-ÿ’\-]+)+")
_RANKS = frozenset(
    "president senator sen rep gov governor mayor judge justice minister secretary chairman chairwoman director general officer chief "  # noqa: SIM905 - a list of words reads as words
    "speaker mr mrs ms dr sheriff detective professor prof king queen prince princess attorney".split()
)
_NOT_A_NAME = frozenset(
    "The A An In On At It He She They This That But And His Her Their We I If When While After Before As For With".split()  # noqa: SIM905
)


def speaker(passage: str, quotation: re.Match[str]) -> str:
    """Who spoke, by the nearest "Name said" in the same sentence; empty when the sentence names nobody."""
    after = _AFTER.match(passage[quotation.end() :])
    if after and (name := _proper(after.group("a") or after.group("b"))):
        return name
    before = _BEFORE.search(passage[: quotation.start()])
    return _proper(before.group("name")) if before else ""


def in_full(name: str, article: ArticleText) -> str:
    """A surname alone with the given name that stands before it elsewhere in the Article, if there is just one; where there
    is none, with the rank that does."""
    if not name or " " in name:
        return name
    text = f"{article.headline} . {article.excerpt}"
    found = {
        f
        for f in re.findall(rf"\b[A-Z][a-z’'\-]+ {re.escape(name)}\b", text)
        if f.split()[0] not in _NOT_A_NAME
    }
    ranked = {f for f in found if f.split()[0].lower() in _RANKS}
    given = found - ranked
    only = given or ranked
    return plain(only.pop()) if len(only) == 1 else name


def described(passage: str, quotation: re.Match[str]) -> str:
    """Who spoke, where no name is given: "one resident", "a spokesman of the harbor", "the court". A mere "the officer"
    says nobody to who has not read what stands before."""
    found = _DESCRIBED.match(passage[quotation.end() :])
    if found is None:
        return ""
    who = re.sub(r" \w+ed$", "", found["c"] or found["d"])  # "a statement signed by …"
    return plain(who) if who.startswith(("a ", "an ", "one ")) or _BODY.search(who) else ""


def _proper(name: str) -> str:
    words = name.split()
    while words and words[0] in _NOT_A_NAME:
        words = words[1:]
    return plain(" ".join(words)).removesuffix("’s").removesuffix("'s")


def carried_on(passage: str, quotation: re.Match[str], before: str) -> str:
    """Who spoke a quotation that stands as a sentence of its own behind another: whoever spoke that one, by name."""
    if passage.strip('“”" ') != (quotation.group(1) or quotation.group(2)).strip():
        return ""
    earlier = list(QUOTED_WORDS.finditer(before))
    return speaker(before, earlier[-1]) if earlier else ""


def the_only_one(passage: str, quotation: re.Match[str], article: ArticleText, opened: int) -> str:
    """Who "he said" means where the Article, so far, names one person and tells that they said something; empty otherwise."""
    if not _PRONOUN_SAID.match(passage[quotation.end() :]):
        return ""
    so_far = article.excerpt[:opened]
    spoke = [in_full(name, article) for m in _SPOKE.finditer(so_far) if (name := _proper(m["name"]))]
    people = [m.group() for m in _TWO_NAMES.finditer(so_far) if is_person(m.group())]
    if len({who.split()[-1] for who in spoke}) != 1:
        return ""
    who = max(spoke, key=len)
    return who if is_person(who) and all(who.split()[-1] in p.split() for p in people) else ""
