"""Outlets have Leans; people never do: nothing that is kept of a reader says which Side they read or favour."""

from __future__ import annotations

import re

from newsletter.db.models import Base

_PERSON = re.compile(r"subscriber|reader|person|address")
_TELLING = re.compile(r"lean|side|stance|bias|opened|clicked|open_|click")


def test_no_table_of_people_holds_a_lean_or_counts_openings() -> None:
    tables = Base.metadata.tables.values()
    of_people = [
        t for t in tables if _PERSON.search(t.name) or any(_PERSON.search(c.name) for c in t.columns)
    ]
    assert {"subscriber", "delivery", "read", "notice"} <= {t.name for t in of_people}
    assert [f"{t.name}.{c.name}" for t in of_people for c in t.columns if _TELLING.search(c.name)] == []
