"""The header lines of our mail, and the finished bytes of one Message. Pure.

Header lines come from Python's ``email`` package (RFC 2047 for subjects, one line each: a folded List-Unsubscribe is
read as garbage by mailbox providers). The two bodies are written as quoted-printable pieces cut at their Slots, and
the pieces that all readers share are encoded once: a Rendition is encoded once, and for each reader only the Slots.
"""

from __future__ import annotations

import hashlib
import re
from binascii import b2a_qp
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email import policy
from email.errors import HeaderParseError
from email.header import Header
from email.headerregistry import Address
from email.utils import format_datetime, parseaddr
from functools import lru_cache
from html import escape
from typing import Any
from urllib.parse import urlsplit

from newsletter.delivery.mail import slots
from newsletter.delivery.mail.messages import Message
from newsletter.errors import NewsletterError
from newsletter.links import Links
from newsletter.settings import Settings

# RFC 5322 allows 998 characters a line; the default of 78 would fold a long address into encoded words.
ONE_LINE = policy.SMTP.clone(max_line_length=998)
CRLF = "\r\n"
LONGEST_VALUE = 900  # characters; leaves room for the longest header name
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_PLAIN_ADDRESS = re.compile(rf"({_ATOM}(?:\.{_ATOM})*)@([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)", re.ASCII)
_DISCLOSED = re.compile(r'<meta(?=[^<>]* name="ai-disclosure")[^<>]* content="([a-z=-]+)"')
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,76}")


class HeaderError(NewsletterError):
    """A header line or an address that must not be sent. The sentence never contains the address."""


def issue_headers(
    *,
    reference: str,
    issued_on: date,
    rendition: str,
    unsubscribe_url: str,
    settings: Settings,
    links: Links,
    unsubscribe_mail: str = "",
    disclosure: str = "",
) -> dict[str, str]:
    """Header lines of an Issue for one reader.

    ``reference`` is "delivery:17"; ``unsubscribe_mail`` an optional address that also unsubscribes; ``disclosure`` says for
    machines that a model wrote some of it (see :func:`disclosed`). Mailbox providers
    act on List-Unsubscribe-Post (RFC 8058) only over https and when the mail is signed (DKIM).
    """
    ways = [f"<{unsubscribe_url}>"]
    if unsubscribe_mail:
        ways.append(f"<mailto:{unsubscribe_mail}?subject=unsubscribe>")
    return {
        "Message-ID": message_id(reference, links),
        "List-Unsubscribe": ", ".join(ways),
        **_shared_headers(issued_on, rendition, settings.SITE_NAME, links),
        **({"AI-Disclosure": disclosure} if disclosure else {}),
    }


def disclosed(html: str, *, reviewed: bool) -> str:
    """Return the disclosure for machines in a mail's HTML that a model wrote some of it, and whether an editor ``reviewed`` it; empty
    without a model."""
    found = _DISCLOSED.search(html)
    return f'{found[1]}, reviewed-by="editor"' if found and reviewed else found[1] if found else ""


@lru_cache(maxsize=16)
def _shared_headers(issued_on: date, rendition: str, site_name: str, links: Links) -> Mapping[str, str]:
    """Return the header lines that all readers of a Rendition share."""
    return {
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "List-Id": f"<daily.{site_host(links)}>",
        # campaign : customer : mail type : sender; Gmail's postmaster pages count complaints by these.
        "Feedback-ID": f"{issued_on:%Y%m%d}:{rendition}:issue:{_plain(site_name)}",
    }


def notice_headers(
    *, reference: str, kind: str, settings: Settings, links: Links, unsubscribe_url: str = ""
) -> dict[str, str]:
    """Header lines of a Notice: machine-made (RFC 3834), so that no auto-reply answers it."""
    headers = {
        "Message-ID": message_id(reference, links),
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",  # the same for Exchange
        "Feedback-ID": f"{_plain(kind)}:notice:notice:{_plain(settings.SITE_NAME)}",
    }
    if unsubscribe_url:
        headers["List-Unsubscribe"] = f"<{unsubscribe_url}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return headers


def message_id(reference: str, links: Links) -> str:
    """Return the Message-ID of a reference, always the same one, so that a mailbox can merge a mail that came twice."""
    return f"<{_plain(reference.replace(':', '.'))}@{site_host(links)}>"


@lru_cache(maxsize=16)
def site_host(links: Links) -> str:
    """Return the host of ``SITE_URL`` in a form that is valid after an @."""
    host = (urlsplit(links.site_url).hostname or "localhost").strip("[]").replace(":", "-")
    return _ascii_domain(host)


