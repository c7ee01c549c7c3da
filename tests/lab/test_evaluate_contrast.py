"""``evaluate contrast`` on rows of our own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from newsletter.lab.evaluate.contrast import measured
from newsletter.lab.evaluate.jsonlines import RowsError

ARTICLES = [
    {"n": 1, "side": "left", "headline": "Council closes the bridge and strands commuters"},
    {"n": 2, "side": "right", "headline": "Council closes the bridge to save money"},
]


def test_the_only_headline_of_a_side_has_rank_one(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    row = {"articles": ARTICLES, "answer": {"headlines": {"left": [1], "right": [2]}}}
    file.write_text(json.dumps(row))
    assert measured(file) == {"mrr": 1.0, "n": 2, "chance": 1.0}


def test_a_file_without_picks_is_refused_in_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(json.dumps({"articles": ARTICLES}))
    with pytest.raises(RowsError, match="no row with an editor's picks"):
        measured(file)
