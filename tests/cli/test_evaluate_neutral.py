"""``evaluate neutral`` and ``contrast`` print measures as JSON and say what is wrong with a file."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from newsletter.lab.evaluate.commands import evaluate
from newsletter.lab.evaluate.jsonlines import RowsError

WALL = "The council of Marlow Bay approved a harbor wall on Tuesday after a debate of nine hours."
COST = "Mayor Dana Whitlock said the harbor wall of Marlow Bay would cost the town $12 million."
LAMPS = "A museum reopened its wing of glass with a show of lamps."


def _file(tmp_path: Path, *rows: object) -> str:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in rows))
    return str(path)


def _articles() -> list[dict[str, str]]:
    return [
        {"title": "Marlow Bay approves harbor wall", "text": WALL},
        {"title": "Harbor wall for Marlow Bay", "text": COST},
    ]


def test_neutral_measures_against_the_expert_and_writes_rows_in_order(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    path = _file(tmp_path, {"articles": _articles(), "neutral": WALL}, {"articles": []})
    done = CliRunner().invoke(evaluate, ["neutral", path, "--out", str(out)])
    assert done.exit_code == 0, done.output
    found = json.loads(done.output)
    assert found["n"] == 2
    assert found["rouge1"] > 50
    overviews = [json.loads(line)["overview"] for line in out.read_text().splitlines()]
    assert WALL in overviews[0]
    assert overviews[1] == ""


def test_without_an_experts_text_only_counts_are_printed(tmp_path: Path) -> None:
    done = CliRunner().invoke(evaluate, ["neutral", _file(tmp_path, {"articles": _articles()})])
    assert set(json.loads(done.output)) == {"n", "words"}


def test_contrast_prints_where_the_editors_picks_stand(tmp_path: Path) -> None:
    rows = [("left", "Harbor families win their wall at last"), ("left", "Marlow Bay approves harbor wall"),
            ("right", "Marlow Bay approves harbor wall on Tuesday"), ("right", "Taxpayers must fund $12 million wall")]  # fmt: skip
    articles = [
        {
            "n": n,
            "outlet": f"S{n}",
            "side": side,
            "headline": headline,
            "text": WALL,
            "published": "2026-03-02T10:00+00:00",
        }
        for n, (side, headline) in enumerate(rows, start=1)
    ]
    row = {"story": "wall", "articles": articles, "answer": {"headlines": {"left": 1, "right": 4}}}
    found = json.loads(CliRunner().invoke(evaluate, ["contrast", _file(tmp_path, row)]).stdout)
    assert found["n"] == 2
    assert found["mrr"] == 1.0
    assert found["chance"] == 0.75


def test_a_broken_row_is_named(tmp_path: Path) -> None:
    done = CliRunner().invoke(evaluate, ["neutral", _file(tmp_path, {"articles": []}, {"articles": 3})])
    assert isinstance(done.exception, RowsError)
    assert "line 2" in str(done.exception)


def test_history_is_held_against_judged_pairs(tmp_path: Path) -> None:
    wall = {"left": {"title": "Wall approved", "body": f"On Tuesday Dana Whitlock spoke. {COST}"}}
    other = {"left": {"title": "Lamps", "body": LAMPS}}
    rows = [
        {"date": "2021-08-05T10:00:00-07:00", "news": wall},
        {"date": "2021-08-09", "news": wall},
        *({"date": f"2021-07-{day:02}", "news": other} for day in range(1, 9)),
    ]
    path = _file(tmp_path, *rows)
    judged = tmp_path / "judged.jsonl"
    judged.write_text('{"story": 1, "earlier": 0, "same_thread": true}\n')
    done = CliRunner().invoke(evaluate, ["history", path, "--judged", str(judged)])
    found = json.loads(done.stdout)
    assert found["n"] == 10
    assert found["recall"] == 100.0
    judged.write_text('{"story": 1}\n')
    refused = CliRunner().invoke(evaluate, ["history", path, "--judged", str(judged)])
    assert isinstance(refused.exception, RowsError)


def test_stability_counts_what_changes_its_story_as_articles_arrive(tmp_path: Path) -> None:
    rows = [
        {"id": n, "title": text[:30], "text": text, "date": f"2026-03-02T{n:02}:00:00+00:00", "label": label}
        for n, (text, label) in enumerate([(WALL, "a"), (WALL, "a"), (LAMPS, "b")])
    ]
    found = json.loads(CliRunner().invoke(evaluate, ["stability", _file(tmp_path, *rows)]).stdout)
    assert (found["n"], found["rounds"], found["changed"]) == (3, 3, 0)
    assert found["b3_f1"] == found["b3_f1_mean"] == found["b3_f1_at_once"]
    refused = CliRunner().invoke(evaluate, ["stability", _file(tmp_path, {**rows[0], "date": None})])
    assert isinstance(refused.exception, RowsError)
