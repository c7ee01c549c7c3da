"""Signed tokens in links and cookies, each for one purpose, one subject and a limited time. Pure; time comes from a Clock."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from json import JSONEncoder

from itsdangerous import BadData, SignatureExpired, TimestampSigner, URLSafeTimedSerializer
from itsdangerous.encoding import base64_encode, int_to_bytes

from newsletter.clock import Clock, system

CONFIRM = "confirm"
UNSUBSCRIBE = "unsubscribe"
SIGNIN = "signin"
DESK = "desk"
CHECKOUT = "checkout"
READING = "reading"  # the pass in the links of a mail to its Stories: opens them as this reader, and signs nobody in
METER = "meter"  # in the cookie of a reader who is not signed in

# How long a token of each purpose is accepted; None: without end.
MAX_AGE: dict[str, timedelta | None] = {
    CONFIRM: timedelta(days=7),
    UNSUBSCRIBE: None,
    SIGNIN: timedelta(minutes=30),
    DESK: timedelta(minutes=15),
    CHECKOUT: timedelta(days=14),
    READING: timedelta(days=60),
    METER: timedelta(days=366),
}
# How far in the future a token may have been signed: another machine's clock may be ahead, or ours was before it was corrected.
MAX_CLOCK_SKEW = timedelta(days=1, hours=1)
_MAX_LENGTH = 500  # characters; ours have about 90


class TokenError(ValueError):
    """The token was not signed by us for this purpose, or too long ago."""


class ForgedToken(TokenError):
    """The token is not ours, incomplete, or for another purpose."""


class GoneToken(TokenError):
    """The token is ours, and its reader was erased since."""


class ExpiredToken(TokenError):
    """The token is ours and for this purpose, but too old. ``subject`` is its subject."""

    def __init__(self, subject: str) -> None:
        super().__init__("this link is too old")
        self.subject = subject


class Tokens:
    """Makes and reads signed tokens. A token for one purpose is refused for another.

    ``secret_key`` may be several keys, oldest first: the last one signs. The earlier ones are accepted in unsubscribe links only,
    because one of them may have been stolen and must sign nobody in.
    """

    def __init__(self, secret_key: str | Sequence[str], *, clock: Clock = system) -> None:
        self._keys = [secret_key] if isinstance(secret_key, str) else list(secret_key)
        self._clock = clock
        self._signer = _signer_on(clock)
        self._serializers = {purpose: self._serializer(purpose) for purpose in MAX_AGE}
        newest = self._keys[-1].encode()
        self._signing = {
            purpose: hmac.digest(newest, _salt(purpose).encode(), "sha256") for purpose in MAX_AGE
        }

    def _serializer(self, purpose: str) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(
            self._keys if purpose == UNSUBSCRIBE else self._keys[-1:],
            salt=_salt(purpose),
            signer=self._signer,
            signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
        )

    def make(self, purpose: str, subject: str) -> str:
        """A token of which :meth:`read` returns ``subject`` for the same purpose.

        It is in the format of itsdangerous, written here in a tenth of that library's time, because one Issue needs a million of
        them. :meth:`read` leaves all parsing and verifying to the library.
        """
        made_at = int_to_bytes(int(self._clock().timestamp()))
        signed = base64_encode(_JSON.encode(subject)) + b"." + base64_encode(made_at)
        signature = hmac.digest(self._signing[purpose], signed, "sha256")
        return (signed + b"." + base64_encode(signature)).decode()

    def read(self, purpose: str, token: str, *, max_age: timedelta | None = None) -> str:
        """The subject of a token. ``max_age`` replaces the purpose's :data:`MAX_AGE`. Raises :class:`TokenError`."""
        serializer = self._serializers[purpose]
        limit = max_age if max_age is not None else MAX_AGE[purpose]
        if len(token) > _MAX_LENGTH:
            raise ForgedToken("this link is not ours")
        try:
            subject = serializer.loads(token, max_age=None if limit is None else int(limit.total_seconds()))
        except SignatureExpired as error:
            # The signature is valid: the subject may be trusted, but not acted upon.
            subject = serializer.load_payload(error.payload or b'""')
            made_at = error.date_signed
            if made_at is None or not timedelta() < made_at - self._clock() <= MAX_CLOCK_SKEW:
                raise ExpiredToken(str(subject)) from None
        except (BadData, ValueError, UnicodeError):
            raise ForgedToken("this link is not ours") from None
        if not isinstance(subject, str):
            raise ForgedToken("this link is not ours")
        return subject

    def made_at(self, purpose: str, token: str) -> datetime:
        """When a token that :meth:`read` accepts was made, to the second. Raises :class:`ForgedToken`."""
        try:
            made_at: datetime = self._serializers[purpose].loads(token, return_timestamp=True)[1]
        except BadData:
            raise ForgedToken("this link is not ours") from None
        return made_at


def subject_of(number: int, address_hash: str) -> str:
    """The subject that names one Subscriber: their id and the beginning of their address hash, so that no other row fits it."""
    return f"{number}.{address_hash[:16]}"


def number_in(subject: str) -> tuple[int, str]:
    """The id and the beginning of the address hash in a subject made by :func:`subject_of`. Raises :class:`ForgedToken`."""
    number, _, beginning = subject.partition(".")
    if not number.isascii() or not number.isdigit() or len(number) > 18 or len(beginning) != 16:
        raise ForgedToken("this link is not ours")
    return int(number), beginning


def fresh_secret() -> str:
    """A random text of 43 characters (256 bits), for a cookie or a link that works once."""
    return secrets.token_urlsafe(32)


def fingerprint(secret: str) -> str:
    """The hash under which a secret is stored: SHA-256 in hex. It needs no key, because the secret is 256 random or signed bits."""
    return hashlib.sha256(secret.encode()).hexdigest()


_JSON = JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def _salt(purpose: str) -> str:
    return f"newsletter {purpose} link, 1"


def _signer_on(clock: Clock) -> type[TimestampSigner]:
    class Clocked(TimestampSigner):
        def get_timestamp(self) -> int:
            return int(clock().timestamp())

    return Clocked
