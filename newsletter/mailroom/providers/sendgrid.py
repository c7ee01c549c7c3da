"""SendGrid (v3 API, official SDK) as email provider: one call for up to a thousand readers, their Slots as substitutions.

What an answer means: 202 accepted; 400 that names a reader costs that reader alone; 401, 403, 429 and a host that cannot be reached
are a definite no for now; a 5xx, a timeout, a reset or half an answer is doubt, because the mail may be on its way.
"""

from __future__ import annotations

import json
import re
import secrets
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from email.utils import parseaddr
from functools import lru_cache
from html import escape
from typing import Any, Final
from urllib.parse import urlsplit

from python_http_client.exceptions import HTTPError
from sendgrid import SendGridAPIClient

from newsletter import log
from newsletter.clock import Clock
from newsletter.errors import NewsletterError
from newsletter.mailroom import slots
from newsletter.mailroom.headers import HeaderError, envelope_address
from newsletter.mailroom.messages import Message, Template
from newsletter.mailroom.providers.protocol import NO_LONGER_OURS, MayBegin, Outcome, Receipt, always
from newsletter.mailroom.providers.reasons import in_words

CONNECT_TIMEOUT: Final = 10.0  # seconds
ANSWER_TIMEOUT: Final = 60.0  # seconds
MAX_POSTS: Final = 25  # of one batch, when refused readers have to be split out of it
REFUSED_PAUSE: Final = 300.0  # seconds before asking again when our key is refused

# Mail is not watched: no pixels, no rewritten links, no footer of SendGrid's.
_UNTRACKED: Final = {
    "click_tracking": {"enable": False, "enable_text": False},
    "open_tracking": {"enable": False},
    "subscription_tracking": {"enable": False},
    "ganalytics": {"enable": False},
}
_NAMED: Final = re.compile(r"personalizations[.\[](\d+)")

_log = log.get("mailroom")


