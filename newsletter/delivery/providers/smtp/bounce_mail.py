"""Reads mails that report a bounce or a complaint into ProviderEvents. A relay has no webhook. Pure.

Understood are the parts that standards define for programs (RFC 3464 of deliveries, RFC 5965 of complaints), whatever the mail around
them, and the plain text of servers that write no such part, if it is from a mail system and says that a mail failed or waits.

Anybody can write such a mail. The proof is what it returns of our own: its unsubscribe link holds a token that only the reader's copy
had. The caller must check that token (see ``subscribers/bounce_reports.py``).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import Message
from email.parser import BytesHeaderParser
from email.utils import parsedate_to_datetime
from typing import Final

from newsletter.delivery.providers.bounce_reasons import CODE, REPLY, is_lasting
from newsletter.delivery.providers.protocol import ProviderEvent
from newsletter.delivery.providers.reasons import short_reason

LONGEST: Final = 512 * 1024  # bytes of a report; ours, of 100 kB, come back whole at most
LONGEST_NOTICE: Final = 20_000  # characters of a text, or of a group of fields, that are read for a reason
# Header lines of our own mail as they come back: in a part of their own or in text, perhaps folded, perhaps quoted with "> ".
_MARK: Final = r"(?:^|\n)[>| \t]*"
_OURS: Final = re.compile(_MARK + r"Message-ID:[>|\s]*<(delivery|notice)\.(\d{1,18})@", re.IGNORECASE)
_LINK: Final = re.compile(_MARK + r"List-Unsubscribe:[>|\s]*<(https?://[^<>]{1,2000})>", re.IGNORECASE)
_COPY: Final = re.compile(r"\n[>| \t]*(?=\n)|^")  # an empty line: the returned copy begins after one
_FOLD: Final = re.compile(r"\s+(?:[>|]+\s*)*")
_FIELD: Final = re.compile(r"([A-Za-z][A-Za-z-]*)[ \t]*:(.*)")
_KINDS: Final = {"failed": "bounced", "delayed": "deferred", "delivered": "delivered"}
_COMPLAINTS: Final = {"abuse": "complained", "fraud": "complained", "opt-out": "unsubscribed"}
_MAIL_SYSTEM: Final = re.compile(
    r"\b(?:mailer[-_.]?daemon|post[-_.]?master|mail deliver\w* (?:sub)?system)\b|^<>$", re.I
)
_WAITS: Final = re.compile(r"\bdelay|\bwarning\b|\bstill being\b|\bnot yet\b", re.IGNORECASE)
_FAILED: Final = re.compile(
    r"fail|undeliver|not (?:be )?deliver|returned|could ?n[o']t|can ?not|unable|reject|error|bounce|problem",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Report:
    """A report about one of our mails. ``link`` is the unsubscribe address that it returned, the proof.

    ``event.reference`` is None where a relay on the way gave the mail another Message-ID: then only the link says whose it is.
    """

    event: ProviderEvent
    link: str


@dataclass(frozen=True)
class Unread:
    """A mail system's mail that tells us nothing that we can book, and why, as a clause for operators."""

    reason: str


@dataclass(frozen=True)
class _Said:
    """What a report says: ``kind`` and ``bounce`` as in ProviderEvent."""

    kind: str
    bounce: str | None
    words: str


def read_report(raw: bytes, *, now: datetime) -> Report | Unread | None:
    """Return the report in a mail; :class:`Unread` when it is one that cannot be used; None for mail of people and automatic answers."""
    if len(raw) > LONGEST:
        return Unread("it is too large") if is_report(raw) else None
    try:
        return _read(raw, now)
    except RecursionError:  # parts in parts without end: no mail server writes so, but anybody may
        return Unread("its parts are nested without end") if is_report(raw) else None


def _read(raw: bytes, now: datetime) -> Report | Unread | None:
    mail = message_from_bytes(raw)
    text, notice = _texts(mail)
    ours, link = _OURS.search(text), _LINK.search(text)
    said = next(filter(None, map(_reported, mail.walk())), None)
    if said is None and not _is_from_mail_system(mail):
        return None
    said = _with_words(said, notice) if said else _in_words(_line(mail, "Subject"), notice)
    if said is None or not said.kind:
        return Unread("it does not say what happened") if is_report(raw) else None
    if ours and ours.group(1) == "notice":
        return Unread("it is about a mail to one person, not about an issue")
    if link is None:
        return Unread("it returns no unsubscribe link of ours, so nothing proves whose copy it is about")
    number = ours.group(2) if ours else ""
    names = f"{_line(mail, 'Message-ID') or hashlib.sha256(raw).hexdigest()} {number or link.group(1)} {said.kind}"
    event = ProviderEvent(
        provider_event_id="mail-" + hashlib.sha256(names.encode("utf-8", "replace")).hexdigest()[:40],
        reference=f"delivery:{number}" if number else None,
        kind=said.kind,
        happened_at=_moment(mail, now),
        bounce=said.bounce,
        reason=short_reason(said.words),
    )
    return Report(event, _FOLD.sub("", link.group(1)))


def is_report(raw: bytes) -> bool:
    """Return whether a mail server wrote this to report about a mail, ours or not. A postmaster may be a person, and then it is none."""
    mail = _head_of(raw)
    if mail.get_content_type() == "multipart/report" or mail.get("X-Failed-Recipients"):
        return True
    automatic = _line(mail, "Auto-Submitted").lower() not in ("", "no")
    daemon = "daemon" in f"{_line(mail, 'From')} {_line(mail, 'Return-Path')}".lower()
    return _is_from_mail_system(mail) and (automatic or daemon or _line(mail, "Return-Path") == "<>")


