"""Reads mails that report a bounce (RFC 3464) or a complaint (RFC 5965) into ProviderEvents. A relay has no webhook. Pure.

Anybody can write such a mail. The proof is what it returns of our own: its List-Unsubscribe line holds a token that only the
reader's copy had. The caller must check that token (see ``subscribers/bounce_reports.py``).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, message_from_string
from email.message import Message
from email.parser import BytesHeaderParser
from email.utils import parsedate_to_datetime
from typing import Final

from newsletter.delivery.providers.protocol import ProviderEvent
from newsletter.delivery.providers.reasons import short_reason

LONGEST: Final = 2 * 1024 * 1024  # bytes of a report; ours come back whole at most
_OURS: Final = re.compile(r"<(delivery)\.(\d{1,18})@")
_LINK: Final = re.compile(r"<(https?://[^<>\s]+)>")
# Full mailboxes and policies pass; RFC 3463's other 5.x.x do not.
_SOFT: Final = re.compile(r"4\.|5\.2\.2\b|5\.7\.")
_KINDS: Final = {"failed": "bounced", "delayed": "deferred", "delivered": "delivered"}


@dataclass(frozen=True)
class Report:
    """A report about one of our mails. ``link`` is the unsubscribe address that it returned, the proof."""

    event: ProviderEvent
    link: str


def read_report(raw: bytes, *, now: datetime) -> Report | None:
    """The report in a mail; None when it reports nothing, or is not about a copy of one of our Issues."""
    if len(raw) > LONGEST:
        return None
    try:
        return _read(raw, now)
    except RecursionError:  # parts in parts without end: no mail server writes so, but anybody may
        return None


def _read(raw: bytes, now: datetime) -> Report | None:
    mail = message_from_bytes(raw)
    if mail.get_content_type() != "multipart/report":
        return None
    parts = list(mail.walk())
    reported = next(filter(None, map(_reported, parts)), None)
    ours = next(filter(None, map(_returned, parts)), None)
    if reported is None or ours is None:
        return None
    kind, bounce, said = reported
    reference = _OURS.search(_line(ours, "Message-ID"))
    link = _LINK.search(_line(ours, "List-Unsubscribe"))
    if not reference or not link:
        return None
    names = f"{_line(mail, 'Message-ID') or hashlib.sha256(raw).hexdigest()} {reference.group(2)} {kind}"
    event = ProviderEvent(
        provider_event_id="mail-" + hashlib.sha256(names.encode()).hexdigest()[:40],
        reference=f"{reference.group(1)}:{reference.group(2)}",
        kind=kind,
        happened_at=_moment(mail, now),
        bounce=bounce,
        reason=short_reason(said),
    )
    return Report(event, link.group(1))


def is_report(raw: bytes) -> bool:
    """Whether a mail server wrote this to report about a mail, ours or not."""
    return _head_of(raw).get_content_type() == "multipart/report"


def is_from_a_machine(raw: bytes) -> bool:
    """Whether a machine wrote this: a report of any form, or an automatic answer."""
    mail = _head_of(raw)
    automatic = _line(mail, "Auto-Submitted").lower() not in ("", "no")
    return is_report(raw) or automatic or _line(mail, "Return-Path") == "<>"


def names(raw: bytes, address: str) -> bool:
    """Whether this address is anywhere in a mail, however its parts are encoded."""
    wanted = address.lower().encode()
    if wanted in raw.lower():
        return True
    try:
        parts = [part.get_payload(decode=True) for part in message_from_bytes(raw).walk()]
    except RecursionError:
        return False
    return any(wanted in part.lower() for part in parts if isinstance(part, bytes))


def _head_of(raw: bytes) -> Message:
    """A mail of which only the header lines are read, however its parts are nested."""
    return BytesHeaderParser().parsebytes(raw)


def _reported(part: Message) -> tuple[str, str | None, str] | None:
    """Kind, bounce and reason from the part that a machine reads."""
    if part.get_content_type() == "message/feedback-report":
        for fields in _blocks(part):
            if _line(fields, "Feedback-Type").lower() in ("abuse", "fraud"):
                return "complained", None, f"feedback report: {_line(fields, 'Feedback-Type')}"
    if part.get_content_type() == "message/delivery-status":
        for fields in _blocks(part):
            if kind := _KINDS.get(_line(fields, "Action").lower()):
                status = _line(fields, "Status")
                said = _line(fields, "Diagnostic-Code").partition(";")[2].strip() or status
                bounce = ("soft" if _SOFT.match(status) else "hard") if kind == "bounced" else None
                return kind, bounce, said
    return None


def _blocks(part: Message) -> Iterator[Message]:
    """The groups of fields in a report part, as the library reads them or not."""
    payload = part.get_payload()
    if isinstance(payload, list):
        yield from (block for block in payload if isinstance(block, Message))
    else:
        text = str(payload).replace("\r\n", "\n")
        yield from (message_from_string(block) for block in text.split("\n\n") if block.strip())


def _returned(part: Message) -> Message | None:
    """The header lines of our own mail, as they came back."""
    if part.get_content_type() == "message/rfc822":
        payload = part.get_payload()
        return payload[0] if isinstance(payload, list) and isinstance(payload[0], Message) else None
    if part.get_content_type() in ("text/rfc822-headers", "message/rfc822-headers"):
        body = part.get_payload(decode=True)
        return message_from_bytes(body) if isinstance(body, bytes) else None
    return None


def _line(mail: Message, name: str) -> str:
    """A header line on one line; empty when there is none. A relay may fold what we did not."""
    return " ".join(str(mail.get(name) or "").split())


def _moment(mail: Message, now: datetime) -> datetime:
    try:
        at = parsedate_to_datetime(_line(mail, "Date"))
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):  # no date, or one at the end of time
        return now
    return min(at, now)
