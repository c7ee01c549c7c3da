"""One open connection to an SMTP relay, and what its replies mean for one Message (RFC 5321, RFC 2920).

The final dot decides what an error means: before it was sent, the relay has accepted nothing; after it, the relay may have
accepted the mail although no reply arrived.
"""

from __future__ import annotations

import re
import smtplib
import ssl
from dataclasses import dataclass
from typing import Literal

from newsletter.delivery.providers.bounce_reasons import is_about_us
from newsletter.delivery.providers.protocol import CLAIM_EXPIRED, MayBegin, Outcome, always
from newsletter.delivery.providers.reasons import short_reason

CONNECT_TIMEOUT = 15.0  # seconds, for the connection and the greeting
REPLY_TIMEOUT = 30.0  # seconds, for the reply to a command
DOT_TIMEOUT = 120.0  # seconds, for the reply to the final dot; relays scan and queue meanwhile

# Bad mailbox address, mailbox has moved without a forwarding address, domain that takes no mail.
_MISSING = re.compile(rb"5\.1\.(?:1|6|10)\b")
_QUEUED_AS = re.compile(r"queued as ([A-Za-z0-9.\-]{4,80})", re.IGNORECASE)


@dataclass(frozen=True)
class Relay:
    """Where the relay is and how to speak to it."""

    host: str
    port: int
    tls: Literal["from-the-start", "when-offered", "required", "never"]
    user: str = ""
    password: str = ""

    @property
    def is_here(self) -> bool:
        return self.host in ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Answer:
    """What the relay said about one Message."""

    outcome: Outcome
    provider_id: str | None = None
    reason: str = ""
    refused_us: bool = False  # as in Receipt
    no_such_mailbox: bool = False  # as in Receipt


class Unreachable(Exception):
    """No connection could be prepared: nothing was accepted, and trying again at once is useless."""

    def __init__(self, reason: str, *, refused_us: bool = False) -> None:
        super().__init__(reason)
        self.refused_us = refused_us  # an operator must correct what the relay refuses


class ConnectionLost(Exception):
    """The connection ended before the final dot: nothing was accepted, and a new connection may succeed."""


