"""Informs operators by other ways than our own mail: alerts to ``ALERT_URLS`` (chat, push, SMS), and the heartbeat of
``HEARTBEAT_URL``.

A failure here never stops a Step: it is logged, and tried again later.
"""

from __future__ import annotations

import time
from datetime import date
from typing import Final

import requests
from sqlalchemy import select

from newsletter import db, formatting, log
from newsletter.clock import day_in
from newsletter.db.models import AuditEntry, Issue
from newsletter.delivery import ledger
from newsletter.issues.service import IssueService

SENT: Final = "alert.sent"  # an AuditEntry: the alert about this cause was sent today
RETRY_AFTER: Final = 300.0  # seconds after a failure until the next attempt
TIMEOUT: Final = 10.0  # seconds

_log = log.get("schedule")
_not_before = 0.0  # monotonic seconds; set after a failure


def send_alert(service: IssueService, about: str, what: str) -> bool:
    """Send ``what`` to all ``ALERT_URLS``, once a day for each cause ``about``. Returns whether it was sent now."""
    global _not_before
    settings = service.settings
    urls = settings.ALERT_URLS.get_secret_value().split()
    if not urls or time.monotonic() < _not_before:
        return False
    key = f"{day_in(settings.EDITION_TZ, service.clock())}:{about}"
    with db.reading(service.sessions) as session:
        known = select(AuditEntry.id).where(AuditEntry.act == SENT, AuditEntry.about == key)
        if session.scalar(known.limit(1)) is not None:
            return False
    import apprise  # importing takes 0.2 s, and most processes send no alert

    sender = apprise.Apprise()
    usable = all([sender.add(url) for url in urls])
    if not sender.notify(title=settings.SITE_NAME, body=what) or not usable:
        _not_before = time.monotonic() + RETRY_AFTER
        _log.error("alert.not_sent", cause=about)
        return False
    with service.sessions.begin() as session:
        session.add(AuditEntry(at=service.clock(), by="auto", act=SENT, about=key, detail={"what": what}))
    return True


def report_dispatched(service: IssueService, day: date) -> None:
    """Request ``HEARTBEAT_URL`` if the Issue of ``day`` is dispatched, and send an alert that says so if ``ALERT_WHEN_SENT``."""
    with db.reading(service.sessions) as session:
        issue = session.scalars(select(Issue).where(Issue.issued_on == day)).one_or_none()
        if issue is None or issue.state != "dispatched":
            return
        sums = ledger.sum_up(session, issue.id)
    if service.settings.ALERT_WHEN_SENT:
        named = f"The issue of {formatting.day(day)} went out"
        send_alert(
            service, f"sent:{day}", f"{named}: {sums.accepted:,} of {sums.audience:,} copies were accepted."
        )
    if not (url := service.settings.HEARTBEAT_URL.get_secret_value()):
        return
    try:
        requests.get(url, timeout=TIMEOUT).raise_for_status()
    except requests.RequestException as error:  # the monitor that misses the heartbeat raises the alarm
        _log.error("heartbeat.failed", error=type(error).__name__)
