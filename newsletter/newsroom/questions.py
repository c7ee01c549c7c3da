"""The Story's Questions: asked from what its sentences answer. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from newsletter.newsroom.leaning import unquoted
from newsletter.newsroom.statements import Statement

MOST = 4
_NAME = r"(?:[A-Z][\w’'\-]+\s+){1,3}[A-Z][\w’\-]+"
_NEXT = re.compile(
    r"\b(?:will (?:be|begin|take|meet|hold|vote|go|head|face|start|return|continue|appear|need|have|decide|visit|travel|sign|hear|last|open)|"
    r"(?:is|are) (?:expected|scheduled|set|due|slated|likely|planning|poised) to|(?:is|are) (?:scheduled|due) (?:for|on|in)|plans? to|"
    r"next (?:week|month|year|step)|later this (?:week|month|year)|by the end of|has until|have until|goes next to|it goes next)\b"
)
_WHY = re.compile(
    r"\b(?:because of|because|in response to|in retaliation for|aimed at|in an effort to|in order to|accus(?:es|ed|ing) .{3,60} of|over (?:claims|allegations))\b"
)
_TOLL = re.compile(
    r"\b(?:[\d,]+|two|three|four|five|six|seven|eight|nine|ten|dozens|hundreds|thousands)\b[^.]{0,40}\b(?:people|killed|dead|died|deaths|injured|wounded)\b",
    re.IGNORECASE,
)
_KILLED = re.compile(r"\b(?:killed|dead|died|deaths|death toll|injured|wounded)\b", re.IGNORECASE)
_SPOKE = re.compile(
    rf"^(?P<who>{_NAME})(?:,[^,]{{3,70}},)?\s+(?P<how>said|told|called|described|criticized|condemned|welcomed|praised|denied|rejected|warned|argued|accused)\b"
)
_WHO = re.compile(rf"^(?P<who>{_NAME}), (?:who|the|an?|\d)\b")
_COST = re.compile(r"[$€£]\s?\d|\b\d[\d,.]* (?:percent|per cent|%)|\d%")


def tells_next(text: str) -> bool:
    """The sentence states a coming step in its own words, not in a quotation."""
    return bool(_NEXT.search(unquoted(text)))


def asked(statement: Statement) -> str | None:
    """The question this sentence answers, in plain words, or None when none of our patterns fits."""
    text = statement.text
    if tells_next(text):
        return "What happens next?"
    if _TOLL.search(text) and _KILLED.search(text):
        return "How many people were hurt or killed?"
    if match := _WHO.match(text):
        return f"Who is {match['who']}?"
    if match := _SPOKE.match(text):
        verb = match["how"]
        return (
            f"What did {match['who']} say?"
            if verb in {"said", "told", "warned", "argued"}
            else f"How did {match['who']} respond?"
        )
    if _WHY.search(unquoted(text)):
        return "What is behind it?"
    if _COST.search(text):
        return "What do the figures say?"
    return None


def ask(
    pool: Sequence[Statement], said: Sequence[Statement], *, repeated: float = 0.6
) -> list[tuple[str, Statement]]:
    """Two to four questions, each asked once, answered by sentences that are not shown elsewhere where there are such."""
    found: dict[str, Statement] = {}
    shown = {s.text for s in said}
    for statement in sorted(pool, key=lambda s: (-s.salience, s.article.id, s.position)):
        if not statement.fit or statement.is_headline or statement.text in shown:
            continue
        if any(statement.like(s) >= repeated for s in [*said, *found.values()]):
            continue
        question = asked(statement)
        if question and question not in found:
            found[question] = statement
        if len(found) == MOST:
            break
    return sorted(found.items(), key=lambda q: q[0] == "What happens next?")
