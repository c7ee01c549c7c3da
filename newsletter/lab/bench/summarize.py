"""bench summarize: summarizes Stories of the sample edition under many other names. Yardstick: splitting their sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from time import process_time

from syntok import segmenter

from newsletter.feeds import sample
from newsletter.feeds.leans import side_of
from newsletter.lab.bench.measuring import Measured, Progress, peak_megabytes, silent, timed
from newsletter.lab.bench.readers import COMPOSED
from newsletter.summaries.extractive.summarizer import Extractive
from newsletter.summaries.protocol import ArticleText

STORIES = 200
_NAME = re.compile(r"\b[A-Z][a-z]{4,}\b")
_AT_LEAST = 3  # Articles of a Story; a Story of one Outlet is not summarized


def bench_summarize(*, stories: int = STORIES, progress: Progress = silent) -> Measured:
    """Summarize so many Stories. Each has names of its own, so that no cache helps."""
    found = Measured("summarize")
    told = list(islice(_stories(), stories))
    began, refused = process_time(), 0
    with timed() as watch:
        for done, articles in enumerate(told):
            if done % 20 == 0:
                progress("summarize", done, stories, "stories")
            refused += not Extractive().tell(articles, now=COMPOSED).lede
    used = process_time() - began
    began = process_time()
    for articles in told:
        for article in articles:
            for paragraph in segmenter.process(f"{article.headline}. {article.text}"):
                for _ in paragraph:
                    pass
    bare = process_time() - began
    found.values |= {"stories": stories, "articles": sum(map(len, told)), "seconds": round(watch.seconds, 2)}
    found.values |= {"cpu_seconds": round(used, 2), "without_lede": refused, "peak_mb": peak_megabytes()}
    found.values["stories_per_second"] = round(stories / watch.seconds, 1)
    found.yardsticks["bare_split_cpu_seconds"] = round(bare, 2)
    found.ratios["summarize_to_bare_split"] = round(used / max(bare, 0.001), 2)
    return found


def _stories() -> Iterator[list[ArticleText]]:
    """Yield Stories without end."""
    lean = {entry.name: entry.lean for entry in sample.catalogue().outlets}
    events: dict[str, list[sample.SampleArticle]] = {}
    for article in sample.articles():
        events.setdefault(article.event, []).append(article)
    round_ = number = 0
    while True:
        for articles in events.values():
            if len(articles) < _AT_LEAST:
                continue
            texts = []
            for article in articles:
                number += 1
                texts.append(
                    ArticleText(
                        number,
                        article.outlet,
                        side_of(lean[article.outlet]),
                        _renamed(article.headline, round_),
                        _renamed(article.excerpt, round_),
                        COMPOSED - timedelta(hours=article.hours),
                    )
                )
            yield sorted(texts, key=lambda a: a.published_at)
        round_ += 1


def _renamed(text: str, nth: int) -> str:
    """Return the text with a suffix for this round on every capitalised word, so that names differ and sentences stay. Days are not
    changed."""
    ending = "".join(chr(97 + int(digit)) for digit in str(nth)) if nth else ""
    return _NAME.sub(lambda found: found.group() + ending, text)
