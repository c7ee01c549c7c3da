"""Between an edit and its rendering nothing can be approved, so the text that an operator wrote is the text that is mailed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from newsletter import clock, db
from newsletter.db.models import Check, Issue
from newsletter.errors import NewsletterError, Refused
from newsletter.feeds import sample
from newsletter.issues import editing
from newsletter.issues.render import render
from newsletter.issues.service import IssueService, standing
from newsletter.jobs import pipeline
from tests.conftest import MORNING

DAY = MORNING.date()
WORDS = {
    "subject": "The harbour bridge reopens, and more",
    "preheader": "After a year of works.",
    "intro": "",
}


@dataclass(frozen=True)
class Interrupted(IssueService):
    """An IssueService in which something happens right before an edit is rendered."""

    before: Callable[[], None] = lambda: None

    def render(self, issued_on) -> None:
        self.before()
        super().render(issued_on)


def _edited(service: IssueService, before: Callable[[], None]) -> None:
    fields = {name: getattr(service, name) for name in IssueService.__dataclass_fields__}
    Interrupted(**fields, before=before).edit(
        DAY, lambda session, issue: editing.edit_envelope(session, issue, **WORDS), by="operator:1"
    )


def _lies_ready(sessions: db.Sessions) -> tuple[str, list[str]]:
    with db.reading(sessions) as session:
        issue = session.scalars(select(Issue)).one()
        return issue.state, [r.subject for r in render.rendered(issue)]


@pytest.mark.parametrize("has_seen", [True, False])
def test_who_approves_between_an_edit_and_its_rendering_approves_nothing(
    service: IssueService, sessions: db.Sessions, has_seen: bool
) -> None:
    def approve() -> None:
        with db.reading(sessions) as session:
            seen = standing(session, session.scalars(select(Issue)).one()) if has_seen else ""
        with pytest.raises(Refused):
            service.approve(DAY, by="operator:2", seen=seen, reason="it looks well")

    _edited(service, approve)
    assert _lies_ready(sessions) == ("draft", [f"[Sample] {WORDS['subject']}"] * 2)


def test_an_edit_whose_process_died_is_rendered_before_the_machine_approves(
    service: IssueService, sessions: db.Sessions
) -> None:
    def die() -> None:
        raise SystemExit

    with pytest.raises(SystemExit):
        _edited(service, die)
    later = replace(service, clock=clock.fixed(MORNING + timedelta(minutes=15)))
    parts = pipeline.Parts(later, sample.catalogue(), sample.fetcher(MORNING), is_sample=True)
    run = pipeline.run_step(parts, "approve", due_at=MORNING + timedelta(minutes=10))
    assert run.detail == {"waiting": "rendered anew"}
    assert _lies_ready(sessions) == ("draft", [f"[Sample] {WORDS['subject']}"] * 2)


def test_what_was_found_of_older_bytes_takes_the_place_of_nothing(
    service: IssueService, sessions: db.Sessions
) -> None:
    looks = []

    def ticking() -> datetime:
        looks.append(1)
        if len(looks) == 2:  # everything is looked at, nothing is kept yet
            too_short = {**WORDS, "subject": "A bridge"}
            service.edit(DAY, lambda s, i: editing.edit_envelope(s, i, **too_short), by="operator:1")
        return MORNING

    replace(service, clock=ticking).check(DAY)
    with db.reading(sessions) as session:
        kept = session.execute(select(Check.level).where(Check.name == "subject")).scalars().all()
    assert kept == ["warn"]


def test_bytes_that_change_while_they_are_checked_are_not_approved(
    service: IssueService, sessions: db.Sessions
) -> None:
    @dataclass(frozen=True)
    class Checking(IssueService):
        def check(self, issued_on, *, outside: bool = False):
            found = super().check(issued_on, outside=outside)
            _edited(service, lambda: None)
            return found

    fields = {name: getattr(service, name) for name in IssueService.__dataclass_fields__}
    with pytest.raises(NewsletterError, match="was changed"):
        Checking(**fields).approve(DAY, by="auto")
    assert _lies_ready(sessions)[0] == "draft"
