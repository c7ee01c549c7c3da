"""bench group: measures the time and memory of grouping invented Articles, those of one week and of more and more weeks.

Each size runs in a process of its own, whose peak memory is reported. The yardstick is scikit-learn's TfidfVectorizer on the same
texts, which only turns them into vectors and compares nothing.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from multiprocessing.pool import Pool
from time import process_time

import numpy as np

from newsletter.lab.bench.child_processes import accept_interrupts, interrupts_deferred
from newsletter.lab.bench.measuring import Bar, Measured, Progress, peak_megabytes, silent, timed
from newsletter.lab.evaluate.measures import b_cubed
from newsletter.stories.clustering import Piece, cluster
from newsletter.stories.words import STOP_WORDS

LEAST = 10  # Articles; with fewer the yardstick finds no word that is in two of them and in at most a quarter
WEEK = 13_000  # Articles in seven days, the window of grouping; chosen by hand
SIZES = (13_000, 25_000, 50_000, 100_000)
SECONDS, MEGABYTES = 4.0, 400.0  # the goals for a week
LINEAR = 1.5  # goal: seconds for one Article at the largest size, divided by those at one week's size
_BEGAN = datetime(2026, 1, 5, tzinfo=UTC)
_VOCABULARY = 40_000
_ZIPF = 1.05  # how fast the frequency of words falls with their rank
_LONE_SHARE = 0.25  # share of events that only one Outlet reports
_LARGEST = 200  # Outlets that report one event, at most


def made_up(number: int, *, seed: int = 7) -> tuple[list[Piece], list[int]]:
    """Return ``number`` Articles at the rate of :data:`WEEK`, and the event of each.

    Words follow Zipf's law with English function words between them; an event has eight names and a few words of one topic of its
    own; the sizes of events are heavy-tailed.
    """
    chance = np.random.default_rng(seed)
    share = 1.0 / np.arange(1, _VOCABULARY + 1) ** _ZIPF
    ladder = np.cumsum(share / share.sum())
    small = sorted(STOP_WORDS)
    pieces: list[Piece] = []
    happenings: list[int] = []
    days = 7 * number / WEEK
    happening = 0
    while len(pieces) < number:
        happening += 1
        lone = chance.random() < _LONE_SHARE
        size = 1 if lone else min(2 + int(chance.pareto(1.1) * 2), _LARGEST)
        names = [f"name{n}" for n in chance.integers(0, 60_000, 8)]
        topic = [f"topic{n}" for n in chance.integers(0, 40, 1) * 50 + chance.integers(0, 50, 6)]
        first = chance.uniform(0, days)
        for _ in range(min(size, number - len(pieces))):
            words = np.searchsorted(ladder, chance.random(48)).tolist()
            plain = [f"word{w}" for w in words]
            function = [small[i] for i in chance.integers(0, len(small), 26)]
            own = [names[i] for i in chance.integers(0, 8, 9)] + [topic[i] for i in chance.integers(0, 6, 6)]
            text = [*plain[7:], *function, *own[4:]]
            chance.shuffle(text)
            at = _BEGAN + timedelta(days=float(min(first + chance.exponential(0.5), days)))
            pieces.append(Piece(len(pieces), " ".join([*own[:4], *plain[:7]]), " ".join(text), at))
            happenings.append(happening)
    return pieces, happenings


def bench_group(*, sizes: Sequence[int] = SIZES, progress: Progress = silent) -> Measured:
    """Group ``sizes`` Articles, each size in a process of its own."""
    found = Measured("group")
    spent: list[float] = []
    judged = sizes[0] >= WEEK
    for done, size in enumerate(sizes):
        progress("grouping", done, len(sizes) + 1, f"{size:,} articles")
        with _alone() as pool:
            seconds, cpu, peak, before, f1 = pool.apply(_measured, (size,))
        spent.append(cpu / size)
        found.values[f"{size}_articles"] = (
            f"{seconds:.1f} s ({cpu:.1f} s of processor), {peak:,.0f} MB ({before:,.0f} MB of it Python and the articles), B-cubed F1 {f1:.3f}"
        )
        if done == 0 and judged:
            found.bars = [
                Bar(f"processor seconds for {size:,} articles", round(cpu, 2), SECONDS * size / WEEK, "s"),
                Bar(f"peak memory for {size:,} articles", peak, MEGABYTES, "MB"),
            ]
    progress("grouping", len(sizes), len(sizes) + 1, "yardstick")
    with _alone() as pool:
        found.yardsticks["tfidf_vectorizer_seconds"] = round(pool.apply(_vectorized, (sizes[0],)), 2)
    found.ratios["grouping_to_tfidf_vectorizer"] = round(
        spent[0] * sizes[0] / max(0.01, found.yardsticks["tfidf_vectorizer_seconds"]), 2
    )
    found.values["cpu_seconds_of_the_first"] = round(spent[0] * sizes[0], 3)
    found.ratios["per_article_most_to_first"] = round(spent[-1] / spent[0], 2)
    if judged and len(sizes) > 1:
        per_article = found.ratios["per_article_most_to_first"]
        found.bars.append(Bar("an article among the most, to one of a week", per_article, LINEAR, "times"))
    return found


def _alone() -> Pool:
    """Give an executor of one new process."""
    with interrupts_deferred():
        return multiprocessing.get_context("spawn").Pool(1, initializer=accept_interrupts)


def _measured(size: int) -> tuple[float, float, float, float, float]:
    """Return seconds, processor seconds, peak MB, MB before grouping, and B-cubed F1."""
    pieces, happenings = made_up(size)
    before = peak_megabytes()
    began = process_time()
    with timed() as watch:
        labels = cluster(pieces)
    cpu, peak = process_time() - began, peak_megabytes()
    return watch.seconds, cpu, peak, before, b_cubed(happenings, labels)[2]


def _vectorized(size: int) -> float:
    # Imported here: it takes a second, and no other bench needs it.
    from sklearn.feature_extraction.text import TfidfVectorizer

    pieces, _ = made_up(size)
    began = process_time()
    TfidfVectorizer(min_df=2, max_df=0.25, sublinear_tf=True).fit_transform(
        [f"{p.title} {p.title} {p.text}" for p in pieces]
    )
    return process_time() - began