class SendGrid:
    """Submits to the v3 API. Thread-safe."""

    name = "sendgrid"
    batch_size = 1000

    def __init__(self, api_key: str, *, host: str, sender: str, now: Clock) -> None:
        self._client = SendGridAPIClient(api_key, host=host).client
        parts = urlsplit(host)
        self._where = (parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
        self._sender = _sender(sender)
        self._now = now
        # Names of substitutions that no feed and no reader can guess, so that nothing but a Slot is ever substituted.
        self._secret = secrets.token_hex(8)
        self._lock = threading.Lock()
        self._wait_until = 0.0  # monotonic; the API asked for a pause until then

    def send(self, messages: Sequence[Message], *, may_begin: MayBegin = always) -> list[Receipt]:
        receipts: dict[int, Receipt] = {}
        calls: dict[tuple[Template, int], list[tuple[int, Message, dict[str, Any]]]] = {}
        seen: dict[str, int] = {}
        for place, message in enumerate(messages):
            try:
                one = self._personalization(message)
            except NewsletterError as error:
                receipts[place] = Receipt(message.reference, Outcome.FAILED, reason=str(error))
                continue
            # The API refuses a call that names one address twice: the second time goes into a call of its own.
            times = seen[message.to] = seen.get(message.to, -1) + 1
            calls.setdefault((message.template, times), []).append((place, message, one))
        for (template, _), readers in calls.items():
            for start in range(0, len(readers), self.batch_size):
                part = readers[start : start + self.batch_size]
                told = self._submit(template, [(m, one) for _, m, one in part], may_begin)
                receipts.update(zip((place for place, _, _ in part), told, strict=True))
        return [receipts[place] for place in range(len(messages))]

    def close(self) -> None:
        """Every call has a connection of its own; nothing is kept open."""

    # --- the body ---

    def _personalization(self, message: Message) -> dict[str, Any]:
        """What differs between two readers. Raises a NewsletterError for a bad address or a wrong Slot."""
        template, values = message.template, message.slots
        for part in (template.subject, template.html, template.text):
            slots.require(part, values)
        for name, value in message.headers.items():
            if not f"{name}{value}".isascii() or not f"{name}{value}".isprintable():
                raise HeaderError(f"The header {name!r} must be one line of plain ASCII.")
        filled = {name: slots.one_line(name, value) for name, value in values.items()}
        return {
            "to": [{"email": envelope_address(message.to)}],
            "headers": dict(message.headers),
            "custom_args": {"reference": message.reference},
            "substitutions": {
                **{self._mark("t", name): value for name, value in filled.items()},
                **{self._mark("h", name): escape(value) for name, value in filled.items()},
            },
        }

    def _mark(self, kind: str, name: str) -> str:
        return f"%{self._secret}.{kind}.{name}%"

    def _body(self, template: Template, readers: Sequence[dict[str, Any]]) -> dict[str, Any]:
        subject, html, text = _marked(template, self._secret)
        return {
            "from": self._sender,
            "subject": subject,
            "content": [{"type": "text/plain", "value": text}, {"type": "text/html", "value": html}],
            "personalizations": list(readers),
            "tracking_settings": _UNTRACKED,
        }

    # --- the call ---

    def _submit(
        self, template: Template, readers: list[tuple[Message, dict[str, Any]]], may_begin: MayBegin
    ) -> list[Receipt]:
        """Post, splitting out who is refused. One Receipt for each reader, in order."""
        told: dict[int, Receipt] = {}
        waiting = [list(range(len(readers)))]
        posts = 0
        while waiting:
            group = waiting.pop(0)
            if posts >= MAX_POSTS:
                answer = _Answer(
                    Outcome.RETRY, reason="too many readers were refused to split them out at once"
                )
            else:
                answer = self._post(self._body(template, [readers[n][1] for n in group]), may_begin)
                posts += 1
            if answer.bad:
                bad = {group[n] for n in answer.bad if n < len(group)}
                told.update({n: _receipt(readers[n][0], Outcome.FAILED, answer) for n in bad})
                if rest := [n for n in group if n not in bad]:
                    waiting.insert(0, rest)
            elif (
                answer.split and len(group) > 1
            ):  # refused without saying who: nothing was taken, so look for them
                half = len(group) // 2
                waiting[:0] = [group[:half], group[half:]]
            else:
                outcome = Outcome.FAILED if answer.split else answer.outcome
                told.update({n: _receipt(readers[n][0], outcome, answer) for n in group})
        return [told[n] for n in range(len(readers))]

    def _post(self, body: dict[str, Any], may_begin: MayBegin) -> _Answer:
        if (wait := self._wait_until - time.monotonic()) > 0:
            return _Answer(Outcome.RETRY, reason="SendGrid asked for a pause", retry_after=wait)
        if unreachable := self._knock():
            return _Answer(Outcome.RETRY, reason=unreachable)
        if not may_begin():
            return _Answer(Outcome.RETRY, reason=NO_LONGER_OURS)
        try:
            response = self._client.mail.send.post(request_body=body, timeout=ANSWER_TIMEOUT)
        except HTTPError as error:
            answer = self._refused(int(error.status_code), error.headers or {}, error.body)
        except Exception as error:  # noqa: BLE001 - urllib raises many kinds; after the knock each of them is doubt
            return _Answer(Outcome.UNCERTAIN, reason=f"no whole answer came ({_kind(error)})")
        else:
            headers = response.headers or {}
            if response.status_code != 202:
                said = f"answered {response.status_code} where 202 was due"
                return _Answer(Outcome.UNCERTAIN, reason=said)
            answer = _Answer(Outcome.ACCEPTED, provider_id=headers.get("X-Message-Id") or None)
            if headers.get("X-RateLimit-Remaining") == "0":
                self._pause(self._wait(headers))
        if answer.retry_after:
            self._pause(answer.retry_after)
        return answer

    def _knock(self) -> str | None:
        """Whether the host can be reached at all, so that this definite no is told apart from doubt."""
        try:
            socket.create_connection(self._where, timeout=CONNECT_TIMEOUT).close()
        except OSError as error:
            return f"SendGrid cannot be reached ({_kind(error)})"
        return None

    def _refused(self, status: int, headers: Mapping[str, str], body: Any) -> _Answer:
        errors = _errors(body)
        said = in_words(f"{status} " + "; ".join(m for _, m in errors))
        if status == 429:
            return _Answer(
                Outcome.RETRY, reason=f"too many requests ({said})", retry_after=self._wait(headers)
            )
        if status in (401, 403):
            return _Answer(
                Outcome.RETRY, reason=f"SendGrid refused our key ({said})", retry_after=REFUSED_PAUSE
            )
        if status in (400, 413):
            named = {int(found.group(1)) for field, _ in errors if (found := _NAMED.search(field))}
            if named:
                return _Answer(
                    Outcome.FAILED, reason=f"the address was refused ({said})", bad=frozenset(named)
                )
            ours = any(f.split(".")[0] in ("from", "subject", "content", "headers") for f, _ in errors)
            reason = f"SendGrid refused the mail ({said})"
            return _Answer(Outcome.RETRY, reason=reason, split=not ours)
        if 400 <= status < 500 and status != 408:
            return _Answer(Outcome.RETRY, reason=f"SendGrid refused the call ({said})")
        return _Answer(Outcome.UNCERTAIN, reason=f"SendGrid failed ({said})")

    def _wait(self, headers: Mapping[str, str]) -> float:
        """Seconds to wait, from Retry-After or X-RateLimit-Reset (seconds since 1970); between 1 and 900."""
        for name, since in (("Retry-After", 0.0), ("X-RateLimit-Reset", self._now().timestamp())):
            value = headers.get(name) or ""
            if re.fullmatch(r"\d{1,12}", value.strip()):
                return min(max(float(value) - since, 1.0), 900.0)
        return 60.0

    def _pause(self, seconds: float) -> None:
        with self._lock:
            self._wait_until = max(self._wait_until, time.monotonic() + seconds)


class _Answer:
    """What one call brought. ``bad``: places of the readers who were refused by name; ``split``: somebody unnamed was."""

    def __init__(
        self,
        outcome: Outcome,
        *,
        provider_id: str | None = None,
        reason: str = "",
        retry_after: float | None = None,
        bad: frozenset[int] = frozenset(),
        split: bool = False,
    ) -> None:
        self.outcome = outcome
        self.provider_id = provider_id
        self.reason = reason
        self.retry_after = retry_after
        self.bad = bad
        self.split = split


def _receipt(message: Message, outcome: Outcome, answer: _Answer) -> Receipt:
    return Receipt(message.reference, outcome, answer.provider_id, answer.reason, answer.retry_after)


@lru_cache(maxsize=16)
def _marked(template: Template, secret: str) -> tuple[str, str, str]:
    """Subject, HTML and text with each Slot as the name of a substitution: one kind escaped for HTML, one not."""

    def marked(text: str, kind: str) -> str:
        parts = list(slots.cut(text))
        parts[1::2] = [f"%{secret}.{kind}.{name}%" for name in parts[1::2]]
        return "".join(parts)

    return marked(template.subject, "t"), marked(template.html, "h"), marked(template.text, "t")


def _sender(sender: str) -> dict[str, str]:
    name, _ = parseaddr(sender)
    address = {"email": envelope_address(sender)}
    return {**address, "name": name} if name else address


def _errors(body: Any) -> list[tuple[str, str]]:
    """(field, message) pairs of an error body; whatever is not one gives none."""
    try:
        found = json.loads(body)["errors"]
        return [(str(e.get("field") or ""), str(e.get("message") or "")) for e in found]
    except (ValueError, TypeError, KeyError, AttributeError):
        return []


def _kind(error: BaseException) -> str:
    reason = getattr(error, "reason", None)
    inner = reason if isinstance(reason, BaseException) else error
    if isinstance(inner, TimeoutError):
        return "it took too long"
    if isinstance(inner, OSError) and inner.strerror:
        return in_words(inner.strerror.lower())
    return type(inner).__name__
