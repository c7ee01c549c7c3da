"""bench dispatch counts what its far side took, and says it as JSON. Its times are not judged here."""

from __future__ import annotations

import json

import pytest


@pytest.mark.slow
@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def test_everybody_arrives_once_and_the_ledger_adds_up(bench, database: str) -> None:
    done = bench("dispatch", "--recipients", "2100", "--database", database, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    values = found["values"]
    assert (values["arrived"], values["arrived_twice"], values["accepted"]) == (2100, 0, 2100)
    assert values["ledger"].startswith("2100 = 0 pending + 0 submitting + 2100 accepted")
    assert (values["state"], values["database"]) == ("dispatched", database)
    assert values["subscribers"] > 2100  # some are left out
    assert values["peak_mb"] > 0
    assert found["ratios"]["freeze_to_bare_insert"] > 0
    assert found["ratios"]["hand_over_to_bare_post"] > 0
    assert found["machine"]["cores"] >= 1
    assert found["bars"] == []  # too few to judge


@pytest.mark.slow
def test_a_database_with_tables_is_refused(bench, engine) -> None:
    url = engine.url.render_as_string(hide_password=False)
    done = bench("dispatch", "--recipients", "10", "--database", url)
    assert done.returncode == 7
    assert "empty one" in done.stderr
