"""``evaluate pages``: measures the extraction of article text and metadata on pages whose text is known."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from newsletter.errors import NotFound
from newsletter.feeds.page_text import Page, PageRefused, parse, read_page
from newsletter.lab.evaluate.jsonlines import RowsError, read_rows, text_of

FIRST = 5  # first sentences in which boilerplate is counted
KNOWN = (
    0.7  # a sentence belongs to the article if the expected text has more than this share of its word triples
)
_SENTENCE = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+(?=\S)")


@dataclass(frozen=True)
class _Measured:
    """The measurements of one page. ``boilerplate`` is how many of its first five sentences the expected text does not have."""

    precision: float
    recall: float
    title: bool | None  # None where the row expects none
    time: bool | None
    authors: bool | None
    boilerplate: int
    wall: str

    @property
    def f1(self) -> float:
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


@click.command()
@click.argument("path", metavar="PAGES.jsonl", type=click.Path(path_type=Path))
@click.option("--each", is_flag=True, help="Print a line for each page first.")
def pages(path: Path, each: bool) -> None:
    """Read the pages that PAGES.jsonl names ({file, paragraphs} rows, optional summary, title, published, authors).

    ``file`` is a page beside PAGES.jsonl, gzip or not. Prints {"n", "precision", "recall", "f1", "title", "time",
    "authors", "boilerplate_in_first_five", "walls"}. Words are compared as a bag, in lower case, with those of the expected
    paragraphs, and the three measures are means over pages. ``title``, ``time`` and ``authors`` are shares of the pages that expect one.
    """
    rows = list(read_rows(path))
    if not rows:
        raise RowsError(f"{path} has no rows.")
    measured = [_measure(path, line, row) for line, row in rows]
    if each:
        for (_, row), one in zip(rows, measured, strict=True):
            click.echo(json.dumps({"file": row["file"], "f1": round(one.f1, 3), **vars(one)}))
    result = {
        "n": len(measured),
        "precision": _mean([m.precision for m in measured]),
        "recall": _mean([m.recall for m in measured]),
        "f1": _mean([m.f1 for m in measured]),
        "title": _mean([m.title for m in measured if m.title is not None]),
        "time": _mean([m.time for m in measured if m.time is not None]),
        "authors": _mean([m.authors for m in measured if m.authors is not None]),
        "boilerplate_in_first_five": sum(m.boilerplate for m in measured),
        "walls": Counter(m.wall for m in measured if m.wall),
    }
    click.echo(json.dumps(result))


def _measure(path: Path, line: int, row: dict[str, Any]) -> _Measured:
    title = text_of(row, "title", path=path, line=line) if "title" in row else ""
    expected = [str(p) for p in row.get("paragraphs") or []]
    page = _page(path.parent / text_of(row, "file", path=path, line=line), title)
    if isinstance(page, str):
        return _Measured(0.0, 0.0, False, False, False, 0, page)
    found, wanted = _words(page.text), _words("\n".join(expected))
    common = (found & wanted).total()
    metadata = page.metadata
    authors = {a.casefold() for a in metadata.authors}
    known = [*expected, *(str(s) for s in row.get("summary") or [])]
    return _Measured(
        precision=common / found.total() if found else 0.0,
        recall=common / wanted.total() if wanted else 0.0,
        title=_letters(metadata.title) == _letters(title) if title else None,
        time=_same_time(metadata.published_at, row["published"]) if row.get("published") else None,
        authors=authors == {str(a).casefold() for a in row["authors"]} if row.get("authors") else None,
        boilerplate=sum(not _is_of(sentence, known) for sentence in _sentences(page.paragraphs)),
        wall=page.wall.name.lower() if page.wall else "",
    )


def _page(path: Path, title: str) -> Page | str:
    """Return the page, or why it is not one."""
    if not path.is_file():
        raise NotFound(f"There is no file {path}.")
    body = path.read_bytes()
    try:
        return read_page(parse(gzip.decompress(body) if path.suffix == ".gz" else body), headline=title)
    except PageRefused as refused:
        return refused.reason


def _words(text: str) -> Counter[str]:
    return Counter(re.findall(r"\w+", text.lower()))


def _letters(text: str) -> str:
    return "".join(c for c in text.casefold() if c.isalnum())


def _sentences(paragraphs: Sequence[str]) -> list[str]:
    return [s for p in paragraphs for s in _SENTENCE.split(p)][:FIRST]


def _is_of(sentence: str, expected: Sequence[str]) -> bool:
    words = re.findall(r"\w+", sentence.lower())
    triples = set(zip(words, words[1:], words[2:], strict=False)) or {tuple(words)}
    there: set[tuple[str, ...]] = set()
    for text in expected:
        known = re.findall(r"\w+", text.lower())
        there |= {tuple(known[i : i + len(next(iter(triples)))]) for i in range(len(known))}
    return len(triples & there) >= KNOWN * len(triples)


def _same_time(found: datetime | None, said: str) -> bool:
    try:
        wanted = datetime.fromisoformat(said)
    except ValueError:
        return False
    return found is not None and found == (wanted if wanted.tzinfo else wanted.replace(tzinfo=UTC))


def _mean(values: Sequence[float]) -> float | None:
    return round(sum(values) / len(values), 4) if values else None