def mime(message: Message, *, sender: str, date: datetime) -> bytes:
    """Return the ``.eml`` bytes: multipart/alternative, text first, UTF-8, CRLF. ``sender`` is used when the Message has none.

    Raises :class:`HeaderError` for an address or header line that is refused, SlotError for a wrong Slot.
    """
    template, values = message.template, message.slots
    head = [
        _from(message.sender or sender),
        _to(message.to),
        _subject(slots.fill(template.subject, values, html=False)),
        _date(date.replace(microsecond=0)),
    ]
    for name, value in message.headers.items():
        if not _NAME.fullmatch(name) or name.lower() in _OURS:
            raise HeaderError(f"The header name {name!r} is refused.")
        head.append(_plain_line(name, _one_line(name, value)))
    head.append(b"MIME-Version: 1.0\r\n")
    # "=_" cannot occur in quoted-printable, so no body can contain the boundary.
    boundary = (
        "=_" + hashlib.sha256(f"{message.reference}\n{template.content_hash}".encode()).hexdigest()[:32]
    )
    head.append(f'Content-Type: multipart/alternative; boundary="{boundary}"\r\n'.encode())
    rule = f"--{boundary}".encode()
    return b"\r\n".join(
        (
            b"".join(head),
            rule,
            _PART % b"plain",
            _assembled(template.text, html=False).filled(values),
            rule,
            _PART % b"html",
            _assembled(template.html, html=True).filled(values),
            rule + b"--",
            b"",
        )
    )


_OURS = frozenset({"from", "to", "cc", "bcc", "subject", "date", "mime-version", "content-type", "sender"})
_PART = b'Content-Type: text/%s; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n'
_SOFT_BREAK = b"=\r\n"
QUOTED_LINE = 76  # characters


@dataclass(frozen=True)
class Assembled:
    """One encoded body, split at its Slots: elements with an even index are shared bytes, the others name a Slot.

    Each element but the last ends with room for a soft break, since each starts on a new line.
    """

    pieces: tuple[bytes | str, ...]
    text: str
    html: bool

    def filled(self, values: Mapping[str, str]) -> bytes:
        """Return the body for one reader. Raises SlotError as :func:`slots.fill` does."""
        slots.require(values, self.text)
        filled: dict[str, bytes] = {}  # a reader's pass stands in a Slot of many links
        for name in {piece for piece in self.pieces if isinstance(piece, str)}:
            value = slots.one_line(name, values[name])
            filled[name] = _with_room(_quoted(escape(value) if self.html else value))
        # The soft break before each piece is not part of the text.
        return _SOFT_BREAK.join(
            [piece if isinstance(piece, bytes) else filled[piece] for piece in self.pieces]
        )


