"""bench events counts what the database holds of what was said. Its times are not judged here."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def test_every_event_is_kept_once_while_an_issue_goes_out_and_people_sign_up(bench, database: str) -> None:
    done = bench("events", "--events", "1200", "--recipients", "1800", "--database", database, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    values = found["values"]
    assert values["events_kept"] == values["events_due"] > 1000
    assert values["suppressed"] == values["suppressions_due"] > 5
    assert (values["refused"], values["sign_ups_refused"]) == (0, 0)
    assert values["mailed_before"] + values["mailed_meanwhile"] == values["readers"]
    assert values["sign_ups"] > 0
    assert values["events_at_rate"] > 1100
    assert found["yardsticks"]["bare_insert_rows_a_second"] > 0
    assert found["yardsticks"]["only_verifying_events_a_second"] > 0
    assert found["bars"] == []  # too few to judge


def test_even_one_event_is_taken(bench) -> None:
    done = bench("events", "--events", "1", "--recipients", "1", "--workers", "1", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["values"]["events_kept"] > 0
