"""``evaluate sheet`` hides where a text comes from, and ``marks`` reads the readers' marks back. Invented outlets."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from newsletter.lab.evaluate.sheet import marks, sheet

TEXT = (
    "The Varna council approved a toll on the harbor road on Monday after a debate of five hours. "
    "The toll of two crowns will pay for a new bridge across the Lune. Drivers from the district are exempt."
)
ROW: dict[str, Any] = {
    "story": "toll",
    "now": "2031-05-14T06:00+00:00",
    "articles": [
        {
            "n": 1,
            "outlet": "varna-courier.example",
            "side": "center",
            "headline": "Varna council approves toll on harbor road",
            "text": TEXT,
            "published": "2031-05-13T20:00+00:00",
        }
    ],
}
BULLETS = {"story": "toll", "title": "Toll in Varna", "left": ["Dockers object."], "center": [], "right": []}


def written(tmp_path: Path, row: dict[str, Any]) -> Result:
    for name, content in (("set", row), ("bullets", BULLETS)):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(content) + "\n")
    where = ["--set", str(tmp_path / "set.jsonl"), "--beside", str(tmp_path / "bullets.jsonl")]
    return CliRunner().invoke(sheet, [*where, "--out", str(tmp_path / "out")])


def test_the_marks_go_back_to_the_text_that_the_sheet_hides(tmp_path: Path) -> None:
    assert written(tmp_path, ROW).exit_code == 0
    words = (tmp_path / "out/sheet.md").read_text()
    assert "debate of five hours" in words
    assert "Dockers object." in words
    assert not re.search(r"\bours\b", words)
    assert "product" not in words
    letters = json.loads((tmp_path / "out/key.json").read_text())["1"]
    rows = [
        {"story": 1, "letter": letter, "rank": 1 if source == "ours" else 2, "faults": ["junk"]}
        | dict.fromkeys(("reads", "sides", "useful"), 8 if source == "ours" else 3)
        for letter, source in letters.items()
        if letter != "story"
    ]
    (tmp_path / "marks.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    done = CliRunner().invoke(marks, [str(tmp_path / "out/key.json"), str(tmp_path / "marks.jsonl")])
    found = json.loads(done.stdout)
    assert (found["ours"]["reads"], found["product"]["sides"], found["ours"]["first"]) == (8.0, 3.0, 1)
    assert found["before"] == {"product": 1, "of": 1}


@pytest.mark.parametrize("missing", ["now", "articles", "n", "outlet", "headline", "published"])
def test_a_row_without_a_field_is_named(tmp_path: Path, missing: str) -> None:
    row = json.loads(json.dumps(ROW))
    (row if missing in row else row["articles"][0]).pop(missing)
    done = written(tmp_path, row)
    assert done.exit_code != 0
    assert "line 1: a row needs now and articles of {n, outlet, side, headline, text, published}" in str(
        done.exception
    )
    assert missing in str(done.exception)
