"""What the gate says of the sentences operators wrote. They may stand, because a person answers for them; but nobody is told
that they are carried when they are not. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from newsletter.feeds.leans import Side
from newsletter.summaries.grounding.gate import judge
from newsletter.summaries.protocol import ArticleText
from newsletter.summaries.story_text import BulletKind, Sentence, Telling, Verdict


def judged(telling: Telling, articles: Sequence[ArticleText]) -> Telling:
    """The Telling with the gate's own word (support, and why it would refuse) at each sentence an operator wrote."""
    known = {a.id: a for a in articles}

    def heard(sentence: Sentence, side: Side | None = None, *, both: bool = False) -> Sentence:
        if sentence.verdict is not Verdict.OPERATOR:
            return sentence
        support, refused = judge(replace(sentence, verdict=Verdict.SUPPORTED), known, side=side, both=both)
        return replace(sentence, support=support, refused=str(refused or ""))

    def all_of(sentences: Iterable[Sentence], side: Side | None = None) -> tuple[Sentence, ...]:
        return tuple(heard(s, side) for s in sentences)

    return replace(
        telling,
        lede=all_of(telling.lede),
        overview=all_of(telling.overview),
        analysis=tuple(
            replace(b, sentence=heard(b.sentence, both=b.kind is BulletKind.AGREE)) for b in telling.analysis
        ),
        summaries=tuple(replace(s, sentences=all_of(s.sentences, s.side)) for s in telling.summaries),
        questions=tuple(replace(q, answer=all_of(q.answer)) for q in telling.questions),
    )
