"""Makes up to millions of invented readers and an approved Issue, with which benches of delivery begin."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import text

from newsletter import db
from newsletter.db.models import Issue, Rendition, Subscriber, Subscription
from newsletter.delivery import approval
from newsletter.delivery.mail.messages import content_hash
from newsletter.lab.bench.measuring import Progress
from newsletter.settings import Settings
from newsletter.subscribers.addresses import address_hash, person_hash

DAY = date(2026, 3, 2)
COMPOSED = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)  # 04:30 in New York
ALL_DUE = timedelta(hours=17, minutes=30)  # every reader's hour has come, and the Issue is not stale yet
AT_ONCE = 10_000  # rows

ZONES = (
    "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles", "America/Toronto",
    "America/Sao_Paulo", "Europe/London", "Europe/Berlin", "Europe/Madrid", "Africa/Lagos", "Africa/Nairobi",
    "Asia/Kolkata", "Asia/Kathmandu", "Asia/Tokyo", "Asia/Singapore", "Australia/Sydney", "Australia/Lord_Howe",
    "Pacific/Auckland", "Pacific/Honolulu", "Pacific/Chatham",
)  # fmt: skip
DOMAINS = ("gmail.com", "example.com", "outlook.com", "mail.example.org", "post.example.net", "example.edu")
HOURS = (5, 6, 6, 6, 7, 7, 8, 9, 12, 18)
LEFT_OUT_EVERY = 50  # one more Subscriber than readers for each so many: unconfirmed, unsubscribed, paused

_SUBSCRIBER = (
    "id", "address", "address_hash", "person_hash", "asked_at", "confirmed_at", "unsubscribed_at", "paused_until",
    "consent_from", "consent_words", "consent_version", "hour", "zone", "cadence", "trial_started_at", "imported",
)  # fmt: skip
_SUBSCRIPTION = (
    "subscriber_id", "processor", "processor_id", "status", "started_at", "paid_until", "changed_at",
)  # fmt: skip


def add_readers(sessions: db.Sessions, settings: Settings, count: int, *, progress: Progress) -> int:
    """Add ``count`` readers who get the Issue, of whom 30 % pay and 10 % are on trial, and some who do not get it.

    Returns the number of all Subscribers.
    """
    total = count + count // LEFT_OUT_EVERY
    rows = _subscribers(settings.hash_key, count, total)
    with sessions.begin() as session:
        done = 0
        while chunk := list(islice(rows, AT_ONCE)):
            db.insert_many(session, Subscriber, _SUBSCRIBER, chunk)
            done += len(chunk)
            progress("readers", done, total, "invented")
        if db.has_server(session.get_bind().engine):  # SQLite assigns the next id by itself
            after = "SELECT setval(pg_get_serial_sequence('subscriber', 'id'), :last)"
            session.execute(text(after), {"last": total})
        paying = (
            (n, "stripe", f"sub_{n}", "active", COMPOSED, COMPOSED + timedelta(days=20), COMPOSED)
            for n in range(1, count + 1)
            if n % 10 in (1, 4, 7)
        )
        while chunk := list(islice(paying, AT_ONCE)):
            db.insert_many(session, Subscription, _SUBSCRIPTION, chunk)
    return total


def _subscribers(key: str, count: int, total: int) -> Iterator[tuple[Any, ...]]:
    joined = COMPOSED - timedelta(days=90)
    for n in range(1, total + 1):
        address = f"reader.{n}@{DOMAINS[n % len(DOMAINS)]}"
        kind = 0 if n <= count else 1 + n % 3  # 1 unconfirmed, 2 unsubscribed, 3 paused
        yield (
            n,
            address,
            address_hash(key, address),
            person_hash(key, address),
            joined,
            None if kind == 1 else joined,
            joined if kind == 2 else None,
            date(2027, 1, 1) if kind == 3 else None,
            "landing",
            "I want the newsletter.",
            "1",
            HOURS[n % len(HOURS)],
            ZONES[n // 7 % len(ZONES)],
            "daily",
            COMPOSED - timedelta(days=3) if n % 10 == 2 else None,
            False,
        )


def add_issue(
    sessions: db.Sessions, settings: Settings, *, kilobytes: int = 60, metered_kilobytes: int = 20
) -> int:
    """Add an approved Issue with two Renditions of about so many kilobytes of HTML. Returns its id."""
    with sessions.begin() as session:
        subject = "A bridge reopens, a budget passes, and what both sides say"
        issue = Issue(issued_on=DAY, subject=subject, preheader="Six stories", composed_at=COMPOSED)
        session.add(issue)
        session.flush()
        for kind, size in (("full", kilobytes), ("metered", metered_kilobytes)):
            html, text = _html(size * 1024), _text(size * 256)
            session.add(
                Rendition(
                    issue_id=issue.id,
                    kind=kind,
                    subject=subject,
                    preheader="Six stories",
                    html=html,
                    text=text,
                    content_hash=content_hash(subject, html, text, "Six stories"),
                    rendered_at=COMPOSED,
                )
            )
        session.flush()
        approval.approve(session, issue, by="bench", now=COMPOSED, settings=settings, findings=[])
        return issue.id


_PARAGRAPH = (
    "The council of Aldermoor voted by nine to six to reopen the bridge in spring; its critics call the cost “a promise"
    " nobody can keep”, its friends a repair that was due ten years ago [{n}]."
)


def _html(size: int) -> str:
    parts = [
        '<!doctype html><html lang="en"><body style="margin:0;background:#f4f4f4"><table role="presentation">'
    ]
    length, n = 0, 0
    while length < size - 700:
        n += 1
        parts.append(
            '<tr><td style="font-family:Georgia,serif;font-size:16px;line-height:24px;padding:8px 24px;color:#1a1a1a">'
            f'<p style="margin:0 0 12px">{_PARAGRAPH.format(n=n)}</p>'
            f'<a href="https://outlet-{n}.example.com/stories/{n}" style="color:#0b57d0">Outlet {n}</a></td></tr>'
        )
        length += len(parts[-1])
    parts.append(
        '<tr><td style="padding:24px"><a href="%%account_url%%">Your account</a> · '
        '<a href="%%unsubscribe_url%%">Unsubscribe</a></td></tr></table></body></html>'
    )
    return "\n".join(parts)


def _text(size: int) -> str:
    body = "\n\n".join(_PARAGRAPH.format(n=n) for n in range(1, max(2, size // len(_PARAGRAPH))))
    return f"{body}\n\nYour account: %%account_url%%\nUnsubscribe: %%unsubscribe_url%%\n"
