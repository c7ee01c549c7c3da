"""Sends Notices: mail to one person because of something they did or must know.

A Notice is queued in the transaction of the change that causes it and goes through the ledger's states. An uncertain one is never
resent by itself: a reader who misses a confirmation or sign-in link asks for another, which is a new Notice with a new key.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

from newsletter import db, log
from newsletter.clock import Clock
from newsletter.db.models import Notice, Operator, Subscriber
from newsletter.delivery import corrections, ledger, notice_ledger
from newsletter.delivery.fence import Fence
from newsletter.delivery.mail import headers, templates
from newsletter.delivery.mail.messages import Message, Template
from newsletter.delivery.mail.slots import open_slots
from newsletter.delivery.missing_mailboxes import suppress_missing
from newsletter.delivery.notice_ledger import ClaimedNotice, ClaimedNotices, queue
from newsletter.delivery.providers.protocol import EmailProvider, MayBegin, Outcome, Receipt
from newsletter.delivery.states import LEASE_RESERVE
from newsletter.errors import NewsletterError
from newsletter.links import Links
from newsletter.settings import Settings

__all__ = ["ClaimedNotice", "NotifyReport", "queue", "run"]

BATCH = 50  # Notices submitted together; small, so that few become uncertain together
CORRECTING_FOR = timedelta(
    seconds=60
)  # after it a run begins no further copies of Corrections, because the tick has other Steps
PAUSE_AFTER_FAULT = timedelta(minutes=10)  # before a Notice that cannot be made is tried again

NoticeSlots = Callable[[Notice, Subscriber | Operator], Mapping[str, str]]

_log = log.get("delivery")


@dataclass(frozen=True)
class NotifyReport:
    """What one run did with the Notices that were due."""

    accepted: int = 0
    failed: int = 0
    uncertain: int = 0
    withdrawn: int = 0
    retried: int = 0
    expired: int = 0
    unrendered: int = 0  # could not be rendered or filled; tried again later


def run(
    sessions: db.Sessions,
    provider: EmailProvider,
    *,
    settings: Settings,
    links: Links,
    now: Clock,
    slots_for: NoticeSlots,
    stop: threading.Event | None = None,
) -> NotifyReport:
    """Submit the Notices that are due. ``slots_for`` gives the personal Slots of one."""
    report = NotifyReport()
    if not _anything_due(sessions, now):
        return report
    with sessions.begin() as session:
        report = replace(report, expired=notice_ledger.expire(session, now=now()))
    fence = Fence(sessions, settings.FENCE_DIR)
    correcting_until = now() + CORRECTING_FOR
    while not (stop and stop.is_set()):
        with fence.claiming() as session:
            claimed = notice_ledger.claim(session, limit=min(BATCH, provider.batch_size), now=now())
            if not (claimed.notices or claimed.withdrawn) and now() < correcting_until:
                size = min(settings.BATCH_SIZE, provider.batch_size)
                claimed = corrections.claim(session, limit=size, now=now())
        report = replace(report, withdrawn=report.withdrawn + claimed.withdrawn)
        if not claimed.notices:
            if claimed.withdrawn:
                continue
            break
        messages, unrendered = _messages(claimed, settings, links, slots_for)
        receipts = _submit(provider, messages, partial(_ours, claimed, now)) if messages else []
        with sessions.begin() as session:
            notice_ledger.release(session, claimed, unrendered, due_at=now() + PAUSE_AFTER_FAULT)
            made = replace(claimed, notices=tuple(n for n in claimed.notices if n.id not in set(unrendered)))
            recorded = notice_ledger.record(session, made, receipts, now=now(), provider=provider.name)
            suppress_missing(session, receipts, provider=provider.name, now=now())
        report = _with(report, recorded, len(unrendered))
        if recorded.retried and not (recorded.accepted or recorded.failed or recorded.uncertain):
            _log.warning("notices.paused", reason=receipts[0].reason)
            break
    return report


def _anything_due(sessions: db.Sessions, now: Clock) -> bool:
    """Return whether any is due, read without the write lock, because on most ticks none is."""
    with db.reading(sessions) as session:
        return notice_ledger.anything_due(session, now=now())


def _messages(
    claimed: ClaimedNotices,
    settings: Settings,
    links: Links,
    slots_for: NoticeSlots,
) -> tuple[list[Message], list[int]]:
    """Return the finished Messages, and the Notices that could not be made; one of them costs no other."""
    messages: list[Message] = []
    unrendered: list[int] = []
    for notice in claimed.notices:
        try:
            messages.append(_message(notice, settings, links, slots_for))
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing was sent: nothing is uncertain
            reason = str(error) if isinstance(error, NewsletterError) else type(error).__name__
            _log.error("notice.not_rendered", notice_id=notice.id, kind=notice.notice.kind, reason=reason)
            unrendered.append(notice.id)
    return messages, unrendered


def _message(
    hand: ClaimedNotice,
    settings: Settings,
    links: Links,
    slots_for: NoticeSlots,
) -> Message:
    notice, person = hand.notice, hand.person
    template: Template = hand.template or templates.notice(
        notice.kind, notice.values, settings=settings, links=links
    )
    opens = open_slots(template.subject) | open_slots(template.html) | open_slots(template.text)
    given = slots_for(notice, person)
    slots = {
        name: given[name] for name in opens if name in given
    }  # without the others it cannot be filled and is not sent
    head = headers.notice_headers(
        reference=hand.reference,
        kind=notice.kind,
        settings=settings,
        links=links,
        unsubscribe_url=slots.get("unsubscribe_url", ""),
    )
    # A Correction is mail to all readers of an Issue, and comes from where the Issue came from.
    sender = "" if hand.template else settings.NOTICE_FROM
    return Message(hand.reference, person.address, template, slots, head, sender)


def _ours(claimed: ClaimedNotices, now: Clock) -> bool:
    return now() <= claimed.lease_until - LEASE_RESERVE


def _submit(provider: EmailProvider, messages: list[Message], ours: MayBegin) -> list[Receipt]:
    try:
        return provider.submit(messages, may_begin=ours)
    except Exception as error:  # noqa: BLE001 - whatever a provider raises, the Messages may have been sent
        _log.error("notices.provider_raised", error=type(error).__name__)
        reason = f"the provider broke off ({type(error).__name__})"
        return [Receipt(m.reference, Outcome.UNCERTAIN, reason=reason) for m in messages]


def _with(report: NotifyReport, recorded: ledger.Recorded, unrendered: int) -> NotifyReport:
    return replace(
        report,
        accepted=report.accepted + recorded.accepted,
        failed=report.failed + recorded.failed,
        uncertain=report.uncertain + recorded.uncertain,
        retried=report.retried + recorded.retried,
        unrendered=report.unrendered + unrendered,
    )
