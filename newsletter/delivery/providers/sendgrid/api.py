"""The HTTP side of SendGrid's v3 API: one POST of JSON over connections that are kept open.

What matters is whether anything of a call left this process. ``requests`` pulls the body from an iterator only when a connection is
open and the header lines are written, so a body that was never asked for was not sent: that is :class:`NotSent`, a definite no.
Whatever goes wrong after the first byte of the body is doubt and is raised as it is. ``urllib3`` looks at a kept connection
before it uses it and throws away one that the other side has closed; nothing is ever sent a second time by itself.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.cookiejar import DefaultCookiePolicy
from time import monotonic
from typing import Final

import requests
from requests.adapters import HTTPAdapter

from newsletter.delivery.providers.protocol import MayBegin

CONNECT_TIMEOUT: Final = 10.0  # seconds, for the connection, its encryption and each piece of the body
MAX_IDLE: Final = 10.0  # seconds a connection is kept unused; far less than servers usually keep one
PIECE: Final = 65_536  # bytes of the body written at once; each has CONNECT_TIMEOUT for itself


class NotSent(Exception):
    """No byte of the body left this process. ``__cause__`` says why."""


class ClaimExpired(Exception):
    """The claim was over before the first or the last byte of the body: the call is incomplete and cannot be accepted."""


class _Body:
    """The bytes of one call. ``may_begin`` is asked before the first byte and before the last; ``is_begun`` says whether any left."""

    def __init__(self, raw: bytes, may_begin: MayBegin) -> None:
        self._raw = raw
        self._may_begin = may_begin
        self.is_begun = False

    def __len__(self) -> int:
        return len(self._raw)

    def __iter__(self) -> Iterator[bytes]:
        """Raises :class:`ClaimExpired`."""
        if not self._may_begin():
            raise ClaimExpired
        self.is_begun = True
        end = len(self._raw) - 1
        for start in range(0, end, PIECE):
            yield self._raw[start : min(start + PIECE, end)]
        if not self._may_begin():
            raise ClaimExpired
        yield self._raw[end:]


class MailApi:
    """``POST /v3/mail/send`` at ``host`` (SENDGRID_HOST). Thread-safe; ``connections`` are kept open at most."""

    def __init__(self, api_key: str, *, host: str, connections: int) -> None:
        self._url = f"{host.rstrip('/')}/v3/mail/send"
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy and no .netrc of the machine's
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.headers.update(
            {"Authorization": f"Bearer {api_key}", "Content-Type": "application/json"}
        )
        adapter = HTTPAdapter(pool_connections=1, pool_maxsize=connections, max_retries=0)
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, adapter)
        self._lock = threading.Lock()
        self._used_at = monotonic()

    def post(self, body: str, may_begin: MayBegin, *, timeout: float) -> requests.Response:
        """Post ``body``, which is JSON. ``timeout`` is in seconds, for the answer.

        Raises :class:`NotSent`, :class:`ClaimExpired`, and the error of ``requests`` when no whole answer came.
        """
        self._close_idle()
        data = _Body(body.encode(), may_begin)
        try:
            return self._session.post(
                self._url, data=data, timeout=(CONNECT_TIMEOUT, timeout), allow_redirects=False
            )
        except requests.RequestException as error:
            if not data.is_begun:
                raise NotSent from error
            raise
        finally:
            self._used_at = monotonic()

    def _close_idle(self) -> None:
        """Close what lay unused for :data:`MAX_IDLE`: a router on the way may have forgotten the connection without telling."""
        with self._lock:
            if monotonic() - self._used_at > MAX_IDLE:
                self._session.close()
                self._used_at = monotonic()

    def close(self) -> None:
        """Close the connections. Safe to call twice; the next call opens new ones."""
        self._session.close()


def key_problem(api_key: str, *, host: str) -> str | None:
    """Ask ``GET /v3/scopes`` what the key may do. Why it cannot mail, as a sentence; None when it can."""
    with requests.Session() as session:
        session.trust_env = False
        try:
            answer = session.get(
                f"{host.rstrip('/')}/v3/scopes",
                headers={"Authorization": f"Bearer {api_key}"},
                timeout=CONNECT_TIMEOUT,
                allow_redirects=False,
            )
            scopes = answer.json().get("scopes", ()) if answer.status_code == 200 else ()
        except (requests.RequestException, ValueError, AttributeError) as error:
            return f"SendGrid gave no answer that makes sense ({type(error).__name__})."
    if answer.status_code in (401, 403):
        return f"SendGrid refuses SENDGRID_API_KEY ({answer.status_code})."
    if answer.status_code != 200:
        return f"SendGrid did not say what SENDGRID_API_KEY may do ({answer.status_code})."
    return None if "mail.send" in scopes else "SENDGRID_API_KEY may not mail: it lacks the scope mail.send."


def root_cause(error: BaseException) -> BaseException:
    """Return the error at the bottom of a chain: ``requests`` wraps that of ``urllib3``, which wraps that of the socket."""
    seen = {id(error)}
    while (inner := error.__cause__ or error.__context__) is not None and id(inner) not in seen:
        seen.add(id(inner))
        error = inner
    return error
