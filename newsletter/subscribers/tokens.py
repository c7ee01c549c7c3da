"""Signed links: what a mailed or printed address may do, for whom, and how long. Pure; the moment comes from a Clock."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import timedelta
from json import JSONEncoder

from itsdangerous import BadData, SignatureExpired, TimestampSigner, URLSafeTimedSerializer
from itsdangerous.encoding import base64_encode, int_to_bytes

from newsletter.clock import Clock, system

CONFIRM = "confirm"
UNSUBSCRIBE = "unsubscribe"
SIGNIN = "signin"
DESK = "desk"
CHECKOUT = "checkout"
METER = "meter"  # no link: what the cookie of a reader who is not signed in holds

# How long each link lives; None: for ever. A purpose that is not here has no links.
LIVES: dict[str, timedelta | None] = {
    CONFIRM: timedelta(days=7),
    UNSUBSCRIBE: None,
    SIGNIN: timedelta(minutes=30),
    DESK: timedelta(minutes=15),
    CHECKOUT: timedelta(days=14),
    METER: timedelta(days=366),
}
# A link may come from a clock that was ahead: another machine's by seconds, or our own before it was set right. Only we sign.
AHEAD = timedelta(days=1, hours=1)
_LONGEST = 500  # characters; ours have about 90


class TokenError(ValueError):
    """The token was not made by us for this purpose, or not recently enough."""


class ForgedToken(TokenError):
    """Not ours, cut off in the mail, or made for another purpose."""


class GoneToken(TokenError):
    """Ours, but whom it was made for was erased since."""


class ExpiredToken(TokenError):
    """Ours, for this purpose, and too old. ``subject`` is what it was made for."""

    def __init__(self, subject: str) -> None:
        super().__init__("this link is too old")
        self.subject = subject


class Tokens:
    """Makes and reads signed tokens. A token for one purpose is worthless for another.

    ``secret_key`` may be several keys, oldest first: the last one signs. The earlier ones are believed of unsubscribe links only:
    one of them may have been stolen, and must sign nobody in.
    """

    def __init__(self, secret_key: str | Sequence[str], *, clock: Clock = system) -> None:
        self._keys = [secret_key] if isinstance(secret_key, str) else list(secret_key)
        self._clock = clock
        self._signer = _signer_on(clock)
        self._serializers = {purpose: self._serializer(purpose) for purpose in LIVES}
        newest = self._keys[-1].encode()
        self._signing = {purpose: hmac.digest(newest, _salt(purpose).encode(), "sha256") for purpose in LIVES}

    def _serializer(self, purpose: str) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(
            self._keys if purpose == UNSUBSCRIBE else self._keys[-1:],
            salt=_salt(purpose),
            signer=self._signer,
            signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
        )

    def make(self, purpose: str, subject: str) -> str:
        """A token that says ``subject`` to :meth:`read` with the same purpose.

        The library's own format, written here in a tenth of its time: a morning makes a million of them. :meth:`read`
        leaves all reading and believing to the library.
        """
        made_at = int_to_bytes(int(self._clock().timestamp()))
        said = base64_encode(_JSON.encode(subject)) + b"." + base64_encode(made_at)
        signature = hmac.digest(self._signing[purpose], said, "sha256")
        return (said + b"." + base64_encode(signature)).decode()

    def read(self, purpose: str, token: str, *, max_age: timedelta | None = None) -> str:
        """The subject. ``max_age`` shortens the purpose's own life. Raises :class:`TokenError`."""
        serializer = self._serializers[purpose]
        life = max_age if max_age is not None else LIVES[purpose]
        if len(token) > _LONGEST:
            raise ForgedToken("this link is not ours")
        try:
            subject = serializer.loads(token, max_age=None if life is None else int(life.total_seconds()))
        except SignatureExpired as error:
            # The signature was good: what it said may be believed, only not acted upon.
            subject = serializer.load_payload(error.payload or b'""')
            made_at = error.date_signed
            if made_at is None or not timedelta() < made_at - self._clock() <= AHEAD:
                raise ExpiredToken(str(subject)) from None
        except (BadData, ValueError, UnicodeError):
            raise ForgedToken("this link is not ours") from None
        if not isinstance(subject, str):
            raise ForgedToken("this link is not ours")
        return subject


def subject_of(number: int, address_hash: str) -> str:
    """Names one Subscriber and the address they had: a number given anew after an erasure does not fit it."""
    return f"{number}.{address_hash[:16]}"


def number_in(subject: str) -> tuple[int, str]:
    """The number and the beginning of the address hash in :func:`subject_of`'s form. Raises ForgedToken."""
    number, _, beginning = subject.partition(".")
    if not number.isascii() or not number.isdigit() or len(number) > 18 or len(beginning) != 16:
        raise ForgedToken("this link is not ours")
    return int(number), beginning


def fresh_secret() -> str:
    """43 characters nobody can guess, for a cookie or a single-use link."""
    return secrets.token_urlsafe(32)


def fingerprint(secret: str) -> str:
    """What we keep of a secret: SHA-256 in hex. No key is needed, for the secret is 256 random or signed bits."""
    return hashlib.sha256(secret.encode()).hexdigest()


_JSON = JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def _salt(purpose: str) -> str:
    return f"newsletter {purpose} link, 1"


def _signer_on(clock: Clock) -> type[TimestampSigner]:
    class Clocked(TimestampSigner):
        def get_timestamp(self) -> int:
            return int(clock().timestamp())

    return Clocked
