"""The summarizer that has a model write a Story and a model judge it: write, check, judge, repair once, publish what stands.

Nothing that a model says is believed by itself: the program checks hard facts, and the judge meaning.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from newsletter import log
from newsletter.feeds.leans import Side
from newsletter.summaries import contrast
from newsletter.summaries.extractive.summarizer import FEWEST, ONE_SIDED, Extractive
from newsletter.summaries.grounding.hard_facts import checked, quote_refusal, refusal
from newsletter.summaries.model.judge import Judge
from newsletter.summaries.model.prompt import INSTRUCTIONS, REPAIR_INSTRUCTIONS, chosen, prompt, repair_prompt
from newsletter.summaries.model.schema import (
    LONGEST,
    Asks,
    Draft,
    DraftHeadlines,
    Piece,
    Repairs,
    cleaned,
    once_only,
    pieces,
    quote_of,
    sentence_of,
    story_of,
)
from newsletter.summaries.protocol import NO_BRIEF, ArticleText, Brief, SummarizerError
from newsletter.summaries.story_text import PickedHeadline, RowKind, Sentence, StoryKind, StoryText

ANSWER_TOKENS = 3_000
REPAIR_TOKENS = 1_500
_SIDED = frozenset({RowKind.LEFT_STRESSES, RowKind.RIGHT_STRESSES, RowKind.ONLY_ONE_SIDE})
_log = log.get("summaries.model")


@dataclass(frozen=True)
class _Refused:
    """Why a piece of the Draft may not stand."""

    reason: str


@dataclass(frozen=True)
class Llm:
    """Tells a Story in a model's words as far as the facts and the judge let them stand. Implements ``Summarizer``."""

    asker: Asks
    judge: Judge
    name: str = "llm"

    def tell(self, articles: Sequence[ArticleText], *, now: datetime, brief: Brief = NO_BRIEF) -> StoryText:
        """Return the Story's words. Raises SummarizerError when writer or judge give no usable answer, or nothing may stand."""
        shown = chosen(articles, now=now)
        if not shown:
            raise SummarizerError("there is no article to tell the story from")
        draft = self.asker.ask(
            Draft, INSTRUCTIONS, prompt(shown, now=now, brief=brief), most_tokens=ANSWER_TOKENS
        )
        drafted = list(pieces(draft))
        standing = self._standing(drafted, shown, now=now)
        standing = self._repaired(drafted, standing, shown, now=now)
        kept = [s if isinstance(s, Sentence) else None for s in standing]
        _log.info("model.judged", sentences=len(kept), refused=kept.count(None))
        return published(draft, story_of(draft, kept, shown), shown, articles, now=now)

    def _standing(
        self, drafted: Sequence[Piece], shown: Sequence[ArticleText], *, now: datetime
    ) -> list[Sentence | _Refused]:
        """Each piece as the sentence that may stand, or why not. Raises SummarizerError without a usable judge."""
        known = {a.id: a for a in shown}
        doubts = [_doubt(p, shown, known) for p in drafted]
        asked = [p for p, doubt in zip(drafted, doubts, strict=True) if not doubt]
        findings = iter(self.judge.findings(asked, shown, now=now))
        found: list[Sentence | _Refused] = []
        for piece, doubt in zip(drafted, doubts, strict=True):
            if doubt:
                found.append(_Refused(doubt))
            elif (finding := next(findings)).supported:
                found.append(sentence_of(piece.text, piece.cites, shown, finding.passage))
            else:
                found.append(_Refused(finding.reason[:300] or "the cited articles do not carry it"))
        return found

    def _repaired(
        self,
        drafted: Sequence[Piece],
        standing: Sequence[Sentence | _Refused],
        shown: Sequence[ArticleText],
        *,
        now: datetime,
    ) -> list[Sentence | _Refused]:
        """Return the same with refused sentences written again once, as far as they may stand now. A failed repair changes nothing."""
        found = list(standing)
        rows = [
            {"n": n, "part": p.part, "text": p.text, "cites": list(p.cites), "reason": s.reason}
            for n, (p, s) in enumerate(zip(drafted, standing, strict=True), start=1)
            if isinstance(s, _Refused) and p.quote is None
        ]
        if not rows:
            return found
        try:
            asked = repair_prompt(shown, rows, now=now)
            answer = self.asker.ask(Repairs, REPAIR_INSTRUCTIONS, asked, most_tokens=REPAIR_TOKENS)
            open_numbers = {row["n"] for row in rows}
            again = {r.n: r for r in answer.sentences if r.n in open_numbers and r.text.strip()}
            if not again:
                return found
            anew = [
                replace(drafted[n - 1], text=cleaned(r.text), cites=tuple(dict.fromkeys(r.cites)))
                for n, r in again.items()
            ]
            judged = self._standing(anew, shown, now=now)
        except SummarizerError as error:
            _log.warning("model.not_repaired", sentences=len(rows), reason=str(error))
            return found
        for n, sentence in zip(again, judged, strict=True):
            found[n - 1] = sentence
        return found


