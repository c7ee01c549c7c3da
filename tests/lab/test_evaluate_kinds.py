"""``evaluate kinds`` on rows of our own."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from newsletter.lab.evaluate.kinds import kinds

ROWS = [
    {"headline": "Council closes the bridge", "url": "https://a.example/1", "kind": "news"},
    {"headline": "Opinion | Keep the bridge", "url": "https://a.example/2", "kind": "opinion"},
    {"headline": "Why I cross on foot", "url": "https://a.example/3", "kind": "opinion"},
    {"headline": "Council closes the bridge", "url": "https://a.example/live/4", "kind": "news"},
]


def test_precision_and_recall_are_given_by_kind(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(json.dumps(r) for r in ROWS))
    told = json.loads(CliRunner().invoke(kinds, [str(file)], catch_exceptions=False).stdout)
    assert (told["n"], told["right"], told["news_thrown_out"]) == (4, 50.0, 1)
    assert told["kinds"]["opinion"] == {"labelled": 2, "found": 1, "precision": 100.0, "recall": 50.0}
    assert told["kinds"]["live_blog"] == {"labelled": 0, "found": 1, "precision": 0.0, "recall": None}


def test_an_unknown_kind_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(json.dumps({**ROWS[0], "kind": "gossip"}))
    result = CliRunner().invoke(kinds, [str(file)])
    assert "line 1: unknown kind 'gossip'" in str(result.exception)
