"""An SMTP relay as email provider: several connections kept open, one Receipt for each Message from the relay's replies."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit

from newsletter.clock import Clock
from newsletter.delivery.mail.headers import envelope_address, mime
from newsletter.delivery.mail.messages import Message
from newsletter.delivery.providers.protocol import (
    CLAIM_EXPIRED,
    REFUSED_PAUSE,
    MayBegin,
    Outcome,
    Receipt,
    always,
)
from newsletter.delivery.providers.smtp.conversation import (
    Answer,
    ConnectionLost,
    Relay,
    SmtpConnection,
    Unreachable,
)
from newsletter.errors import NewsletterError, SettingsError

CONNECTIONS = 4  # kept open unless SMTP_URL says otherwise
BATCH_TIME = 120.0  # seconds after which a batch begins no further Message; well below the ledger's lease
GIVE_UP_AFTER = 2  # Messages in a row after which a connection broke, in one thread


class Smtp:
    """Submits to one relay. Thread-safe: all calls share the same few connections."""

    name = "smtp"
    batch_size = 200
    at_once = 2  # no connection waits while the ledger is written

    def __init__(
        self,
        relay: Relay,
        *,
        sender: str,
        now: Clock,
        connections: int = CONNECTIONS,
        sign: Callable[[bytes, str], bytes]
        | None = None,  # puts a DKIM signature of the address's domain in front
        context: ssl.SSLContext | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        self._relay = relay
        self._sender = sender
        self._from = envelope_address(sender)
        self._now = now
        self._stop = stop or threading.Event()
        self._connections = connections
        self._sign = sign
        self._context = context or ssl.create_default_context()
        self._pool: ThreadPoolExecutor | None = None
        self._idle: list[SmtpConnection] = []
        self._lock = threading.Lock()

    def submit(self, messages: Sequence[Message], *, may_begin: MayBegin = always) -> list[Receipt]:
        if not messages:
            return []
        batch = _Batch(messages, may_begin)
        threads = min(self._connections, len(messages))
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self._connections, thread_name_prefix="smtp")
            work = [self._pool.submit(self._work, batch) for _ in range(threads)]
        for future in work:
            future.result()
        return batch.receipts()

    def close(self) -> None:
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=True)
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.quit()

    def _work(self, batch: _Batch) -> None:
        """Work of one thread: submit the next Message of the batch until none is left or the relay stops answering."""
        connection: SmtpConnection | None = None
        unheard = 0
        while (taken := batch.next()) is not None:
            place, message = taken
            if self._stop.is_set():
                batch.give_up("we were told to stop")
                break
            try:
                to = envelope_address(message.to)
                raw = mime(message, sender=self._sender, date=self._now())
                sender = envelope_address(message.sender) if message.sender else self._from
                raw = self._sign(raw, sender) if self._sign else raw
            except NewsletterError as error:
                batch.answer(place, Answer(Outcome.FAILED, reason=str(error)))
                continue
            try:
                connection, answer = self._hand_over(connection, (sender, to), raw, batch.may_begin)
            except Unreachable as error:
                batch.answer(place, Answer(Outcome.RETRY, reason=str(error), refused_us=error.refused_us))
                batch.give_up(str(error), refused_us=error.refused_us)
                return
            batch.answer(place, answer)
            unheard = unheard + 1 if not connection.is_open else 0
            if unheard >= GIVE_UP_AFTER:
                batch.give_up(f"the relay stopped answering: {answer.reason}")
                return
        if connection is not None and connection.is_open:
            with self._lock:
                self._idle.append(connection)

    def _hand_over(
        self, connection: SmtpConnection | None, envelope: tuple[str, str], raw: bytes, may_begin: MayBegin
    ) -> tuple[SmtpConnection, Answer]:
        """Submit to the ``envelope``'s second address in the name of its first, on the thread's connection, an idle one or a new one; once more on a new one when nothing was accepted."""
        if connection is None or not connection.is_open:
            with self._lock:
                connection = self._idle.pop() if self._idle else None
        fresh = connection is None
        connection = connection or SmtpConnection(self._relay, self._context)
        if not may_begin():
            return connection, Answer(Outcome.RETRY, reason=CLAIM_EXPIRED)
        try:
            return connection, connection.hand_over(*envelope, raw, may_begin)
        except ConnectionLost as error:
            connection.close()
            if fresh:
                return connection, Answer(Outcome.RETRY, reason=str(error))
        connection = SmtpConnection(self._relay, self._context)
        if not may_begin():
            return connection, Answer(Outcome.RETRY, reason=CLAIM_EXPIRED)
        try:
            return connection, connection.hand_over(*envelope, raw, may_begin)
        except ConnectionLost as error:
            connection.close()
            return connection, Answer(Outcome.RETRY, reason=str(error))


class _Batch:
    """The Messages of one call, shared by its threads, and the answer to each."""

    def __init__(self, messages: Sequence[Message], may_begin: MayBegin) -> None:
        self._messages = messages
        self.may_begin = may_begin
        self._answers: dict[int, Answer] = {}
        self._waiting = iter(enumerate(messages))
        self._lock = threading.Lock()
        self._ends = time.monotonic() + BATCH_TIME
        self._gave_up = Answer(Outcome.RETRY, reason="the batch ran out of time")

    def next(self) -> tuple[int, Message] | None:
        with self._lock:
            return next(self._waiting, None) if time.monotonic() < self._ends else None

    def answer(self, place: int, answer: Answer) -> None:
        self._answers[place] = answer

    def give_up(self, reason: str, *, refused_us: bool = False) -> None:
        """Begin no further Message: the relay cannot be reached."""
        with self._lock:
            self._ends = 0.0
            self._gave_up = Answer(Outcome.RETRY, reason=reason, refused_us=refused_us)

    def receipts(self) -> list[Receipt]:
        return [
            Receipt(
                m.reference,
                a.outcome,
                a.provider_id,
                a.reason,
                retry_after=REFUSED_PAUSE if a.refused_us else None,
                refused_us=a.refused_us,
                no_such_mailbox=a.no_such_mailbox,
            )
            for m, a in ((m, self._answers.get(n, self._gave_up)) for n, m in enumerate(self._messages))
        ]


_TLS: dict[str, Literal["when-offered", "required", "never"]] = {
    "offered": "when-offered",
    "required": "required",
    "never": "never",
}


def parse_url(url: str) -> tuple[Relay, int]:
    """Read ``SMTP_URL``: ``smtp[s]://user:password@host:port?starttls=offered|required|never&connections=4``.

    Returns the relay and how many connections to keep. Raises :class:`SettingsError`, never repeating the password.
    """
    parts = urlsplit(url)
    asked = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    starttls = asked.pop("starttls", "offered")
    connections = asked.pop("connections", str(CONNECTIONS))
    try:
        port = parts.port
    except ValueError:
        raise SettingsError("SMTP_URL names a port that is not a number below 65536.") from None
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise SettingsError("SMTP_URL must look like smtp://user:password@host:587 or smtps://….")
    if starttls not in _TLS:
        raise SettingsError("SMTP_URL: starttls must be offered, required or never.")
    if not connections.isdigit() or not 1 <= int(connections) <= 50:
        raise SettingsError("SMTP_URL: connections must be a number from 1 to 50.")
    if asked:
        raise SettingsError(f"SMTP_URL: nothing is known of {', '.join(sorted(asked))}.")
    direct = parts.scheme == "smtps"
    relay = Relay(
        parts.hostname,
        port or (465 if direct else 587),
        "from-the-start" if direct else _TLS[starttls],
        unquote(parts.username or ""),
        unquote(parts.password or ""),
    )
    return relay, int(connections)
