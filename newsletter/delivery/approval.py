"""Decisions of an operator (or of ``APPROVAL=auto``) about an Issue: approve, hold, resume, withdraw, decide uncertain Deliveries.

Each decision is an AuditEntry. The caller commits.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy.orm import Session

from newsletter import formatting, log
from newsletter.db.models import AuditEntry, Issue
from newsletter.delivery import ledger, states
from newsletter.delivery.fence import went_before_restore
from newsletter.errors import Refused
from newsletter.settings import Settings

AUTO = "auto"  # in an AuditEntry: no person decided
_log = log.get("delivery")


class FindingLike(Protocol):
    """The fields of a Check's finding that approval reads."""

    @property
    def name(self) -> str: ...
    @property
    def level(self) -> str: ...
    @property
    def reason(self) -> str: ...


def approve(
    session: Session,
    issue: Issue,
    *,
    by: str,
    now: datetime,
    settings: Settings,
    findings: Sequence[FindingLike],
    reason: str = "",
    reviewed: bool = False,
) -> str:
    """Store the content hash of both Renditions in the Issue; other bytes are refused from now on. Returns the hash.

    Raises ``Refused`` when a Check blocks and no ``reason`` is given. Approving the same bytes again does nothing. ``reviewed`` says
    that an operator had these bytes open; it is stored with the approval.
    """
    blocks = [f for f in findings if f.level == "block"]
    if blocks and not reason.strip():
        said = "; ".join(f"{f.name}: {f.reason}" for f in blocks)
        raise Refused(f"The Issue of {issue.issued_on} is blocked by its Checks ({said}).")
    hashes = {kind: t.content_hash for kind, t in ledger.stored_templates(session, issue.id).items()}
    if set(hashes) != {"full", "metered"}:
        raise Refused(f"The Issue of {issue.issued_on} has not been rendered: there is nothing to approve.")
    content = ledger.issue_hash(hashes)
    if issue.state == "approved" and issue.content_hash == content:
        return content
    if issue.state == "approved":
        _move(session, issue, "draft")
    if issue.state == "held" and issue.frozen_at is not None:
        raise Refused(f"The Issue of {issue.issued_on} is partly sent; resume or withdraw it instead.")
    _move(
        session,
        issue,
        "approved",
        approved_at=now,
        approved_by=by,
        content_hash=content,
        hold_reason=None,
    )
    overruled = [f.name for f in blocks]
    _audit(
        session,
        issue,
        "issue.approved",
        by,
        now,
        hash=content,
        reason=reason,
        overruled=overruled,
        **({"reviewed": True} if reviewed else {}),
    )
    return content


def is_reviewed(approved_by: str | None) -> bool:
    """Return whether an operator approved the Issue on the desk, which offers approval only beside the preview of the same bytes."""
    return (approved_by or "").startswith("operator:")


def revoke(session: Session, issue: Issue, *, by: str, now: datetime, reason: str) -> None:
    """Revoke the approval because of an edit: the Issue is a draft again. Raises Refused once its Audience is frozen."""
    if issue.frozen_at is not None:
        raise Refused(
            f"The Issue of {issue.issued_on} is on its way; it can be held or withdrawn, not edited."
        )
    if issue.state == "draft":
        return
    _move(session, issue, "draft", approved_at=None, approved_by=None, content_hash=None, hold_reason=None)
    _audit(session, issue, "issue.approval_taken_back", by, now, reason=reason)


def hold(session: Session, issue: Issue, *, by: str, now: datetime, reason: str) -> None:
    """Stop the dispatch of an Issue: no further batch is claimed, and the present one is finished."""
    if issue.state == "held":
        return
    _move(session, issue, "held", hold_reason=reason)
    _audit(session, issue, "issue.held", by, now, reason=reason)


def resume(session: Session, issue: Issue, *, by: str, now: datetime, reason: str = "") -> str:
    """Continue a held Issue. Its age is counted from now, because whoever resumes it knows how old the news is.

    Returns the state that it returned to.
    """
    if issue.state != "held":
        raise Refused(f"The Issue of {issue.issued_on} is {issue.state}, not held.")
    if issue.frozen_at is not None:
        if wrong := ledger.wrong_bytes(issue, ledger.stored_templates(session, issue.id)):
            raise Refused(f"The Issue of {issue.issued_on} cannot go on: {wrong}.")
        sums = ledger.sum_up(session, issue.id)
        if not sums.adds_up:
            raise Refused(f"The ledger of {issue.issued_on} does not add up: {sums.in_words}.")
        back_to = "dispatching"
    elif went := went_before_restore(session, issue.issued_on):
        raise Refused(
            f"The Issue of {issue.issued_on} is not sent once more: {formatting.counted(went, 'copy', 'copies')} of it went out"
            " before the backup was put back. Withdraw it."
        )
    else:
        back_to = "approved" if issue.approved_at else "draft"
    held_for = issue.hold_reason
    _move(session, issue, back_to, hold_reason=None, released_at=now)
    _audit(session, issue, "issue.resumed", by, now, reason=reason, held_for=held_for)
    return back_to


def withdraw(session: Session, issue: Issue, *, by: str, now: datetime, reason: str) -> int:
    """Withdraw an Issue, also during its dispatch: pending Deliveries are withdrawn, accepted ones stay. Returns how many were
    pending."""
    _move(session, issue, "withdrawn", hold_reason=reason)
    pending = ledger.withdraw_pending(session, issue.id, reason="issue withdrawn", now=now)
    _audit(session, issue, "issue.withdrawn", by, now, reason=reason, pending=pending)
    return pending


def decide_uncertain(
    session: Session,
    issue: Issue,
    delivery_ids: Sequence[int],
    after: str,
    *,
    by: str,
    now: datetime,
    reason: str,
) -> int:
    """Apply an operator's decision on uncertain Deliveries: "accepted", "withdrawn", or "pending" to send once more. Returns how many
    changed."""
    if after == states.PENDING and issue.state not in ("dispatching", "dispatched"):
        raise Refused(f"The Issue of {issue.issued_on} is {issue.state}: nothing more of it is sent.")
    moved = ledger.resolve(session, delivery_ids, after, reason=reason, now=now)
    if moved and after == states.PENDING:
        if issue.state == "dispatched":
            _move(session, issue, "dispatching", dispatched_at=None)
        if by != AUTO:  # a person knows how old the news is; without a person the Issue's own deadline holds
            issue.released_at = now
    _audit(session, issue, f"delivery.decided_{after}", by, now, reason=reason, deliveries=moved)
    return moved


def _move(session: Session, issue: Issue, after: str, **values: Any) -> None:
    if not ledger.move_issue(session, issue, after, **values):
        raise Refused(f"The Issue of {issue.issued_on} was changed by somebody else; look again.")


def _audit(session: Session, issue: Issue, act: str, by: str, now: datetime, **detail: Any) -> None:
    session.add(AuditEntry(at=now, by=by, act=act, about=f"issue:{issue.issued_on}", detail=detail))
    session.flush()
    _log.info(act, issue_id=issue.id, by=by)