@lru_cache(maxsize=64)
def _assembled(text: str, *, html: bool) -> Assembled:
    cut = slots.cut(text.replace("\r\n", "\n"))
    shared = [_quoted(p) for p in cut[::2]]
    shared = [*(_with_room(p) for p in shared[:-1]), shared[-1]]
    pieces = tuple(p if n % 2 else shared[n // 2] for n, p in enumerate(cut))
    return Assembled(pieces, text, html)


def _quoted(text: str) -> bytes:
    """Quoted-printable with CRLF line ends (RFC 2045)."""
    lines = b2a_qp(text.encode(), istext=True).replace(b"\r\n", b"\n").split(b"\n")
    # The library writes a line of 77 when it ends in white space.
    return b"\r\n".join(_broken(line, QUOTED_LINE) for line in lines)


def _with_room(piece: bytes) -> bytes:
    """``piece`` with its last line short enough to take the "=" of a soft break."""
    start = piece.rfind(b"\n") + 1
    return piece[:start] + _broken(piece[start:], QUOTED_LINE - 1)


def _broken(line: bytes, longest: int) -> bytes:
    """``line`` in two, by a soft break, when it is longer than ``longest``."""
    if len(line) <= longest:
        return line
    at = len(line) // 2
    if (sign := line.rfind(b"=", at - 2, at)) >= 0:
        at = sign  # not in the middle of "=3D"
    return line[:at] + _SOFT_BREAK + line[at:]


def _line(name: str, value: str | Address, how: policy.EmailPolicy[Any]) -> bytes:
    """Return one header line with its CRLF, folded as the policy ``how`` allows."""
    return how.fold_binary(name, how.header_factory(name, value))


def _plain_line(name: str, value: str) -> bytes:
    """Return the same for plain ASCII, which nearly all our lines are. The library would return the same line, more slowly."""
    plain = _PLAIN_ID if name == "Message-ID" else _PLAIN_VALUE
    if name in _PLAIN_NAMES and plain.fullmatch(value) and len(value) < LONGEST_VALUE:
        return f"{name}: {value}{CRLF}".encode()
    return _line(name, value, ONE_LINE)


# The library parses only the value of a Message-ID.
_PLAIN_ID = re.compile(r"<[a-z0-9]+(?:\.[a-z0-9]+)*@[a-z0-9-]+(?:\.[a-z0-9-]+)*>")
_PLAIN_NAMES = frozenset(
    {"Message-ID", "List-Unsubscribe", "List-Unsubscribe-Post", "List-Id", "Feedback-ID", "AI-Disclosure"}
)
_PLAIN_VALUE = re.compile(r"(?!.*=\?)[!-~](?:[!-~]| (?=[!-~]))*")  # no "=?", single blanks, none at the ends


@lru_cache(maxsize=8)
def _from(sender: str) -> bytes:
    return _line("From", _mailbox(sender, "sender"), policy.SMTP)


def _to(address: str) -> bytes:
    if _PLAIN_ADDRESS.fullmatch(address) and len(address) < QUOTED_LINE - len("To: "):
        return f"To: {envelope_address(address)}{CRLF}".encode()
    return _line("To", _mailbox(address, "address"), policy.SMTP)


@lru_cache(maxsize=8)
def _date(moment: datetime) -> bytes:
    return _line("Date", format_datetime(moment.astimezone(UTC)), ONE_LINE)


@lru_cache(maxsize=64)
def _subject(text: str) -> bytes:
    """Return the Subject line, folded. What is not plain ASCII is written as encoded words of at most 75 characters
    (RFC 2047; the newer policies of the library write longer ones), and so is a feed's own "=?", which would be
    read as one."""
    plain = _one_line("Subject", text).isascii() and "=?" not in text and max(map(len, text.split(" "))) < 60
    header = Header(text, "us-ascii" if plain else "utf-8", maxlinelen=76, header_name="Subject")
    return f"Subject: {header.encode(linesep=CRLF)}{CRLF}".encode()


def _one_line(name: str, value: str) -> str:
    if _CONTROL.search(value):
        raise HeaderError(f"The header {name} holds a line break or control character and is refused.")
    if len(value) > LONGEST_VALUE:
        raise HeaderError(f"The header {name} is longer than {LONGEST_VALUE} characters and is refused.")
    if name != "Subject" and not value.isascii():
        raise HeaderError(f"The header {name} must be plain ASCII.")
    return value


def _mailbox(text: str, what: str) -> Address:
    """Read ``Name <address>`` or an address alone. An international domain becomes its ASCII form; an international
    local part needs SMTPUTF8, which not every relay on the way has, and is refused."""
    if _CONTROL.search(text):
        raise HeaderError(f"The {what} holds a line break or control character and is refused.")
    name, spec = parseaddr(text)
    local, at, domain = spec.rpartition("@")
    # The library repairs what it can; a repaired address is not the one that was confirmed.
    whole = text.strip() == spec or text.rstrip().endswith(f"<{spec}>")
    if not (at and local and domain and whole):
        raise HeaderError(f"The {what} is not an email address.")
    if not local.isascii():
        raise HeaderError(f"The {what} has letters before the @ that most mail servers cannot carry.")
    try:
        return Address(display_name=name.replace("=?", "= ?"), addr_spec=f"{local}@{_ascii_domain(domain)}")
    except (HeaderParseError, ValueError, IndexError):
        raise HeaderError(f"The {what} is not an email address.") from None


def envelope_address(text: str) -> str:
    """Return the bare address of ``Name <address>`` for an SMTP envelope or an API. Raises :class:`HeaderError`."""
    if (plain := _PLAIN_ADDRESS.fullmatch(text)) and "=?" not in text:
        # True of nearly every address. The library returns the same, and takes a hundred times as long.
        return f"{plain[1]}@{_ascii_domain(plain[2])}"
    return _mailbox(text, "address").addr_spec


@lru_cache(maxsize=4096)  # readers share a few domains, and the codec is slow
def _ascii_domain(domain: str) -> str:
    try:
        return domain.encode("idna").decode().lower()
    except UnicodeError:
        raise HeaderError("The part after the @ is not a domain name.") from None


def _plain(text: str) -> str:
    """Return the text with only letters, digits, dots and hyphens, which are safe in an identifier of a header."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-.").lower() or "x"
