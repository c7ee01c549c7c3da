"""``evaluate prose`` counts what the facts, and a judge where one is configured, let stand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from newsletter.lab.evaluate.prose import prose
from tests.servers.llm_server import LlmServer, findings

ROW = {
    "now": "2026-03-02T20:00+00:00",
    "articles": [
        {"n": 1, "outlet": "ostrava-times.example", "side": "left", "published": "2026-03-02T10:00+00:00", "headline": "Ostrava caps barges", "text": "The council of Ostrava voted 19 to 14 for a cap of 40 barges, said clerk Ann Teal."},
    ],
    "answer": {
        "headline": {"text": "Ostrava caps barges on its river", "cites": [1]},
        "overview": [{"text": "The Ostravan council's vote was 19 to 14, the Ostrava Times reports.", "cites": [1]}],
    },
    "false": [
        {"text": "The council voted 25 to 14.", "cites": [1], "kind": "number"},
        {"text": "The council rejected the cap.", "cites": [1], "kind": "reversed"},
    ],
}  # fmt: skip


def measured(tmp_path: Path, *rows: dict[str, Any]) -> dict[str, Any]:
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = CliRunner().invoke(prose, [str(file)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def test_the_facts_alone_keep_true_sentences_and_catch_a_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = measured(tmp_path, ROW)
    assert (found["true"], found["false"], found["kept"], found["caught"]) == (2, 2, 1.0, 0.5)
    assert found["caught_by_kind"] == {"number": [1, 1], "reversed": [0, 1]}
    assert found["with_judge"] is None


def test_a_judge_that_is_configured_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with LlmServer(lambda number, body: findings(body, lambda t: "no" if "rejected" in t else "")) as server:
        for name, value in (("LLM_MODEL", "any"), ("LLM_BASE_URL", server.url)):
            monkeypatch.setenv(name, value)
        found = measured(
            tmp_path,
            ROW,
            {
                "article": "A cat sat on the mat. It slept.",
                "sentences": [
                    {"text": "A cat sat.", "supported": True},
                    {"text": "It rejected milk.", "supported": False},
                ],
            },
        )
    assert len(server.asked) == 2
    judged = found["with_judge"]
    assert (judged["kept"], judged["caught"], judged["balanced_accuracy"]) == (1.0, 1.0, 1.0)
    assert judged["unjudged_rows"] == 0