def _doubt(piece: Piece, shown: Sequence[ArticleText], known: dict[int, ArticleText]) -> str:
    """Return what the program finds wrong with a piece, before any judge is asked; empty when nothing is."""
    if piece.quote is not None and piece.side is not None:
        return str(quote_refusal(quote_of(piece.quote, piece.side, shown), known) or "")
    if not piece.text or len(piece.text.split()) > LONGEST:
        return f"a sentence has 1 to {LONGEST} words"
    if reason := refusal(sentence_of(piece.text, piece.cites, shown), known):
        return str(reason)
    sides = {shown[n - 1].side for n in piece.cites}
    if piece.row in _SIDED and piece.side is not None and sides != {piece.side}:
        return f"it stands under the {piece.side.value} and must cite articles of the {piece.side.value} only"
    if piece.row is RowKind.NOT_DISPUTED and not {Side.LEFT, Side.RIGHT} <= sides:
        return "it must cite at least one article of the left and one of the right"
    return ""


def published(
    draft: Draft,
    story: StoryText,
    shown: Sequence[ArticleText],
    articles: Sequence[ArticleText],
    *,
    now: datetime,
) -> StoryText:
    """The judged Story with what it must have: a lost lede is the overview's first sentence; a lost headline or paragraph, the outlets' own.

    Raises SummarizerError when no sentence is left.
    """
    story, _ = checked(once_only(story), articles)
    if not any(story.sentences()):
        raise SummarizerError("the articles carry nothing of what the language model wrote")
    headline, lede, overview = story.headline, story.lede, story.overview
    if not lede:
        lede, overview = overview[:1], overview[1:]
    if not headline or not lede:
        own = _own_words(articles, now=now)
        headline = headline or own.headline
        if not lede:
            lede, overview = own.lede, own.overview
    if not headline or not lede:
        raise SummarizerError("no headline or lede is left of what the language model wrote")
    pair = _pair(draft.headlines, shown)
    told = replace(story, headline=headline, lede=lede, overview=overview, headlines=pair)
    return _of_kind(told, draft.kind, articles)


def _own_words(articles: Sequence[ArticleText], *, now: datetime) -> StoryText:
    """Return what the outlets' own words give; nothing where they give no Story."""
    try:
        return Extractive().tell(articles, now=now)
    except SummarizerError:
        return StoryText("")


def _of_kind(story: StoryText, kind: str, articles: Sequence[ArticleText]) -> StoryText:
    """Return the Story with its kind: a blind spot by the outlets that carry it, with sides when something shows them."""
    left, right = (len({a.outlet for a in articles if a.side is s}) for s in (Side.LEFT, Side.RIGHT))
    more, fewer = max(left, right), min(left, right)
    if more >= FEWEST and more >= ONE_SIDED * fewer:
        return replace(story, kind=StoryKind.BLIND_SPOT)
    if kind == "with_sides" and fewer and (story.headlines or any(r.kind in _SIDED for r in story.rows)):
        return replace(story, kind=StoryKind.WITH_SIDES)
    rows = tuple(r for r in story.rows if r.kind is RowKind.NEXT)
    return replace(story, kind=StoryKind.NO_SIDES, headlines=(), rows=rows)


def _pair(picked: DraftHeadlines | None, shown: Sequence[ArticleText]) -> tuple[PickedHeadline, ...]:
    """Return the two headlines that the writer picked, marked; none when they are not one of the left and one of the right."""
    if picked is None:
        return ()
    headlines = [
        contrast.Headline(a.id, a.outlet, a.side.value, a.headline, a.published_at, a.text)
        for a in shown
        if a.side is not None
    ]
    found = []
    for side, number in ((Side.LEFT, picked.left), (Side.RIGHT, picked.right)):
        if number is None or not 1 <= number <= len(shown) or shown[number - 1].side is not side:
            return ()
        chosen_one = contrast.marked(headlines, shown[number - 1].id)
        found.append(PickedHeadline(side, chosen_one.headline.article_id, *chosen_one.printed()))
    return tuple(found)
