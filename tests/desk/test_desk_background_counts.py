"""Counts over a million rows run in the background, one at a time, and are kept with their age."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from sqlalchemy import select, update

from newsletter.db.models import Issue, Subscriber
from newsletter.desk import background_counts
from newsletter.desk.background_counts import BackgroundCounts, Counted
from tests.conftest import MORNING

DAY = "2026-03-02"
FOR_EVER = 1e9  # seconds


class Gated(BackgroundCounts):
    """Counts only once the gate is open, and says when it is through."""

    def __init__(self) -> None:
        super().__init__(patience=0)
        self.gate, self.through, self.begun = Event(), Event(), 0

    def _count(self, *work: Any) -> None:
        self.begun += 1
        assert self.gate.wait(30)
        super()._count(*work)
        self.through.set()


def test_a_count_is_begun_once_kept_and_begun_anew_when_it_is_old() -> None:
    kept = Gated()
    said = iter(["first", "second"])

    def look(reuse_factor: float = FOR_EVER) -> Counted[str] | None:
        return kept.get("x", lambda: next(said), at=MORNING, reuse_factor=reuse_factor)

    assert (look(), look(), kept.begun) == (None, None, 1)
    kept.gate.set()
    assert kept.through.wait(30)
    found = look()
    assert found is not None
    assert (found.value, found.at, kept.begun) == ("first", MORNING, 1)
    kept.gate.clear()
    kept.through.clear()
    old = look(reuse_factor=0)  # too old: another is begun, and nobody waits for it
    assert old is not None
    assert (old.value, kept.begun) == ("first", 2)
    kept.gate.set()
    assert kept.through.wait(30)
    new = look()
    assert new is not None
    assert new.value == "second"


def test_a_count_that_fails_is_begun_again_and_few_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    monkeypatch.setattr("threading.excepthook", lambda args: seen.append(args.exc_type.__name__))
    kept = BackgroundCounts(patience=30)
    answers: list[Callable[[], str]] = [lambda: str(1 / 0), lambda: "there"]
    assert kept.get("x", lambda: answers.pop(0)(), at=MORNING, reuse_factor=FOR_EVER) is None
    found = kept.get("x", lambda: answers.pop(0)(), at=MORNING, reuse_factor=FOR_EVER)
    assert found is not None
    assert found.value == "there"
    for n in range(background_counts.MOST_KEPT + 3):
        kept.get(f"x{n}", str, at=MORNING, reuse_factor=FOR_EVER)
    assert len(kept._kept) == background_counts.MOST_KEPT


@pytest.mark.slow
def test_a_large_dispatch_shows_its_sum_at_once_and_the_rest_when_it_is_counted(
    make_desk: Callable[..., Any],
) -> None:
    desk = make_desk().sign_in()
    desk.service.approve(MORNING.date(), by="test")
    desk.service.dispatch(MORNING.date())
    assert "By time zone</h2>" in desk.page(f"issues/{DAY}/dispatch")  # two copies are counted at once
    with desk.service.sessions.begin() as session:
        session.execute(update(Issue).values(audience_size=background_counts.COUNT_AT_ONCE + 1))
        many = {
            "id": background_counts.COUNT_AT_ONCE + 1,
            "address": "x@example.com",
            "address_hash": "x",
            "person_hash": "x",
        }
        session.add(Subscriber(**many, asked_at=MORNING))
    kept = desk.client.application.extensions["background_counts"] = Gated()
    page = desk.page(f"issues/{DAY}/dispatch")
    assert "20001 ≠ 0 pending" in page  # the sum is never an old one
    assert "being counted" in page
    assert "By time zone</h2>" not in page
    assert f"{background_counts.COUNT_AT_ONCE + 1:,} copies</a>" in desk.page("issues")
    for path, there in (("figures", "Do we grow?"), ("readers", "Confirmed and reading")):
        page = desk.page(path)
        assert ("eing counted" in page, there in page) == (True, False)
    assert 'http-equiv="refresh"' in desk.page("figures")
    assert kept.begun == 4
    kept.gate.set()
    for path, there in (
        (f"issues/{DAY}/dispatch", "By time zone</h2>"),
        ("figures", "Do we grow?"),
        ("readers", "Confirmed and reading"),
    ):
        while there not in desk.page(path):
            kept.through.wait(1)
    assert "eing counted" not in desk.page("figures")
    while "2 of 20,001 accepted" not in desk.page("issues"):
        kept.through.wait(1)


def test_a_count_that_took_long_says_when_it_was_made(make_desk: Callable[..., Any]) -> None:
    desk = make_desk().sign_in()
    kept = desk.client.application.extensions["background_counts"] = BackgroundCounts()
    with desk.service.sessions.begin() as session:
        number = session.scalars(select(Issue.id)).one()
        session.execute(
            update(Issue).values(
                audience_size=background_counts.COUNT_AT_ONCE + 1, frozen_at=MORNING, state="dispatching"
            )
        )
    desk.page(f"issues/{DAY}/dispatch")
    while (now := kept.get(f"breakdown:{number}", dict, at=MORNING, reuse_factor=FOR_EVER)) is None:
        pass
    kept._kept[f"breakdown:{number}"] = Counted(now.value, MORNING - timedelta(seconds=9), 3600.0, now.ended)
    assert "counted <time" in desk.page(f"issues/{DAY}/dispatch")
    assert "04:59:51" in desk.page(f"issues/{DAY}/dispatch")
