"""An operator gives a reader the full edition for free."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from newsletter import db
from newsletter.db.models import AuditEntry, Subscription
from tests.conftest import MORNING

READER = "readers/2"  # the metered one


def _kept(sessions: db.Sessions) -> list[Subscription]:
    with db.reading(sessions) as session:
        return list(session.scalars(select(Subscription)))


@pytest.mark.parametrize(("days", "until"), [("30", MORNING + timedelta(days=30)), ("", None)])
def test_a_present_is_given_and_taken_back(
    desk: object, sessions: db.Sessions, days: str, until: object
) -> None:
    assert "<dt>Access</dt><dd>metered</dd>" in desk.page(READER)
    given = desk.submit(f"{READER}/give", READER, days=days, reason="Helped us.")
    assert given.status_code == 303
    (kept,) = _kept(sessions)
    assert (kept.subscriber_id, kept.processor, kept.paid_until) == (2, "comp", until)
    assert "<dt>Access</dt><dd>full</dd>" in desk.page(READER)
    assert desk.submit(f"{READER}/end-comp", READER, reason="A slip.").status_code == 303
    assert "<dt>Access</dt><dd>metered</dd>" in desk.page(READER)
    with db.reading(sessions) as session:
        acts = session.scalars(select(AuditEntry).where(AuditEntry.act.startswith("subscription."))).all()
    assert [(a.act, a.detail["reason"], a.by) for a in acts] == [
        ("subscription.given", "Helped us.", f"operator:{desk.operator_id}"),
        ("subscription.ended", "A slip.", f"operator:{desk.operator_id}"),
    ]
    assert "gave a reader the full edition" in desk.page("audit")


@pytest.mark.parametrize("wrong", [{"days": "0"}, {"days": "many"}, {"days": "99999"}, {"reason": " "}])
def test_a_present_without_sense_is_refused(
    desk: object, sessions: db.Sessions, wrong: dict[str, str]
) -> None:
    answer = desk.submit(f"{READER}/give", READER, **{"days": "7", "reason": "So.", **wrong})
    assert answer.status_code == 409
    assert _kept(sessions) == []


def test_an_editor_gives_nothing(make_desk: Callable[..., object], sessions: db.Sessions) -> None:
    editor = make_desk().sign_in("editor")
    fields = editor.fields("", "/desk/signout")
    answer = editor.post(f"{READER}/give", **fields, days="7", reason="So.")
    assert answer.status_code == 403
    assert _kept(sessions) == []
