"""A portion of the proof for every test run; ``make prove`` does the whole."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest

from tests.prove.lanes import Lane

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def test_a_few_kills_cost_nobody_a_copy_and_the_judge_finds_a_mutant(database, monkeypatch) -> None:
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    folder = Path(
        tempfile.mkdtemp(prefix="prove-")
    )  # a socket's path is short, and PostgreSQL's user must get there
    folder.chmod(0o755)
    lane = Lane(database, 4, 3, folder / database, lambda _: None)
    lane.run_portion()
    assert lane.tally.faults == []
    assert lane.tally.hits >= 4
    assert lane.tally.outcome["audience"] == 60
    if database == "sqlite":
        assert "duplicate" in lane.caught["no-fencing"]
    shutil.rmtree(folder)