class SmtpConnection:
    """One connection, greeted, encrypted and signed in. Raises :class:`Unreachable`. Not thread-safe."""

    def __init__(self, relay: Relay, context: ssl.SSLContext) -> None:
        smtp: smtplib.SMTP | None = None
        try:
            self._smtp = smtp = _open(relay, context)
            self._prepare(relay, context)
        except (OSError, smtplib.SMTPException, Unreachable) as error:
            if smtp is not None:
                smtp.close()
            if isinstance(error, Unreachable):
                raise
            refused_us = isinstance(error, smtplib.SMTPAuthenticationError) and error.smtp_code >= 500
            raise Unreachable(_not_let_in(error), refused_us=refused_us) from None
        self._pipelines = self._smtp.has_extn("pipelining")

    def _prepare(self, relay: Relay, context: ssl.SSLContext) -> None:
        smtp = self._smtp
        smtp.ehlo_or_helo_if_needed()
        if relay.tls in ("when-offered", "required"):
            if smtp.has_extn("starttls"):
                smtp.starttls(context=context)
                smtp.ehlo()
            elif relay.tls == "required":
                raise Unreachable("the relay offers no encryption, and SMTP_URL requires it")
        if relay.user:
            encrypted = isinstance(smtp.sock, ssl.SSLSocket)
            if not encrypted and not relay.is_here:
                raise Unreachable("the relay offers no encryption, and the password is not sent in the clear")
            smtp.login(relay.user, relay.password)
        if smtp.sock is not None:
            smtp.sock.settimeout(REPLY_TIMEOUT)

    def hand_over(self, sender: str, to: str, raw: bytes, may_end: MayBegin = always) -> Answer:
        """Submit one Message. ``may_end`` is asked before the final dot, without which nothing is accepted. Raises :class:`ConnectionLost`."""
        refused = self._envelope(sender, to)
        if refused:
            return refused
        try:
            self._smtp.send(raw.replace(b"\r\n.", b"\r\n.."))
        except (OSError, smtplib.SMTPException) as error:
            raise ConnectionLost(
                f"the connection ended before the mail was complete ({_kind(error)})"
            ) from None
        if not may_end():
            self.close()
            return Answer(Outcome.RETRY, reason=CLAIM_EXPIRED)
        return self._dot()

    def _envelope(self, sender: str, to: str) -> Answer | None:
        """Send MAIL, RCPT and DATA, in one write when the relay supports it. None when it now waits for the mail."""
        commands = (f"MAIL FROM:<{sender}>", f"RCPT TO:<{to}>", "DATA")
        try:
            if self._pipelines:
                self._smtp.send("".join(f"{c}\r\n" for c in commands).encode("ascii"))
                mail, rcpt, data = (self._smtp.getreply() for _ in commands)
            else:
                mail = self._ask(commands[0])
                rcpt = self._ask(commands[1]) if mail[0] == 250 else (0, b"")
                data = self._ask(commands[2]) if rcpt[0] in (250, 251) else (0, b"")
            if data[0] == 354 and rcpt[0] in (250, 251):
                return None
            if data[0] == 354:  # RFC 2920 section 3.1: it waits for a mail to nobody; give it an empty one
                self._smtp.send(b".\r\n")
                self._smtp.getreply()
        except (OSError, smtplib.SMTPException) as error:
            raise ConnectionLost(f"the connection ended before the mail was sent ({_kind(error)})") from None
        if 421 in (mail[0], rcpt[0], data[0]):  # about to hang up, with nothing taken
            said = next(r for r in (mail, rcpt, data) if r[0] == 421)
            raise ConnectionLost(f"the relay hung up: {_said(*said)}")
        self._reset()
        if mail[0] != 250:
            # About us, not about this reader: it must not cost the reader the Issue for good.
            reason = f"the Sender was refused: {_said(*mail)}"
            return Answer(Outcome.RETRY, reason=reason, refused_us=mail[0] >= 500)
        if rcpt[0] not in (250, 251):
            lasting = 500 <= rcpt[0] < 600
            outcome = Outcome.FAILED if lasting else Outcome.RETRY
            reason = f"the address was refused: {_said(*rcpt)}"
            return Answer(outcome, reason=reason, no_such_mailbox=lasting and _is_missing(rcpt[1]))
        return Answer(Outcome.RETRY, reason=f"the mail was not wanted: {_said(*data)}")

    def _ask(self, command: str) -> tuple[int, bytes]:
        self._smtp.send(f"{command}\r\n".encode("ascii"))
        return self._smtp.getreply()

    def _dot(self) -> Answer:
        """Send the final dot; its reply decides the outcome."""
        assert self._smtp.sock is not None
        try:
            self._smtp.sock.settimeout(DOT_TIMEOUT)
            self._smtp.send(b".\r\n")
            code, text = self._smtp.getreply()
            self._smtp.sock.settimeout(REPLY_TIMEOUT)
        except (OSError, smtplib.SMTPException) as error:
            self.close()
            return Answer(Outcome.UNCERTAIN, reason=f"no answer after the final dot ({_kind(error)})")
        if 200 <= code < 300:
            found = _QUEUED_AS.search(text.decode("ascii", "replace"))
            return Answer(Outcome.ACCEPTED, provider_id=found.group(1) if found else None)
        if 400 <= code < 500:
            return Answer(Outcome.RETRY, reason=f"the mail was put off: {_said(code, text)}")
        if 500 <= code < 600:
            reason = f"the mail was refused: {_said(code, text)}"
            return Answer(Outcome.FAILED, reason=reason, no_such_mailbox=_is_missing(text))
        self.close()
        return Answer(Outcome.UNCERTAIN, reason=f"the final dot was answered with {_said(code, text)}")

    def _reset(self) -> None:
        try:
            self._smtp.rset()
        except (OSError, smtplib.SMTPException):
            self.close()

    @property
    def is_open(self) -> bool:
        return self._smtp.sock is not None

    def close(self) -> None:
        """Close the connection without QUIT."""
        self._smtp.close()

    def quit(self) -> None:
        """Close the connection with QUIT."""
        try:
            if self.is_open:
                self._smtp.sock.settimeout(5.0)  # type: ignore[union-attr]
                self._smtp.quit()
        except (OSError, smtplib.SMTPException):
            self._smtp.close()


def _open(relay: Relay, context: ssl.SSLContext) -> smtplib.SMTP:
    if relay.tls == "from-the-start":
        return smtplib.SMTP_SSL(relay.host, relay.port, timeout=CONNECT_TIMEOUT, context=context)
    return smtplib.SMTP(relay.host, relay.port, timeout=CONNECT_TIMEOUT)


def _not_let_in(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"the relay refused our name and password ({error.smtp_code})"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"the relay turned us away: {_said(error.smtp_code, error.smtp_error)}"
    return f"the relay cannot be reached ({_kind(error)})"


def _is_missing(text: bytes) -> bool:
    """Return whether the enhanced status code (RFC 3463, RFC 7505) of a lasting refusal says that there is no such mailbox, and no word that
    it is about us."""
    return _MISSING.match(text) is not None and not is_about_us("", text.decode("utf-8", "replace"))


def _said(code: int, text: bytes | str) -> str:
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return short_reason(f"{code} {words}")


def _kind(error: BaseException) -> str:
    """Return what went wrong below SMTP, without the host or the address."""
    if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
        return "it took too long"
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return "the relay hung up"
    if isinstance(error, ssl.SSLCertVerificationError):
        return "its certificate is not valid"
    if isinstance(error, OSError) and error.strerror and not isinstance(error, ssl.SSLError):
        return error.strerror.lower()
    return type(error).__name__
