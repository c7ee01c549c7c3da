"""Questions whose answer an outlet has printed: who or what somebody or something is. Pure."""

from __future__ import annotations

import re

from newsletter.summaries.extractive.evidence import Evidence
from newsletter.summaries.extractive.reading import Said
from newsletter.summaries.story_text import Question

MOST = 2
LONGEST = 35  # words of an answer
INTRODUCED = 0.3  # share of the Articles naming somebody that say who it is; whom all know nobody introduces
_NAMED = re.compile(
    r"\b(?!The )[A-Z][a-zà-ÿ’-]+(?: (?:[A-Z]\. |of |bin |al-|de |van )?[A-Z][a-zà-ÿ’-]+){1,3}\b"
)
_ROLE = r"(?:,\s\d{1,2})?,\s(?:an?|the|who|whose|[a-z]+(?:'s|’s))\s"


def questions(evidence: Evidence, shown: str) -> tuple[Question, ...]:
    """ "Who is …?" and "What is …?" for names the shown text does not explain, answered by a sentence that does."""
    found: list[Question] = []
    names = list(dict.fromkeys(m[0].strip() for m in _NAMED.finditer(shown)))
    for name in names:
        naming = [a for a in evidence.news if name in a.text]
        asked = _asked(name, " ".join(a.text for a in naming))
        if (
            len(found) == MOST
            or asked is None
            or _introduced(name, shown)
            or any(name != n and name in n for n in names)
        ):
            continue
        answers = [s for a in naming for s in evidence.said[a.id] if _introduces(name, s)]
        if len({s.article.origin for s in answers}) < INTRODUCED * len({a.origin for a in naming}):
            continue
        fresh = [s for s in answers if s.words <= LONGEST and evidence.is_fresh(s.terms)]
        if fresh:
            best = max(fresh, key=lambda s: (evidence.weights.central(s.terms), -s.article.id))
            found.append(Question(asked, evidence.print([best])))
    return tuple(found)


def _asked(name: str, text: str) -> str | None:
    """Return the question after this name, when the text shows whether it names a person or a thing."""
    own = re.escape(name)
    if re.search(rf"{own}(?:,[^.;:]{{0,60}}?)?,? who\b|{own}, \d\d\b", text):
        return f"Who is {name}?"
    if re.search(rf"\b[Tt]he {own}\b|[‘'“\"]{own}[’'”\"]", text):
        article = "the " if re.search(rf"\b[Tt]he {own}\b", text) else ""
        return f"What is {article}{name}?"
    return None


def _introduced(name: str, shown: str) -> bool:
    """The shown text already says who or what it is: "Ann Lee, a lawyer", "Senator Ann Lee", "the Fund is a"."""
    own = re.escape(name)
    return bool(
        re.search(rf"{own}(?:{_ROLE}|\s\(|\sis\san?\s)", shown)
        or re.search(rf"\b(?:[A-Z][a-z]+|[a-z]{{4,}})\.?\s{own}", shown)
    )


def _introduces(name: str, said: Said) -> bool:
    own = re.escape(name)
    return bool(
        re.match(
            rf"(?:The )?{own}(?:(?:,\s\d{{1,2}})?,\s(?:an?|the)\s|\s(?:is|was)\s(?:an?|the|one)\s)", said.text
        )
    )
