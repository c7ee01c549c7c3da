"""``evaluate sides``: how well each Side's Summary speaks for its Side, measured on labelled rows, printed as JSON."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from newsletter.cli.progress import progress
from newsletter.feeds.leans import Side
from newsletter.lab.evaluate import measure_telling, side_matching
from newsletter.lab.evaluate.jsonlines import RowsError, read_rows, write_rows
from newsletter.lab.evaluate.measure_sides import Expert, Rarity, SidesMeasure, compare, measure
from newsletter.lab.evaluate.side_matching import PAIR, Matching
from newsletter.lab.evaluate.words import PATH, article
from newsletter.summaries.protocol import ArticleText
from newsletter.summaries.story_text import Telling

DRAWS = 3  # ways to halve the articles of a Story


@click.command()
@PATH
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Write {left, right} rows, in order, to this file (only for rows with news).",
)
def sides(path: Path, out: Path | None) -> None:
    """Write each Side's Summary for the rows of FILE.jsonl and hold it against words of its own Side and of the other.

    Rows are {news: {left|center|right: {title, body}}, roundup: [an expert's paragraphs]}, one a Story, or {title, text,
    bias, label, source}, one an article, as `evaluate clusters` reads them.

    \b
    Prints {"n": Stories, "matchings": {...}}, where each of these says how many Summaries were compared, and of ours, of
    yardsticks with as many words (centroid, centroid_log_odds, lexrank), of the whole of what was shown and of its words
    "alone" that the other Side does not use: "own", percent more like their own Side's words than like the other's,
    "together", percent of Stories whose two Summaries are liker to their own Sides' words than they would be exchanged,
    "near", mean likeness to their own, each by cosine, by cosine weighed by rarity, and by ROUGE-1, -2, -L; and mean words.
      headlines         each Side's headlines, which the summarizer reads
      hidden_headlines  the same, hidden from the summarizer
      rests             what follows the first 600 letters of long articles, of which it reads the beginning
      other_halves      the other half of each Side's articles, three draws (rows of articles)
      expert            what the roundup says of each Side, without the words that only frame it
    For rows with news also, by cosine: own_side (headlines) of compared, own_side_expert and own_side_expert_whole (all
    clauses of the roundup that name one Side) of compared_expert, and salience to the Side's own article beside that of a
    centroid of 50 words and of one as long as ours; and "telling": ROUGE of Lede, Overview, Analysis and Questions against
    the whole roundup, beside as many words of the articles' beginnings, and the percent of Stories with each kind of bullet.
    """
    rows = list(read_rows(path))
    if rows and "news" in rows[0][1]:
        result = _of_news(rows, path, out)
    else:
        if out is not None:
            raise RowsError(f"{path}: --out needs rows with 'news'.")
        result = _of_articles(rows, path)
    click.echo(json.dumps(result))


def _of_news(rows: Sequence[tuple[int, dict[str, Any]]], path: Path, out: Path | None) -> dict[str, object]:
    found: list[SidesMeasure] = []
    stories: list[list[ArticleText]] = []
    experts: list[Matching] = []
    tellings: list[tuple[Telling, Sequence[ArticleText], str]] = []
    with progress() as show:
        for done, (line, row) in enumerate(rows, start=1):
            articles = news_of(row, path, line)
            expert = row.get("roundup") or []
            if not isinstance(expert, list) or not all(isinstance(p, str) for p in expert):
                raise RowsError(f"{path}, line {line}: 'roundup' is not a list of texts.")
            found.append(measure(articles, Expert.of(expert)))
            stories.append(articles)
            if matching := side_matching.expert_words(articles, expert):
                experts.append(matching)
            if expert and (telling := measure_telling.told(articles)):
                tellings.append((telling, articles, " ".join(expert)))
            show("tell", done, len(rows), "")
    if out is not None:
        write_rows(out, ({s.value: m.texts.get(s, "") for s in PAIR} for m in found))
    rarity = Rarity(_words(stories))
    matchings = {**_headlines(stories), "expert": experts}
    return {
        "n": len(found),
        **SidesMeasure.sum_up(found),
        "matchings": {name: compare(m, rarity) for name, m in matchings.items() if m},
        "telling": measure_telling.measure(tellings),
    }


def _of_articles(rows: Sequence[tuple[int, dict[str, Any]]], path: Path) -> dict[str, object]:
    by_label: dict[object, list[ArticleText]] = defaultdict(list)
    for line, row in rows:
        for key in ("label", "bias"):
            if key not in row:
                raise RowsError(f"{path}, line {line}: neither 'news' nor '{key}'.")
        if not isinstance(row["label"], str | int | None):
            raise RowsError(f"{path}, line {line}: 'label' is neither text nor a whole number.")
        if side := _side(row["bias"]):
            told = by_label[row["label"]]
            told.append(article(len(told) + 1, side, row, "text", path=path, line=line))
    stories = [s for s in by_label.values() if {a.side for a in s} >= set(PAIR)]
    # Only what a feed commonly brings is shown: a longer text is cut, and its rest is something to be held against.
    short = [side_matching.beginnings(s) for s in stories]
    matchings = {
        **_headlines(short),
        "rests": [m for s in stories if (m := side_matching.rests(s))],
        "other_halves": [
            m for s in short for draw in range(DRAWS) if (m := side_matching.other_halves(s, draw=draw))
        ],
    }
    rarity = Rarity(_words(stories))
    return {
        "n": len(stories),
        "matchings": {name: compare(m, rarity) for name, m in matchings.items() if m},
    }


def _headlines(stories: Sequence[Sequence[ArticleText]]) -> dict[str, list[Matching]]:
    return {
        "headlines": [m for s in stories if (m := side_matching.own_headlines(s))],
        "hidden_headlines": [m for s in stories if (m := side_matching.hidden_headlines(s))],
    }


def _words(stories: Sequence[Sequence[ArticleText]]) -> list[str]:
    return [" ".join(f"{a.headline} {a.excerpt}" for a in s) for s in stories]


def _side(bias: object) -> Side | None:
    """The Side of a label such as "Lean Left" or "far right"; None when it is not known."""
    text = str(bias or "").lower()
    return next((s for s in Side if s.value in text), None)


def news_of(row: Mapping[str, Any], path: Path, line: int) -> list[ArticleText]:
    """The articles of a row with news, each as from an Outlet of its own. Raises :class:`RowsError`."""
    news = row.get("news")
    if not isinstance(news, dict) or not all(isinstance(a, dict) for a in news.values()):
        raise RowsError(f"{path}, line {line}: 'news' is missing or no object of articles.")
    known: Sequence[Side] = [s for s in Side if s.value in news]
    return [
        article(number, side, news[side.value], "body", path=path, line=line)
        for number, side in enumerate(known, start=1)
    ]
