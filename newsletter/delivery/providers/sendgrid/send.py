"""SendGrid (v3 API) as email provider: one call for up to a thousand readers, their Slots as substitutions.

What an answer means: 202 accepted; 400 that names a reader costs that reader alone; 401, 403, 429 and a host that cannot be reached
are a definite no for now; a 5xx, a timeout, a reset or half an answer is doubt, because the mail may be on its way.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from newsletter.clock import Clock
from newsletter.delivery.mail.messages import Message, Template
from newsletter.delivery.providers.protocol import (
    CLAIM_EXPIRED,
    REFUSED_PAUSE,
    MayBegin,
    Outcome,
    Receipt,
    always,
)
from newsletter.delivery.providers.reasons import short_reason
from newsletter.delivery.providers.sendgrid.api import ClaimExpired, MailApi, NotSent, root_cause
from newsletter.delivery.providers.sendgrid.body import RequestBodies
from newsletter.errors import NewsletterError

ANSWER_TIMEOUT: Final = 60.0  # seconds
MAX_POSTS: Final = 25  # of one batch, when refused readers have to be split out of it

_NAMED: Final = re.compile(r"personalizations[.\[](\d+)")


class SendGrid:
    """Submits to the v3 API. Thread-safe."""

    name = "sendgrid"
    batch_size = 1000
    at_once = 4  # the API takes its time to answer; four hide it, and keep the doubt of a death small

    def __init__(self, api_key: str, *, host: str, sender: str, now: Clock) -> None:
        self._api = MailApi(api_key, host=host, connections=self.at_once)
        self._bodies = RequestBodies(sender)
        self._now = now
        self._lock = threading.Lock()
        self._wait_until = 0.0  # monotonic; the API asked for a pause until then
        self._wait_because, self._refused_us = "", False  # what it said then

    def submit(self, messages: Sequence[Message], *, may_begin: MayBegin = always) -> list[Receipt]:
        receipts: dict[int, Receipt] = {}
        calls: dict[tuple[Template, str, int], list[tuple[int, Message, dict[str, Any]]]] = {}
        seen: dict[str, int] = {}
        for place, message in enumerate(messages):
            try:
                one = self._bodies.personalization(message)
            except NewsletterError as error:
                receipts[place] = Receipt(message.reference, Outcome.FAILED, reason=str(error))
                continue
            # The API refuses a call that names one address twice: the second time goes into a call of its own.
            times = seen[message.to] = seen.get(message.to, -1) + 1
            calls.setdefault((message.template, message.sender, times), []).append((place, message, one))
        for (template, _, _), readers in calls.items():
            for start in range(0, len(readers), self.batch_size):
                part = readers[start : start + self.batch_size]
                part_receipts = self._submit(template, [(m, one) for _, m, one in part], may_begin)
                receipts.update(zip((place for place, _, _ in part), part_receipts, strict=True))
        return [receipts[place] for place in range(len(messages))]

    def close(self) -> None:
        self._api.close()

    # --- the call ---

    def _submit(
        self, template: Template, readers: list[tuple[Message, dict[str, Any]]], may_begin: MayBegin
    ) -> list[Receipt]:
        """Post, splitting out who is refused. One Receipt for each reader, in order."""
        receipts: dict[int, Receipt] = {}
        waiting = [list(range(len(readers)))]
        posts = 0
        while waiting:
            group = waiting.pop(0)
            if posts >= MAX_POSTS:
                answer = _Answer(
                    Outcome.RETRY, reason="too many readers were refused to split them out at once"
                )
            else:
                body = self._bodies.body(template, [readers[n][1] for n in group], readers[0][0].sender)
                answer = self._post(body, may_begin)
                posts += 1
            if answer.bad:
                bad = {group[n] for n in answer.bad if n < len(group)}
                receipts.update({n: _receipt(readers[n][0], Outcome.FAILED, answer) for n in bad})
                if rest := [n for n in group if n not in bad]:
                    waiting.insert(0, rest)
            elif (
                answer.split and len(group) > 1
            ):  # refused without saying who: nothing was taken, so look for them
                half = len(group) // 2
                waiting[:0] = [group[:half], group[half:]]
            else:
                outcome = Outcome.FAILED if answer.split else answer.outcome
                receipts.update({n: _receipt(readers[n][0], outcome, answer) for n in group})
        return [receipts[n] for n in range(len(readers))]

    def _post(self, body: str, may_begin: MayBegin) -> _Answer:
        if (wait := self._wait_until - time.monotonic()) > 0:
            return _Answer(
                Outcome.RETRY, reason=self._wait_because, retry_after=wait, refused_us=self._refused_us
            )
        try:
            response = self._api.post(body, may_begin, timeout=ANSWER_TIMEOUT)
        except ClaimExpired:
            return _Answer(Outcome.RETRY, reason=CLAIM_EXPIRED)
        except NotSent as error:
            return _Answer(Outcome.RETRY, reason=f"SendGrid cannot be reached ({_kind(error)})")
        except Exception as error:  # noqa: BLE001 - once the body was begun, each of the many kinds is doubt
            return _Answer(Outcome.UNCERTAIN, reason=f"no whole answer came ({_kind(error)})")
        headers = response.headers
        if response.status_code >= 400:
            answer = self._refused(response.status_code, headers, response.content)
        elif response.status_code != 202:
            said = f"answered {response.status_code} where 202 was due"
            return _Answer(Outcome.UNCERTAIN, reason=said)
        else:
            answer = _Answer(Outcome.ACCEPTED, provider_id=headers.get("X-Message-Id") or None)
            if headers.get("X-RateLimit-Remaining") == "0":
                self._pause(self._wait(headers), "SendGrid asked for a pause")
        if answer.retry_after:
            self._pause(answer.retry_after, answer.reason, refused_us=answer.refused_us)
        return answer

    def _refused(self, status: int, headers: Mapping[str, str], body: Any) -> _Answer:
        errors = _errors(body)
        said = short_reason(f"{status} " + "; ".join(m for _, m in errors))
        if status == 429:
            return _Answer(
                Outcome.RETRY, reason=f"too many requests ({said})", retry_after=self._wait(headers)
            )
        if status in (401, 403):
            reason = f"SendGrid refused our key ({said})"
            return _Answer(Outcome.RETRY, reason=reason, retry_after=REFUSED_PAUSE, refused_us=True)
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
        """Return seconds to wait, from Retry-After or X-RateLimit-Reset (seconds since 1970); between 1 and 900."""
        for name, since in (("Retry-After", 0.0), ("X-RateLimit-Reset", self._now().timestamp())):
            value = headers.get(name) or ""
            if re.fullmatch(r"\d{1,12}", value.strip()):
                return min(max(float(value) - since, 1.0), 900.0)
        return 60.0

    def _pause(self, seconds: float, because: str, *, refused_us: bool = False) -> None:
        with self._lock:
            if (until := time.monotonic() + seconds) > self._wait_until:
                self._wait_until, self._wait_because, self._refused_us = until, because, refused_us


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
        refused_us: bool = False,
    ) -> None:
        self.outcome = outcome
        self.provider_id = provider_id
        self.reason = reason
        self.retry_after = retry_after
        self.bad = bad
        self.split = split
        self.refused_us = refused_us


def _receipt(message: Message, outcome: Outcome, answer: _Answer) -> Receipt:
    return Receipt(
        message.reference, outcome, answer.provider_id, answer.reason, answer.retry_after, answer.refused_us
    )


def _errors(body: Any) -> list[tuple[str, str]]:
    """(field, message) pairs of an error body; whatever is not one gives none."""
    try:
        found = json.loads(body)["errors"]
        return [(str(e.get("field") or ""), str(e.get("message") or "")) for e in found]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return []


def _kind(error: BaseException) -> str:
    """Return what went wrong below HTTP, without an address."""
    error = root_cause(error)
    if isinstance(error, TimeoutError):
        return "it took too long"
    if isinstance(error, OSError) and error.strerror:
        return short_reason(error.strerror.lower())
    return type(error).__name__
