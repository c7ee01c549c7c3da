"""A plainer sentence in place of a loaded one, out of the same articles; the gate judges it as it judged the other. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from newsletter.feeds.leans import SIDE_NAMES, Side
from newsletter.stories.terms import cosine, terms
from newsletter.summaries.grounding.gate import judge
from newsletter.summaries.loaded_words import loaded_in
from newsletter.summaries.protocol import ArticleText
from newsletter.summaries.segmentation import is_cut_off, pieces, usable, words_in
from newsletter.summaries.selection.questions import tells_next
from newsletter.summaries.story_text import Bullet, BulletKind, Citation, Sentence, Telling, Verdict

SHORTEST, LONGEST = 4, 16  # words of a headline
ALIKE = 0.2  # cosine of word stems below which a sentence tells something else
SAME = 0.6  # and from which two outlets say the same
_CLAUSE = re.compile(
    r"(?:,|;| [–—-]) (?:and|as|which|who|calling|saying|in what|amid)\b|; | [–—] "
)  # what may be cut off there


@dataclass(frozen=True)
class Offer:
    """One loaded sentence of ours, or the Headline, and what one press makes of it: ``instead`` in its place, or nothing
    where ``goes``. Neither: nothing plainer is known, and it is the last of its kind."""

    text: str
    instead: str = ""
    goes: bool = False


def loaded_sentences(telling: Telling) -> list[str]:
    """The sentences of ours, and the Headline, that hold loaded words outside quotation marks."""
    texts = [telling.headline, *(s.text for s in telling.sentences() if s.verdict is not Verdict.OPERATOR)]
    return [text for text in dict.fromkeys(texts) if loaded_in(text)]


def mark(text: str) -> str:
    """A short name of a sentence, for a form."""
    return sha256(text.encode()).hexdigest()[:12]


def offers(telling: Telling, articles: Sequence[ArticleText]) -> list[Offer]:
    """What :func:`plainer` would do about each loaded sentence by itself."""
    found = []
    for text in loaded_sentences(telling):
        after = plainer(telling, articles, only=text)
        there = {after.headline, *(s.text for s in after.sentences())}
        new = there - {telling.headline, *(s.text for s in telling.sentences())}
        found.append(Offer(text, min(new, default=""), goes=not new and text not in there))
    return found


def plainer(telling: Telling, articles: Sequence[ArticleText], *, only: str = "") -> Telling:
    """The Telling with each loaded sentence (or with ``only`` that one) told plainer, or taken out where nothing plainer
    says the same.

    A Side, a Lede or a Question that would be left without any sentence keeps the one it has.
    """
    known = {a.id: a for a in articles}
    said = {s.text for s in telling.sentences()}

    def wanted(s: Sentence) -> bool:
        return s.verdict is not Verdict.OPERATOR and bool(loaded_in(s.text)) and only in ("", s.text)

    def told(sentences: Iterable[Sentence], side: Side | None = None) -> tuple[Sentence, ...]:
        kept, left = [], []
        for s in sentences:
            if not wanted(s):
                kept.append(s)
            elif (instead := _instead(s, side, known, said)) is not None:
                said.add(instead.text)
                kept.append(instead)
            else:
                left.append(s)
        return tuple(kept or left)

    def bullets() -> Iterator[Bullet]:
        for b in telling.analysis:
            if not wanted(b.sentence):
                yield b
            elif (instead := _bullet(b, known, said)) is not None:
                said.add(instead.text)
                yield replace(b, sentence=instead)

    return replace(
        telling,
        headline=_headline(telling.headline, articles)
        if only in ("", telling.headline)
        else telling.headline,
        lede=told(telling.lede),
        overview=told(telling.overview) if len(telling.overview) > 1 else telling.overview,
        analysis=tuple(bullets()),
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
    """The sentence without its loaded clause; or the one of an article of that Side (of any, for None) most like it."""
    if (shorter := _without_clause(sentence, known, said, side=side)) is not None:
        return shorter
    for other in _alike(sentence.text, known, said):
        if side is None or known[other.citations[0].article_id].side is side:
            support, refused = judge(other, known, side=side)
            if refused is None:
                return replace(other, support=support)
    return None


def _bullet(bullet: Bullet, known: Mapping[int, ArticleText], said: set[str]) -> Sentence | None:
    """The same for a bullet: an agreement stays cited to both Sides, a difference stays its outlet's own word, and what comes
    next stays still to come."""
    sentence, both = bullet.sentence, bullet.kind is BulletKind.AGREE
    shorter = _without_clause(sentence, known, said, both=both)
    if shorter is not None and (bullet.kind is not BulletKind.NEXT or tells_next(shorter.text)):
        return shorter
    sides = {known[c.article_id].side for c in sentence.citations if c.article_id in known}
    for other in _alike(sentence.text, known, said):
        article = known[other.citations[0].article_id]
        if bullet.kind is BulletKind.DIFFER:
            if sides != {article.side} or article.side is Side.CENTER:
                continue
            said_by = f"On the {SIDE_NAMES[article.side].lower()}, {article.outlet} writes: {other.text}"
            other = replace(other, text=said_by)
        elif bullet.kind is BulletKind.NEXT and not tells_next(other.text):
            continue
        elif both:
            other = replace(other, citations=(*other.citations, *_others_who_say_it(other, article, known)))
        support, refused = judge(other, known, both=both)
        if refused is None:
            return replace(other, support=support)
    return None


def _without_clause(
    sentence: Sentence,
    known: Mapping[int, ArticleText],
    said: set[str],
    *,
    side: Side | None = None,
    both: bool = False,
) -> Sentence | None:
    """The longest beginning of the sentence that ends before a clause, is whole, and is not loaded."""
    for cut in reversed(list(_CLAUSE.finditer(sentence.text))):
        text = sentence.text[: cut.start()].rstrip(" ,;:–—-") + "."
        if loaded_in(text) or text in said or not usable(text) or is_cut_off(text):
            continue
        shorter = replace(sentence, text=text)
        support, refused = judge(shorter, known, side=side, both=both)
        if refused is None:
            return replace(shorter, support=support)
    return None


def _alike(text: str, known: Mapping[int, ArticleText], said: set[str]) -> list[Sentence]:
    """The plain sentences of the articles that tell the same matter, the most like first."""
    own = Counter(terms(text))
    found = []
    for article in known.values():
        for piece in pieces(article.excerpt, article.headline):
            if piece.text in said or loaded_in(piece.text):
                continue
            alike = cosine(Counter(terms(piece.text)), own)
            if alike >= ALIKE:
                found.append((alike, Sentence(piece.text, (Citation(article.id, piece.passage),))))
    return [s for _, s in sorted(found, key=lambda f: (-f[0], f[1].citations[0].article_id, f[1].text))]


def _others_who_say_it(
    sentence: Sentence, article: ArticleText, known: Mapping[int, ArticleText]
) -> list[Citation]:
    """For each other Side the passage that says the same."""
    own = Counter(terms(sentence.text))
    best: dict[Side, tuple[float, Citation]] = {}
    for other in known.values():
        if other.side is article.side:
            continue
        for piece in pieces(other.excerpt, other.headline):
            alike = cosine(Counter(terms(piece.text)), own)
            if alike >= SAME and alike > best.get(other.side, (0.0, None))[0]:
                best[other.side] = (alike, Citation(other.id, piece.passage))
    return [citation for _, citation in best.values()]