def is_from_a_machine(raw: bytes) -> bool:
    """Return whether a machine wrote this: a report of any form, or an automatic answer."""
    mail = _head_of(raw)
    automatic = _line(mail, "Auto-Submitted").lower() not in ("", "no")
    return is_report(raw) or automatic or _line(mail, "Return-Path") == "<>"


def names(raw: bytes, address: str) -> bool:
    """Return whether this address is anywhere in a mail, however its parts are encoded."""
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


def _is_from_mail_system(mail: Message) -> bool:
    """Return whether a mail system wrote it. People's automatic answers come from their own addresses."""
    return bool(mail.get("X-Failed-Recipients") or _MAIL_SYSTEM.search(_line(mail, "From")))


# --- what it says ---


def _reported(part: Message) -> _Said | None:
    """What stands in a part for machines; None in another part, and without any Action. Of a ``kind`` ""
    when nothing in it is of use."""
    if part.get_content_type() == "message/feedback-report":
        for fields in _blocks(part):
            if kind := _COMPLAINTS.get(fields.get("feedback-type", "").lower()):
                return _Said(kind, None, f"feedback report: {fields['feedback-type']}")
        return _Said("", None, "")
    if part.get_content_type() == "message/delivery-status":
        blocks = [fields for fields in _blocks(part) if fields.get("action")]
        for fields in blocks:
            action = re.match(r"\w*", fields["action"].lower())
            if kind := _KINDS.get(action.group() if action else ""):
                status = fields.get("status", "")
                words = fields.get("diagnostic-code", "").partition(";")[2].strip()
                return _Said(kind, _bounce(kind, status, words), words or status)
        return _Said("", None, "") if blocks else None
    return None


def _bounce(kind: str, status: str, words: str) -> str | None:
    if kind != "bounced":
        return None
    return "hard" if is_lasting(status, words) else "soft"


def _with_words(said: _Said, notice: str) -> _Said:
    """A report for machines that gives no reason but a code: the text for people beside it may."""
    if said.kind != "bounced" or said.bounce == "hard" or not CODE.fullmatch(said.words or "5.0.0"):
        return said
    words = _reason_in(notice)
    return _Said(said.kind, _bounce(said.kind, said.words, words), words or said.words)


def _in_words(subject: str, notice: str) -> _Said | None:
    """What a mail system's text says; None when it says neither that a mail failed nor that it waits."""
    words = _reason_in(notice)
    if _WAITS.search(subject):
        return _Said("deferred", None, words)
    if CODE.search(words) or REPLY.search(words) or _FAILED.search(subject) or _FAILED.search(words):
        return _Said("bounced", _bounce("bounced", "", words), words)
    return None


def _reason_in(notice: str) -> str:
    """Of a text for people, the paragraphs with a server's answer; without such, those that name an address; else all of it."""
    paragraphs = re.split(r"\n\s*\n", notice)
    for wanted in (lambda p: CODE.search(p) or REPLY.search(p), lambda p: "@" in p):
        if chosen := [p for p in paragraphs if wanted(p)]:
            return " ".join(" ".join(chosen).split())
    return " ".join(notice.split())


def _blocks(part: Message) -> Iterator[Mapping[str, str]]:
    """The groups of fields in a report part: names in lower case, values on one line. A line that is no field continues the last."""
    payload = part.get_payload()
    inner = [block for block in payload if isinstance(block, Message)] if isinstance(payload, list) else []
    for block in inner or [part]:
        lines = [] if block is part else [f"{name}: {value}" for name, value in block.items()]
        rest = block.get_payload()
        text = "\n".join([*lines, rest if isinstance(rest, str) else ""])[:LONGEST_NOTICE]
        for group in re.split(r"\r?\n[ \t]*\r?\n", text):
            fields: dict[str, str] = {}
            last = ""
            for line in group.splitlines():
                if (field := _FIELD.fullmatch(line)) and not line[0].isspace():
                    last = field.group(1).lower()
                    fields.setdefault(last, field.group(2).strip())
                elif last:
                    fields[last] = f"{fields[last]} {line.strip()}"
            if fields:
                yield fields


# --- what it returns ---


def _texts(mail: Message) -> tuple[str, str]:
    """Return all text of a mail below its own header lines, and the part of it that stands before the copy of our mail."""
    seen: list[str] = []
    notice: list[str] = []
    inside = False  # the returned mail
    for part in mail.walk():
        kind = part.get_content_type()
        if part is not mail:  # some servers put our header lines at the head of a text
            seen.append("\n".join(f"{name}: {value}" for name, value in part.items()))
        if kind in ("message/rfc822", "text/rfc822-headers", "message/rfc822-headers"):
            inside = True
        if part.get_content_maintype() != "text":
            continue
        body = part.get_payload(decode=True)
        words = body.decode("utf-8", "replace").replace("\r\n", "\n") if isinstance(body, bytes) else ""
        seen.append(words)
        if not inside and kind != "text/html":
            notice.append(words)
    text, before = "\n\n".join(seen), "\n\n".join(notice)
    if copy := _OURS.search(before) or _LINK.search(before):
        begins = [empty.start() for empty in _COPY.finditer(before, 0, copy.start() + 1)]
        before = before[: begins[-1] if begins else 0]
    return text, before[:LONGEST_NOTICE]


def _line(mail: Message, name: str) -> str:
    """Return a header line on one line; empty when there is none. A relay may fold what we did not."""
    return " ".join(str(mail.get(name) or "").split())


def _moment(mail: Message, now: datetime) -> datetime:
    try:
        at = parsedate_to_datetime(_line(mail, "Date"))
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):  # no date, or one at the end of time
        return now
    return min(at, now)
