"""``evaluate kinds``: measures the classification of article kinds on labelled rows; prints JSON."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import click

from newsletter.feeds.kinds import GROUPED, ArticleKind, classify
from newsletter.lab.evaluate.jsonlines import RowsError, read_rows, text_of


@click.command()
@click.argument("path", metavar="FILE.jsonl", type=click.Path(path_type=Path))
def kinds(path: Path) -> None:
    """Tell the kind of each article of FILE.jsonl ({headline, url, kind} rows, optional text and categories).

    Prints {"n", "right", "news_thrown_out", "kinds": {kind: {"labelled", "found", "precision", "recall"}}}, shares in
    percent, null where nothing was found or labelled. ``news_thrown_out`` counts news that would be neither told nor counted.
    """
    pairs: Counter[tuple[ArticleKind, ArticleKind]] = Counter()
    for line, row in read_rows(path):
        label = text_of(row, "kind", path=path, line=line)
        if label not in set(ArticleKind):
            known = ", ".join(ArticleKind)
            raise RowsError(f"{path}, line {line}: unknown kind '{label[:40]}'; known are {known}.")
        found = classify(
            text_of(row, "headline", path=path, line=line),
            text_of(row, "url", path=path, line=line),
            [c for c in row.get("categories") or [] if isinstance(c, str)],
            str(row.get("text") or ""),
        )
        pairs[ArticleKind(label), found] += 1
    labelled, found_as = Counter[ArticleKind](), Counter[ArticleKind]()
    for (label_kind, found_kind), times in pairs.items():
        labelled[label_kind] += times
        found_as[found_kind] += times
    result = {
        "n": pairs.total(),
        "right": _percent(sum(n for (a, b), n in pairs.items() if a is b), pairs.total()),
        "news_thrown_out": sum(
            n for (a, b), n in pairs.items() if a is ArticleKind.NEWS and b not in GROUPED
        ),
        "kinds": {
            kind.value: {
                "labelled": labelled[kind],
                "found": found_as[kind],
                "precision": _percent(pairs[kind, kind], found_as[kind]),
                "recall": _percent(pairs[kind, kind], labelled[kind]),
            }
            for kind in ArticleKind
            if labelled[kind] or found_as[kind]
        },
    }
    click.echo(json.dumps(result))


def _percent(part: int, whole: int) -> float | None:
    return round(100 * part / whole, 1) if whole else None
