"""``evaluate pages`` on pages of our own."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from newsletter.lab.evaluate.pages import pages
from tests.feeds.test_page_text import HEADLINE, PARAGRAPHS, page


def evaluate(folder: Path, *rows: dict[str, Any]) -> dict[str, Any]:
    file = folder / "pages.jsonl"
    file.write_text("\n".join(json.dumps(r) for r in rows))
    told: dict[str, Any] = json.loads(
        CliRunner().invoke(pages, [str(file)], catch_exceptions=False).stdout.splitlines()[-1]
    )
    return told


def test_what_is_read_is_measured_against_what_is_expected(tmp_path: Path) -> None:
    data = {"@type": "NewsArticle", "datePublished": "2026-03-03T18:20:00Z", "author": "Ann Lee"}
    (tmp_path / "a.html.gz").write_bytes(gzip.compress(page(data=data)))
    (tmp_path / "b.html").write_bytes(page(["Buy our paper today, and save ten of its prices.", *PARAGRAPHS]))
    row = {
        "title": HEADLINE,
        "published": "2026-03-03 20:20:00+02:00",
        "authors": ["ann lee"],
        "paragraphs": PARAGRAPHS,
    }
    told = evaluate(tmp_path, {"file": "a.html.gz", **row}, {"file": "b.html", **row})
    assert told["recall"] == 1.0
    assert 0.9 < told["precision"] < 1.0
    assert told["precision"] < told["f1"] < 1.0
    assert (told["n"], told["title"], told["time"], told["authors"]) == (2, 1.0, 0.5, 0.5)
    assert told["boilerplate_in_first_five"] == 1
    assert told["walls"] == {}


def test_a_page_that_cannot_be_read_counts_as_nothing_found(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_bytes(b"")
    told = evaluate(tmp_path, {"file": "a.html", "paragraphs": PARAGRAPHS})
    assert (told["f1"], told["title"], told["walls"]) == (0.0, 0.0, {"It is empty.": 1})


def test_a_missing_page_is_named(tmp_path: Path) -> None:
    file = tmp_path / "pages.jsonl"
    file.write_text(json.dumps({"file": "gone.html", "paragraphs": []}))
    assert "gone.html" in str(CliRunner().invoke(pages, [str(file)]).exception)
