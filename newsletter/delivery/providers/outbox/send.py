"""The Outbox: an email provider that keeps mail in a folder, one ``.eml`` file for each reference. The default, and the tests'."""

from __future__ import annotations

import errno
import heapq
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from newsletter import atomic_files
from newsletter.clock import Clock
from newsletter.delivery.mail.headers import mime
from newsletter.delivery.mail.messages import Message
from newsletter.delivery.providers.protocol import CLAIM_EXPIRED, MayBegin, Outcome, Receipt, always
from newsletter.errors import NewsletterError, NotFound

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,80}\.eml")


class Outbox:
    """Writes each Message as a file, atomically. Submitting the same reference again replaces its one file.

    The files survive the death of the process; they are not forced to the disk one by one, so a power cut may cost the last ones.
    """

    name = "outbox"
    batch_size = 1000
    at_once = 1  # one folder

    def __init__(self, folder: Path, *, sender: str, now: Clock) -> None:
        self._folder = folder
        self._sender = sender
        self._now = now

    def submit(self, messages: Sequence[Message], *, may_begin: MayBegin = always) -> list[Receipt]:
        return [self._keep(m) if may_begin() else _no_longer_ours(m) for m in messages]

    def _keep(self, message: Message) -> Receipt:
        try:
            raw = mime(message, sender=self._sender, date=self._now())
        except NewsletterError as error:
            return Receipt(message.reference, Outcome.FAILED, reason=str(error))
        try:
            path = self._folder / file_name(message.reference)
            with atomic_files.written(path, "wb", half=".part", lasting=False) as file:
                file.write(raw)
        except OSError as error:
            return Receipt(message.reference, Outcome.RETRY, reason=_in_words(error))
        return Receipt(message.reference, Outcome.ACCEPTED)

    def close(self) -> None:
        """Nothing is kept open."""


def _no_longer_ours(message: Message) -> Receipt:
    return Receipt(message.reference, Outcome.RETRY, reason=CLAIM_EXPIRED)


def file_name(reference: str) -> str:
    """Return the file of a reference: "delivery:17" is kept in "delivery-17.eml"."""
    return re.sub(r"[^A-Za-z0-9]+", "-", reference).strip("-") + ".eml"


def delete_mails(folder: Path, references: Iterable[str]) -> int:
    """Delete the mails of these references. Returns how many there were. Raises OSError."""
    gone = 0
    for path in (folder / file_name(reference) for reference in references):
        if path.exists():
            path.unlink(missing_ok=True)
            gone += 1
    return gone


def _in_words(error: OSError) -> str:
    """Return why the folder cannot take mail, for an operator."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full: the Outbox folder cannot take more mail"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "the Outbox folder may not be written"
    return f"the Outbox folder cannot be used ({error.strerror or type(error).__name__})"


@dataclass(frozen=True)
class OutboxEntry:
    """One kept mail, as the desk lists it."""

    name: str
    to: str
    subject: str
    kept_at: datetime
    size: int  # bytes


@dataclass(frozen=True)
class StoredMail:
    """One kept mail, opened: all header lines, both bodies, and the file's bytes."""

    name: str
    headers: tuple[tuple[str, str], ...]
    subject: str
    to: str
    html: str
    text: str
    raw: bytes


def list_outbox(folder: Path, limit: int = 100, *, skip: int = 0) -> list[OutboxEntry]:
    """Return the newest mails of the folder but the first ``skip``, newest first; none when there is no folder yet."""
    try:
        with os.scandir(folder) as found:
            stats = [(e.stat().st_mtime, e.name, e.stat().st_size) for e in found if _NAME.fullmatch(e.name)]
    except OSError:
        return []
    entries = []
    for kept, name, size in heapq.nlargest(skip + limit, stats)[skip:]:
        try:
            with open(folder / name, "rb") as file:
                head = message_from_bytes(file.read(16_384), policy=policy.default)
        except OSError:  # taken away between listing and reading
            continue
        entries.append(
            OutboxEntry(name, str(head["To"]), str(head["Subject"]), datetime.fromtimestamp(kept, UTC), size)
        )
    return entries


def read_outbox(folder: Path, name: str) -> StoredMail:
    """One mail of the folder by its file name. Raises :class:`NotFound` for anything that is not one."""
    path = folder / name
    if not _NAME.fullmatch(name) or path.is_symlink() or not path.is_file():
        raise NotFound("There is no such mail in the Outbox.")
    raw = path.read_bytes()
    mail = message_from_bytes(raw, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    return StoredMail(
        name,
        tuple((k, str(v)) for k, v in mail.items()),
        str(mail["Subject"]),
        str(mail["To"]),
        _body(mail, "html"),
        _body(mail, "plain"),
        raw,
    )


def _body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    return str(part.get_content()) if part else ""
