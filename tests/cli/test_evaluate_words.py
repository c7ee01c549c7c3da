"""``evaluate neutral|sides|grounding`` print measures as JSON and say what is wrong with a file."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner
from newsletter.summaries.selection.overview import WEIGHTS

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


def test_sides_compares_each_summary_with_both_sides(tmp_path: Path) -> None:
    left, right = _articles()
    news = {
        "left": {"title": left["title"], "body": left["text"]},
        "right": {"title": right["title"], "body": right["text"]},
    }
    expert = ["Left-rated outlets told of a debate of nine hours; right-rated outlets of the cost."]
    done = CliRunner().invoke(evaluate, ["sides", _file(tmp_path, {"news": news, "roundup": expert})])
    found = json.loads(done.stdout)
    assert (found["compared"], found["compared_expert"]) == (2, 2)
    assert found["own_side_expert"] == 100.0
    assert set(found["matchings"]) == {"headlines", "hidden_headlines"}
    assert found["matchings"]["headlines"]["compared"] == 2
    assert found["telling"]["compared"] == 1
    assert found["telling"]["ours"]["rouge1"] > 0


def test_sides_reads_labelled_articles_too_and_leaves_out_those_of_no_known_side(tmp_path: Path) -> None:
    rows = [
        {
            "label": "wall",
            "bias": bias,
            "source": f"S{n}",
            "title": f"Wall {n}: berths",
            "text": f"{WALL} {COST}",
        }
        for n, bias in enumerate(("Lean Left", "left", "Far Right", "Lean Right", "Center", "unknown", None))
    ]
    path = _file(tmp_path, *rows, {"label": "alone", "bias": "Left", "title": "Alone", "text": WALL})
    found = json.loads(CliRunner().invoke(evaluate, ["sides", path]).stdout)
    assert found["n"] == 1
    assert set(found["matchings"]) == {"headlines", "hidden_headlines", "other_halves"}
    assert found["matchings"]["other_halves"]["compared"] == 6
    refused = CliRunner().invoke(evaluate, ["sides", path, "--out", str(tmp_path / "out")])
    assert isinstance(refused.exception, RowsError)


def test_grounding_plants_faults_and_counts_alarms(tmp_path: Path) -> None:
    done = CliRunner().invoke(evaluate, ["grounding", _file(tmp_path, {"articles": _articles()})])
    found = json.loads(done.output)
    assert found["false_alarms"] == 0.0
    assert found["number"] == {"planted": 1, "caught": 100.0}


def test_a_broken_row_is_named(tmp_path: Path) -> None:
    for command, row in (("neutral", {"articles": 3}), ("sides", {}), ("grounding", {"articles": ["x"]})):
        done = CliRunner().invoke(
            evaluate,
            [command, _file(tmp_path, {"articles": []} if command != "sides" else {"news": {}}, row)],
        )
        assert isinstance(done.exception, RowsError)
        assert "line 2" in str(done.exception)


def test_weights_are_learnt_by_name_and_say_what_they_are_worth_elsewhere(tmp_path: Path) -> None:
    rows = [{"articles": _articles(), "neutral": WALL if n % 2 else COST} for n in range(6)]
    found = json.loads(CliRunner().invoke(evaluate, ["weights", _file(tmp_path, *rows)]).stdout)
    assert found["n"] == 6
    assert set(found["weights"]) == set(WEIGHTS)
    assert found["held_out"]["rouge1"] > 0
    few = CliRunner().invoke(evaluate, ["weights", _file(tmp_path, rows[0])])
    assert isinstance(few.exception, RowsError)


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
