"""The rows of a Story: what is not disputed, what each side stresses, what only one side reports, what is next. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from newsletter.feeds.leans import Side
from newsletter.summaries.extractive.evidence import OTHER_SIDE, SAME_STATEMENT_FROM, Evidence, copied
from newsletter.summaries.extractive.paragraph import Paragraph
from newsletter.summaries.extractive.quotes import speaker, spoken
from newsletter.summaries.extractive.reading import Said, unquoted
from newsletter.summaries.extractive.states import by_weekday, coming_on, contradict, pending
from newsletter.summaries.story_text import Row, RowKind, Sentence

MOST_AGREED, MOST_STRESSED, MOST_ALONE, MOST_NEXT = 2, 3, 1, 2  # sentences of a row
SHORTEST, LONGEST = 7, 38  # words of a sentence in a row
NEAR, QUOTED_NEAR = 0.25, 0.2  # of the paragraph's nearness to the Story: of a statement, of a quotation
ON_TOPIC = 0.12  # least nearness to the Story of a sentence in a row
FEW_TELL = 0.1  # share of the other side's newsrooms that may tell what one side stresses
TOLD_BY_OTHER = 0.5  # how far the other side may say what one side stresses
RESTATED = 0.65  # how far what is printed may say an Article's first sentence
EXPLAINED = (
    2  # words of the paragraph that a sentence on what is next has: the reader knows what it speaks of
)
AGREED = 0.65  # how far a sentence of each side says what is not disputed
HORIZON = timedelta(days=60)  # what is later is not next
STALE = timedelta(
    hours=8
)  # what an Article tells that is older than the paragraph by more is an earlier state
MUCH_READ = 3  # newsrooms of a side, from which its silence means something
_NUMBER = re.compile(r"\d[\d,.]*\d|\d")
_NAME = re.compile(r"(?<=[a-z,] )[A-Z][\w’'-]+")
_UNNAMED = re.compile(
    r"\b[Tt]he (?:[a-z]+ |[A-Z]{2} ){0,2}[a-z]+,? (?:said|says|told|added|adds|wrote|stated|noted)\b|\bin question\b"
    r"|\b(?:said|says|added|told reporters)\s+(?:he|she|they|the [a-z]+)\s*[.,]"
    r"|^\W*(?:he|she|they) (?:said|says|told|added|wrote)\b"
)
_NEGATED = re.compile(r"\b(?:not|no|never|without|none|neither)\b|n[’']t\b")
_STRESSES = {Side.LEFT: RowKind.LEFT_STRESSES, Side.RIGHT: RowKind.RIGHT_STRESSES}


def rows(evidence: Evidence, paragraph: Paragraph, *, now: datetime) -> tuple[Row, ...]:
    """Return every row with something to show, in the order of the page."""
    found = [_not_disputed(evidence, paragraph)]
    found += [_stressed(evidence, paragraph, side) for side in (Side.LEFT, Side.RIGHT)]
    found += [_only(evidence, paragraph, side) for side in (Side.LEFT, Side.RIGHT)]
    found.append(_next(evidence, paragraph, now))
    return tuple(r for r in found if r is not None)


def _may_stand(s: Said, evidence: Evidence, paragraph: Paragraph) -> bool:
    """The sentence is whole by itself, of this Story, new to the reader, and still true beside the paragraph."""
    if s.position == 0 and evidence.told(s.terms) >= RESTATED:
        return (
            False  # an Article's first sentence mostly tells the event itself, which the paragraph has told
        )
    if (
        not SHORTEST <= s.words <= LONGEST
        or not s.stands_alone
        or evidence.weights.central(s.terms)
        < _on_topic(evidence, paragraph, QUOTED_NEAR if spoken(s) else NEAR)
    ):
        return False
    if _UNNAMED.search(unquoted(s.text)) or not names_known(s, paragraph):
        return False
    if pending(s.text) and _is_older(s, evidence, paragraph):
        return False
    return not any(contradict(s.text, p.text) for p in paragraph.said) and evidence.is_fresh(s.terms)


def _on_topic(evidence: Evidence, paragraph: Paragraph, near: float) -> float:
    """Return the least nearness to the Story of a sentence in a row: a share of the paragraph's, none where few newsrooms tell it."""
    return max(ON_TOPIC, near * evidence.weights.central(paragraph.terms)) * evidence.weights.judges


def _is_older(s: Said, evidence: Evidence, paragraph: Paragraph) -> bool:
    """The sentence's Article was published before the paragraph's, or tells of an earlier day."""
    told, article = evidence.as_of.get(s.article.id, s.article.published_at), paragraph.article
    return s.article.published_at < article.published_at or told < evidence.as_of[article.id] - STALE


def names_known(s: Said, paragraph: Paragraph) -> bool:
    """Return whether every person with only a surname in the sentence is named in the paragraph or its headline."""
    shown = " ".join((paragraph.article.headline, *(p.text for p in paragraph.said)))
    for match in re.finditer(r"(?<![A-Z])\b[A-Z][a-z’-]{2,}\b", s.text):
        name = re.sub(r"[’']s$", "", match[0])
        alone = not re.search(r"[A-Z][\w’-]*\.? (?:(?:bin|al|de|van) )?$", s.text[: match.start()])
        if (
            alone
            and name not in shown
            and re.search(rf"\b[A-Z][a-z]+ (?:[A-Z]\. )?{re.escape(name)}\b(?! [A-Z])", s.article.text)
        ):
            after = s.text[match.end() :]
            if not re.match(r" [A-Z]", after):
                return False
    return True


