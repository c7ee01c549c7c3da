"""The table of threats names only tests that are there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TABLE = (ROOT / "tests" / "security" / "README.md").read_text()


NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


def test_every_row_names_a_test_and_a_chapter() -> None:
    rows = [r for r in TABLE.splitlines() if r.startswith("| ") and not r.startswith(("| threat", "|---"))]
    assert len(rows) > 50
    for row in rows:
        assert NAMED.search(row), row
        assert re.search(r"\| V\d+(, V\d+)* \|$", row), row


def test_every_test_it_names_exists() -> None:
    for path, test in NAMED.findall(TABLE):
        file = ROOT / path
        assert file.is_file(), path
        assert not test or f"def {test}(" in file.read_text(), f"{path} has no {test}"


def test_every_file_of_this_room_stands_in_the_table() -> None:
    files = {p.name for p in (ROOT / "tests" / "security").glob("test_*.py")}
    assert {f for f in files if f"tests/security/{f}" not in TABLE} == set()
