"""A plainer sentence in place of a loaded one, out of the same articles; the gate judges it as it judged the other. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from newsletter.newsroom.grounding import judge
from newsletter.newsroom.leans import Side
from newsletter.newsroom.loaded_words import loaded_in
from newsletter.newsroom.salience import cosine, terms
from newsletter.newsroom.sentences import pieces, words_in
from newsletter.newsroom.summarizers.protocol import ArticleText
from newsletter.newsroom.telling import Citation, Sentence, Telling, Verdict

SHORTEST, LONGEST = 4, 16  # words of a headline
ALIKE = 0.2  # cosine of word stems below which a sentence tells something else


def loaded_sentences(telling: Telling) -> list[str]:
    """The sentences of ours, and the Headline, that hold loaded words outside quotation marks."""
    texts = [telling.headline, *(s.text for s in telling.sentences() if s.verdict is not Verdict.OPERATOR)]
    return [text for text in dict.fromkeys(texts) if loaded_in(text)]


def plainer(telling: Telling, articles: Sequence[ArticleText]) -> Telling:
    """The Telling with each loaded sentence told plainer, or taken out where nothing plainer says the same.

    A Side, a Lede or a Question that would be left without any sentence keeps the one it has.
    """
    known = {a.id: a for a in articles}
    said = {s.text for s in telling.sentences()}

    def told(sentences: Iterable[Sentence], side: Side | None = None) -> tuple[Sentence, ...]:
        kept, left = [], []
        for s in sentences:
            if not loaded_in(s.text) or s.verdict is Verdict.OPERATOR:
                kept.append(s)
            elif (instead := _instead(s, side, known, said)) is not None:
                said.add(instead.text)
                kept.append(instead)
            else:
                left.append(s)
        return tuple(kept or left)

    return replace(
        telling,
        headline=_headline(telling.headline, articles),
        lede=told(telling.lede),
        overview=told(telling.overview) if len(telling.overview) > 1 else telling.overview,
        analysis=tuple(b for b in telling.analysis if not loaded_in(b.sentence.text)),
        summaries=tuple(replace(s, sentences=told(s.sentences, s.side)) for s in telling.summaries),
        questions=tuple(replace(q, answer=told(q.answer)) for q in telling.questions),
    )


def _headline(ours: str, articles: Sequence[ArticleText]) -> str:
    """The outlets' headline that is most like ours and not loaded; ours when it is not loaded, or none is better."""
    if not loaded_in(ours):
        return ours
    own = Counter(terms(ours))
    others = [
        a.headline
        for a in articles
        if not loaded_in(a.headline) and SHORTEST <= words_in(a.headline) <= LONGEST
    ]
    return max(others, key=lambda h: cosine(Counter(terms(h)), own), default=ours)


def _instead(
    sentence: Sentence, side: Side | None, known: Mapping[int, ArticleText], said: set[str]
) -> Sentence | None:
    """The sentence of an article of that Side (of any, for None) that is most like it and not loaded."""
    own = Counter(terms(sentence.text))
    best: tuple[float, Sentence] | None = None
    for article in known.values():
        if side is not None and article.side is not side:
            continue
        for piece in pieces(article.excerpt, article.headline):
            if piece.text in said or loaded_in(piece.text):
                continue
            alike = cosine(Counter(terms(piece.text)), own)
            if alike < ALIKE or (best is not None and alike <= best[0]):
                continue
            other = Sentence(piece.text, (Citation(article.id, piece.passage),))
            support, refused = judge(other, known, side=side)
            if refused is None:
                best = (alike, replace(other, support=support))
    return best[1] if best else None