def _not_disputed(evidence: Evidence, paragraph: Paragraph) -> Row | None:
    """Statements that outlets of both sides make in their own voice, each with a sentence of either side as its citation."""
    candidates = []
    for s in (x for a in evidence.news if not a.state_run for x in evidence.said[a.id]):
        if (
            s.position == 0
            or s.attributed
            or s.words > 30
            or pending(s.text)
            or not _may_stand(s, evidence, paragraph)
        ):
            continue
        left, right = (
            [s]
            if s.side is side
            else [o for o in evidence.stated_by(s, side, least=AGREED) if _same_facts(s, o)]
            for side in (Side.LEFT, Side.RIGHT)
        )
        if left and right and not copied(left[0], right[0]):
            score = len(left) + len(right) + evidence.weights.central(s.terms) - s.words / 60
            candidates.append((score, s, [left[0], right[0]]))
    found: list[Sentence] = []
    for _, s, beside in sorted(candidates, key=lambda c: (-c[0], c[1].article.id, c[1].position)):
        if len(found) < MOST_AGREED and evidence.is_fresh(s.terms):
            found.extend(evidence.print([s], beside=beside))
    return Row(RowKind.NOT_DISPUTED, tuple(found)) if found else None


def _same_facts(one: Said, other: Said) -> bool:
    """Return whether the other sentence, unattributed too, has the first one's numbers, names and negation."""
    if other.attributed or contradict(one.text, other.text):
        return False
    near = f"{other.article.headline} {other.article.text}"
    return (
        set(_NUMBER.findall(one.text)) <= set(_NUMBER.findall(other.text))
        and all(name in near for name in _NAME.findall(one.text))
        and bool(_NEGATED.search(one.text)) == bool(_NEGATED.search(other.text))
    )


def _stressed(evidence: Evidence, paragraph: Paragraph, side: Side) -> Row | None:
    """Return what outlets of this side quote or several of them state, and none of the other side does."""
    other = OTHER_SIDE[side]
    if not evidence.origins(other):
        return None
    several = len(evidence.origins(side)) > 1
    candidates = []
    for s in evidence.of_side(side, opinion=True):
        quoted = spoken(s) is not None
        if not (quoted or s.article in evidence.news) or not _may_stand(s, evidence, paragraph):
            continue
        if evidence.tellers(s.terms, other, least=TOLD_BY_OTHER) > FEW_TELL * len(evidence.origins(other)):
            continue
        backed = len(evidence.stated_by(s, side, least=0.45))
        voiced = quoted or speaker(s) is not None
        if not quoted and backed < (1 if voiced else 2):
            continue  # a detail that one outlet alone reports is nothing its side stresses
        own = evidence.side_log_odds(s.terms, side)
        if own <= 0:
            continue
        candidates.append(
            (
                own
                + 0.8 * quoted
                + 0.3 * (voiced and several)
                + 0.4 * min(backed, 3)
                + 4 * evidence.weights.central(s.terms),
                s,
            )
        )
    found: list[Sentence] = []
    most = MOST_STRESSED if several else 1
    for _, s in sorted(candidates, key=lambda c: (-c[0], c[1].article.id, c[1].position)):
        if len(found) < most and evidence.is_fresh(s.terms):
            found.extend(evidence.print([s]))
    return Row(_STRESSES[side], tuple(found)) if found else None


def _only(evidence: Evidence, paragraph: Paragraph, side: Side) -> Row | None:
    """Return a fact that two outlets of this side report and none of the other's, of which enough were read."""
    other = OTHER_SIDE[side]
    if len(evidence.origins(other)) < MUCH_READ:
        return None
    candidates = []
    for s in evidence.of_side(side):
        if s.attributed or pending(s.text) or not _may_stand(s, evidence, paragraph):
            continue
        backing = evidence.stated_by(s, side, least=SAME_STATEMENT_FROM)
        if backing and not evidence.tellers(s.terms, other, least=0.4):
            candidates.append((len(backing) + evidence.weights.central(s.terms), s, backing[:1]))
    best = max(candidates, key=lambda c: (c[0], -c[1].article.id), default=None)
    return Row(RowKind.ONLY_ONE_SIDE, evidence.print([best[1]], beside=best[2]), side) if best else None


def _next(evidence: Evidence, paragraph: Paragraph, now: datetime) -> Row | None:
    """What is dated after ``now``, from the newest Articles first."""
    candidates = []
    for s in (x for a in evidence.news if not a.state_run for x in evidence.said[a.id]):
        day = coming_on(s.text, s.article.published_at)
        if (
            day is None
            or not now.date() < day <= now.date() + HORIZON
            or (by_weekday(s.text) and _is_older(s, evidence, paragraph))
            or s.words > LONGEST
            or not s.stands_alone
        ):
            continue
        known = len(s.terms & paragraph.terms) >= EXPLAINED
        if known and evidence.weights.central(s.terms) >= ON_TOPIC / 2 and evidence.is_fresh(s.terms):
            candidates.append((s.side is Side.CENTER, evidence.weights.central(s.terms), s))
    found: list[Sentence] = []
    for *_, s in sorted(candidates, key=lambda c: (-c[0], -c[1], c[2].article.id, c[2].position)):
        if len(found) < MOST_NEXT and evidence.is_fresh(s.terms):
            found.extend(evidence.print([s]))
    return Row(RowKind.NEXT, tuple(found)) if found else None


def shows_difference(found: Sequence[Row]) -> bool:
    """Return whether any row shows a difference between the sides."""
    return any(
        r.kind in (RowKind.LEFT_STRESSES, RowKind.RIGHT_STRESSES, RowKind.ONLY_ONE_SIDE) for r in found
    )
