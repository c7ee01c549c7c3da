"""All operations on an Issue: render, check, approve, edit, hold, resume, withdraw, correct, dispatch.

The pipeline, the command line and the desk all use this service, so that they behave alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from hashlib import sha256
from threading import Event
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter import db, formatting
from newsletter.clock import Clock
from newsletter.db.models import AuditEntry, Correction, Issue
from newsletter.delivery import approval as approval
from newsletter.delivery import corrections as correct
from newsletter.delivery import dispatch, ledger, ledger_queries
from newsletter.delivery.dispatch import DispatchReport
from newsletter.delivery.mail import headers, templates
from newsletter.delivery.mail.messages import Message, Template
from newsletter.delivery.providers.protocol import EmailProvider, Receipt
from newsletter.errors import ChangedMeanwhile, NotFound, Refused
from newsletter.issues import revisions
from newsletter.issues.checks import context, operators, registry
from newsletter.issues.checks.registry import Finding
from newsletter.issues.length import reading_seconds
from newsletter.issues.preview import example_slots
from newsletter.issues.render import render
from newsletter.issues.renditions import KINDS
from newsletter.issues.views import IssueView, issue_view
from newsletter.links import Links
from newsletter.settings import Settings
from newsletter.subscribers import audience
from newsletter.subscribers.addresses import address_hash
from newsletter.subscribers.tokens import READING, UNSUBSCRIBE, Tokens, subject_of
from newsletter.subscribers.unsubscribing import spool

# A change of an Issue within the transaction; returns the text for the audit trail.
Change = Callable[[Session, Issue], dict[str, Any]]
Untouched = Callable[
    [Session, Issue], bool
]  # returns whether the part that a change is about is still as it was seen


@dataclass(frozen=True)
class IssueService:
    """The operations on an Issue with the objects that they need; made once by the composition root.

    ``seen`` is the :func:`standing` of the Issue that the operator looked at; when the Issue has changed since, the operation is
    refused. An empty ``seen`` is not compared: the command line and the pipeline act on the present Issue.
    """

    settings: Settings
    sessions: db.Sessions
    clock: Clock
    links: Links
    tokens: Tokens
    provider: EmailProvider
    stop: Event | None = None  # set on SIGTERM: finish the present batch and start no other

    def view(self, issued_on: date) -> IssueView:
        """Return the Issue of that day. Raises :class:`NotFound`."""
        with db.reading(self.sessions) as session:
            return issue_view(session, find_issue(session, issued_on), now=self.clock())

    def render(self, issued_on: date) -> None:
        """Render both Renditions of the Issue again, unless they are approved."""
        view = self.view(issued_on)
        view = replace(view, reading_seconds=reading_seconds(view.stories))
        made = [render.rendition(view, kind, settings=self.settings, links=self.links) for kind in KINDS]
        with self.sessions.begin() as session:
            issue = find_issue(session, issued_on)
            if issue.state == "draft" or (issue.state == "held" and issue.approved_at is None):
                issue.reading_seconds = view.reading_seconds
                render.save_renditions(session, issue, made, self.clock())

    def check(self, issued_on: date, *, outside: bool = False) -> list[Finding]:
        """Run the Checks on the Issue and store the findings for the desk.

        ``outside`` also requests its links and the records of the Sender's domain, which takes up to 30 seconds; without it the
        stored answers are used.
        """
        now, sender = self.clock(), None
        if outside:
            context.request_links(self.sessions, self.view(issued_on), self.settings, now=now)
            sender = context.look_up_sender(self.settings)
        with db.reading(self.sessions) as session:
            number = find_issue(session, issued_on).id
        judged = operators.judged(self.sessions, number, self.settings)
        with db.reading(self.sessions) as session:
            issue = find_issue(session, issued_on)
            view = issue_view(session, issue, now=now)
            rendered = render.rendered(issue)
            known = context.check_context(
                session, issue, view, settings=self.settings, now=now, sender=sender, judged=judged
            )
        findings = registry.check(view, rendered, settings=self.settings, context=known)
        now = self.clock()
        with self.sessions.begin() as session:
            context.store_findings(session, view.id, findings, rendered, now=now)
        return findings

    def approve(self, issued_on: date, *, by: str, reason: str = "", seen: str = "") -> Issue:
        """Check, then approve exactly these bytes. Raises ``Refused`` when a Check blocks and no reason is given."""
        reviewed = bool(seen) and approval.is_reviewed(by)
        with db.reading(self.sessions) as session:
            seen = seen or standing(
                session, find_issue(session, issued_on)
            )  # in the same transaction as the Checks
        findings = self.check(issued_on)
        with self.sessions.begin() as session:
            issue = _as_seen(session, issued_on, seen)
            approval.approve(
                session,
                issue,
                by=by,
                now=self.clock(),
                settings=self.settings,
                findings=findings,
                reason=reason,
                reviewed=reviewed,
            )
            return issue

    def edit(
        self, issued_on: date, change: Change, *, by: str, seen: str = "", untouched: Untouched | None = None
    ) -> None:
        """Change a draft, or an Issue held before its dispatch: revoke an approval, render and check again.

        Raises :class:`ChangedMeanwhile` when it is not the Issue that was ``seen``, unless ``untouched`` returns that the part which
        this change is about is the same, and nobody decided about the Issue since.
        """
        with self.sessions.begin() as session:
            db.hold_lock(session, f"edit:{issued_on}")
            issue = find_issue(session, issued_on)
            if untouched is None or not untouched(session, issue):
                issue = _as_seen(session, issued_on, seen)
            if issue.frozen_at is not None or issue.state not in ("draft", "approved", "held"):
                raise Refused(f"The issue of {issued_on} is {issue.state}: it is not edited any more.")
            if issue.state == "held":  # it stays held; resuming makes it a draft again
                issue.approved_at = issue.approved_by = issue.content_hash = None
            else:
                approval.revoke(session, issue, by=by, now=self.clock(), reason="edited")
            revisions.store_composed(session, issue)
            render.delete_renditions(session, issue)
            if said := change(session, issue):
                revisions.store(session, issue, said, by=by, now=self.clock())
                about = f"issue:{issued_on}"
                session.add(AuditEntry(at=self.clock(), by=by, act="issue.edited", about=about, detail=said))
        self.render(issued_on)
        self.check(issued_on)

    def hold(self, issued_on: date, *, by: str, reason: str, seen: str = "") -> Issue:
        """Stop the dispatch before it starts or continues; ``resume`` continues it."""
        with self.sessions.begin() as session:
            issue = _as_seen(session, issued_on, seen)
            approval.hold(session, issue, by=by, now=self.clock(), reason=reason)
            return issue

    def resume(self, issued_on: date, *, by: str, reason: str = "", seen: str = "") -> Issue:
        """Continue a held Issue."""
        with self.sessions.begin() as session:
            issue = _as_seen(session, issued_on, seen)
            approval.resume(session, issue, by=by, now=self.clock(), reason=reason)
            return issue

    def withdraw(self, issued_on: date, *, by: str, reason: str, seen: str = "") -> Issue:
        """Withdraw the Issue: pending copies are never sent."""
        with self.sessions.begin() as session:
            issue = _as_seen(session, issued_on, seen)
            approval.withdraw(session, issue, by=by, now=self.clock(), reason=reason)
            return issue

    def correction(self, issued_on: date, text: str, kind: str | None = None) -> tuple[Template, int]:
        """Return how a Correction with this text would look, and how many readers would get it. Read-only."""
        words = correct.paragraphs(text)
        with db.reading(self.sessions) as session:
            issue = find_issue(session, issued_on)
            correct.require_correctable(issue)
            readers = correct.reach(session, issue, kind)
        values = {"issued_on": formatting.day(issued_on), "headline": issue.subject, "paragraphs": words}
        return templates.notice(correct.KIND, values, settings=self.settings, links=self.links), readers

    def correct(
        self, issued_on: date, text: str, *, kind: str | None = None, by: str, seen: str = ""
    ) -> Correction:
        """Approve a Correction for the readers who got, or may have got, this Rendition of the Issue; both when ``kind`` is None.

        ``seen`` is the content hash of what the operator looked at; other bytes are refused.
        """
        template, _ = self.correction(issued_on, text, kind)
        if seen and seen != template.content_hash:
            raise Refused("Nothing was sent: these are not the words you looked at. Look at them again.")
        with self.sessions.begin() as session:
            issue = find_issue(session, issued_on)
            return correct.approve(session, issue, template, rendition=kind, by=by, now=self.clock())

    def withdraw_correction(self, number: int, *, by: str, reason: str) -> int:
        """Withdraw a Correction; return how many copies of it were still pending."""
        with self.sessions.begin() as session:
            return correct.withdraw(session, number, by=by, now=self.clock(), reason=reason)

    def decide_uncertain(
        self, issued_on: date, delivery_ids: Sequence[int], after: str, *, by: str, reason: str
    ) -> int:
        """Record an operator's decision on uncertain Deliveries: accepted, withdrawn, or pending to be sent once more.

        Returns how many of them were still uncertain.
        """
        with self.sessions.begin() as session:
            issue = find_issue(session, issued_on)
            chosen = ledger_queries.only_of_issue(session, issue.id, delivery_ids)
            return approval.decide_uncertain(
                session, issue, chosen, after, by=by, now=self.clock(), reason=reason
            )

    def proof(self, issued_on: date, kind: str, address: str, *, by: str) -> Receipt:
        """Mail the present Rendition of that kind to an operator through the provider, marked as a Proof.

        Its links belong to no reader. A Proof is not in the ledger.
        """
        now = self.clock()
        with db.reading(self.sessions) as session:
            made = ledger.stored_templates(session, find_issue(session, issued_on).id).get(kind)
        if made is None:
            raise NotFound(f"The issue of {issued_on.isoformat()} has no rendition to proof yet.")
        slots = example_slots(self.links)
        reference = f"proof:{issued_on:%Y%m%d}-{kind}-{now:%H%M%S}"
        head = headers.issue_headers(
            reference=reference,
            issued_on=issued_on,
            rendition=kind,
            unsubscribe_url=slots["unsubscribe_url"],
            settings=self.settings,
            links=self.links,
            disclosure=headers.disclosed(made.html, reviewed=False),
        )
        marked = replace(made, subject=f"[Proof] {made.subject}")
        receipt = self.provider.submit([Message(reference, address, marked, slots, head)])[0]
        detail = {"kind": kind, "hash": made.content_hash, "outcome": receipt.outcome.value}
        with self.sessions.begin() as session:
            session.add(
                AuditEntry(at=now, by=by, act="issue.proofed", about=f"issue:{issued_on}", detail=detail)
            )
        return receipt

    def dispatch(
        self,
        issued_on: date,
        *,
        progress: dispatch.Progress | None = None,
        limit: int | None = None,
        stop: Event | None = None,
    ) -> DispatchReport:
        """Freeze the Audience unless that was done, then submit the copies that are due, at most ``limit``."""
        # Every dispatch passes here.
        spool.apply_all(self.sessions, self.settings.LEAVING_DIR)
        with self.sessions.begin() as session:
            issue = find_issue(session, issued_on)
            if issue.state == "approved":
                chosen = audience.select_audience(session, issue, settings=self.settings, now=self.clock())
                ledger.freeze(session, issue, chosen, now=self.clock())
        return dispatch.run(
            self.sessions,
            self.provider,
            issue_id=issue.id,
            settings=self.settings,
            links=self.links,
            now=self.clock,
            slots_for=partial(self.reader_slots, issued_on),
            options=dispatch.RunOptions(limit=limit, progress=progress, stop=stop or self.stop),
        )

    def reader_slots(self, issued_on: date, subscriber_id: int, address: str) -> Mapping[str, str]:
        """The Slots of one reader's copy: links bound to them, to their purpose, and the pass to this Issue's Stories."""
        reader = subject_of(subscriber_id, address_hash(self.settings.hash_key, address))
        return {
            "unsubscribe_url": self.links.unsubscribe(self.tokens.make(UNSUBSCRIBE, reader)),
            "account_url": self.links.account(),
            "pass": self.tokens.make(READING, f"{issued_on}.{reader}"),
        }


def find_issue(session: Session, issued_on: date) -> Issue:
    """Return the Issue of that day. Raises :class:`NotFound`."""
    issue = session.scalars(select(Issue).where(Issue.issued_on == issued_on)).one_or_none()
    if issue is None:
        raise NotFound(f"There is no issue of {issued_on.isoformat()}.")
    return issue


def standing(session: Session, issue: Issue) -> str:
    """Return a text that identifies the present Issue: its state, what was approved, and its rendered bytes."""
    ready = ledger.stored_templates(session, issue.id)
    parts = (issue.state, issue.content_hash or "", *(ready[k].content_hash for k in sorted(ready)))
    return sha256("\n".join(parts).encode()).hexdigest()[:24]


def _as_seen(session: Session, issued_on: date, seen: str) -> Issue:
    """Return the Issue of that day. Raises :class:`ChangedMeanwhile` when it is not the one that was ``seen``."""
    issue = find_issue(session, issued_on)
    if seen and seen != standing(session, issue):
        raise ChangedMeanwhile(
            f"The issue of {issued_on.isoformat()} was changed since you opened this page; its state is now: {issue.state}."
            " Look it over and decide again."
        )
    return issue
