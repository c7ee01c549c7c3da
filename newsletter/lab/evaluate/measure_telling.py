"""How much of an expert's account of a Story its Telling carries, beside as many words from the articles' beginnings. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest

from newsletter.summaries.protocol import ArticleText
from newsletter.summaries.segmentation import split
from newsletter.summaries.selection.extractive import Extractive
from newsletter.summaries.selection.rouge import Rouge, rouge
from newsletter.summaries.story_text import BulletKind, Telling


def told(articles: Sequence[ArticleText]) -> Telling | None:
    """The Telling that would be published; None where there is nothing to tell from."""
    return Extractive().tell(articles) if articles else None


def neutral_words(telling: Telling) -> str:
    """What tells the whole Story: Lede, Overview, Analysis and Questions, in reading order."""
    parts = [
        *telling.lede,
        *telling.overview,
        *(b.sentence for b in telling.analysis),
        *(s for q in telling.questions for s in q.answer),
    ]
    return " ".join(s.text for s in parts)


def lead(articles: Sequence[ArticleText], words: int) -> str:
    """The yardstick: first sentences of all articles, then second ones, until ``words`` are reached."""
    found: list[str] = []
    for row in zip_longest(*(split(a.excerpt) for a in articles)):
        for sentence in row:
            if sentence and sum(len(s.split()) for s in found) < words:
                found.append(sentence)
    return " ".join(found)


def measure(tellings: Sequence[tuple[Telling, Sequence[ArticleText], str]]) -> dict[str, object]:
    """ROUGE as F1 in percent of ours and of the yardstick against each expert's text, and how often Analysis has what."""
    ours, plain, words = [], [], 0
    bullets = dict.fromkeys((k.value for k in BulletKind), 0)
    questions = 0
    for telling, articles, expert in tellings:
        text = neutral_words(telling)
        ours.append(rouge(expert, text))
        plain.append(rouge(expert, lead(articles, len(text.split()))))
        words += len(text.split())
        for kind in {b.kind.value for b in telling.analysis}:
            bullets[kind] += 1
        questions += bool(telling.questions)
    count = max(1, len(tellings))
    return {
        "compared": len(tellings),
        "words": round(words / count, 1),
        "ours": _mean(ours),
        "lead": _mean(plain),
        "stories_with": {
            k: round(100 * n / count, 1) for k, n in {**bullets, "questions": questions}.items()
        },
    }


def _mean(scores: Sequence[Rouge]) -> Mapping[str, float]:
    count = max(1, len(scores))
    return {
        "rouge1": round(100 * sum(s.one for s in scores) / count, 2),
        "rouge2": round(100 * sum(s.two for s in scores) / count, 2),
        "rougeL": round(100 * sum(s.longest for s in scores) / count, 2),
    }
