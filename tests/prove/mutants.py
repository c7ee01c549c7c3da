"""Deliberate classic mistakes, each in a dispatch of its own; the judge must find every one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import update

from newsletter.db.models import Delivery
from newsletter.delivery import ledger, providers, transitions
from newsletter.delivery import submitter as hand_over
from newsletter.delivery.providers.protocol import Outcome, Receipt, always
from newsletter.delivery.providers.sendgrid import send as sendgrid


def mark_before_send() -> None:
    """Says "accepted" first and hands over afterwards: who dies in between has lost readers."""
    real = providers.make

    def make(*args: Any, **more: Any) -> Any:
        provider = real(*args, **more)
        hand_over, waiting = provider.submit, []

        def submit(messages: Any, **_: Any) -> list[Receipt]:
            if waiting:
                hand_over(waiting.pop())
            waiting.append(messages)
            return [Receipt(m.reference, Outcome.ACCEPTED) for m in messages]

        provider.submit = submit
        return provider

    providers.make = make


def retry_on_unknown() -> None:
    """Takes a dead process's batch for unsent and sends it again."""
    ledger.expire = _expire_into("pending")


def cursor_at_fetch() -> None:
    """Moves on when a batch is fetched, as a cursor does: whoever was in a dead process's hands is passed over."""
    ledger.expire = _expire_into("accepted")


def no_fencing() -> None:
    """Asks neither for the token nor for the lease: a frozen process that wakes late goes on as if nothing had happened."""
    hand_over.LEASE_RESERVE *= -1000
    real = providers.make

    def make(*args: Any, **more: Any) -> Any:
        provider = real(*args, **more)
        hand_over = provider.submit
        provider.submit = lambda messages, **_: hand_over(messages, may_begin=always)
        return provider

    providers.make = make


def resend_on_5xx() -> None:
    """Takes a 5xx for "nothing was taken" and hands the whole batch over again."""
    real = sendgrid.SendGrid._refused

    def refused(self: Any, status: int, headers: Any, body: Any) -> Any:
        answer = real(self, status, headers, body)
        if status >= 500:
            answer.outcome = Outcome.RETRY
        return answer

    sendgrid.SendGrid._refused = refused  # type: ignore[method-assign]


def hide_the_doubt() -> None:
    """Files what it did not hear of under "withdrawn", where nobody looks for it."""
    ledger.expire = _expire_into("withdrawn")


def _expire_into(state: str) -> Callable[..., int]:
    def expire(session: Any, issue_id: int, *, now: Any) -> int:
        late = (
            Delivery.issue_id == issue_id,
            Delivery.state == "submitting",
            Delivery.lease_until < now,
        )
        values = {"state": state, "claim": None, "lease_until": None, "reason": None}
        return transitions.changed(session, update(Delivery).where(*late).values(**values))

    return expire


MUTANTS: dict[str, Callable[[], None]] = {
    "mark-before-send": mark_before_send,
    "retry-on-unknown": retry_on_unknown,
    "cursor-at-fetch": cursor_at_fetch,
    "no-fencing": no_fencing,
    "resend-on-5xx": resend_on_5xx,
    "hide-the-doubt": hide_the_doubt,
}


def become(name: str) -> None:
    """Make that mistake in this process; none when the name is empty."""
    if name:
        MUTANTS[name]()
