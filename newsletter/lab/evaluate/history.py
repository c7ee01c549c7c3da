"""``evaluate history``: measures how many Stories the History links and how many links are right; prints JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from newsletter.feeds.leans import Side
from newsletter.lab.evaluate.jsonlines import RowsError, read_rows
from newsletter.lab.evaluate.measure_history import Pair, found_in, measure
from newsletter.lab.evaluate.neutral import PATH, article
from newsletter.stories.threads import TEXTS, Thread
from newsletter.summaries.protocol import ArticleText


@click.command()
@PATH
@click.option(
    "--judged",
    type=click.Path(path_type=Path),
    help="{story, earlier, same_thread} rows; both count the rows of FILE.jsonl from 0.",
)
def history(path: Path, judged: Path | None) -> None:
    """Link the Stories of FILE.jsonl ({date, news: {left|center|right: {title, body}}} rows) to earlier ones.

    Prints {"n", "links", "stories_linked"}, and with --judged {"precision", "recall", "stories_recall"} in percent, how many
    pairs were "judged", and how many links are "unjudged".
    """
    stories = [_thread(number, row, path, line) for number, (line, row) in enumerate(read_rows(path))]
    found = found_in(stories)
    result: dict[str, float] = {
        "n": len(stories),
        "links": len(found),
        "stories_linked": len({x.story_id for x in found}),
    }
    if judged is not None:
        result |= measure(found, _judgements(judged))
    click.echo(json.dumps(result))


def _thread(number: int, row: dict[str, Any], path: Path, line: int) -> Thread:
    try:
        began = datetime.fromisoformat(row["date"])
    except (KeyError, TypeError, ValueError):
        raise RowsError(f"{path}, line {line}: 'date' is missing or not a date such as 2021-08-25.") from None
    articles = news_of(row, path, line)[:TEXTS]
    return Thread(
        number,
        began if began.tzinfo else began.replace(tzinfo=UTC),
        tuple(a.headline for a in articles),
        tuple(a.text for a in articles),
    )


def _judgements(path: Path) -> dict[Pair, bool]:
    found: dict[Pair, bool] = {}
    for line, row in read_rows(path):
        pair = row.get("story"), row.get("earlier")
        if not all(isinstance(n, int) for n in pair) or not isinstance(row.get("same_thread"), bool):
            raise RowsError(f"{path}, line {line}: 'story', 'earlier' or 'same_thread' is missing.")
        found[int(row["story"]), int(row["earlier"])] = row["same_thread"]
    return found


def news_of(row: Mapping[str, Any], path: Path, line: int) -> list[ArticleText]:
    """Return the articles of a row with news, each as from an Outlet of its own. Raises :class:`RowsError`."""
    news = row.get("news")
    if not isinstance(news, dict) or not all(isinstance(a, dict) for a in news.values()):
        raise RowsError(f"{path}, line {line}: 'news' is missing or no object of articles.")
    known: Sequence[Side] = [s for s in Side if s.value in news]
    return [
        article(number, side, news[side.value], "body", path=path, line=line)
        for number, side in enumerate(known, start=1)
    ]
