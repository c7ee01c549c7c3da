"""Bytes to text: unpacking that cannot be blown up, and encodings as they really occur. Pure."""

from __future__ import annotations

import codecs
import re
import zlib

GZIP = b"\x1f\x8b"
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Without a byte order mark, the first character of XML or JSON still tells how wide the characters are.
_WIDE = (
    (b"<\x00\x00\x00", "utf-32-le"),
    (b"\x00\x00\x00<", "utf-32-be"),
    (b"<\x00", "utf-16-le"),
    (b"\x00<", "utf-16-be"),
    (b"{\x00", "utf-16-le"),
    (b"\x00{", "utf-16-be"),
)
_DECLARED = re.compile(rb"""\A\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w.:-]{1,40})["']""")
_CHARSET = re.compile(r"""charset\s*=\s*["']?([\w.:-]{1,40})""", re.IGNORECASE)
_WESTERN = {
    "iso-8859-1": "cp1252",
    "latin-1": "cp1252",
    "latin1": "cp1252",
    "us-ascii": "cp1252",
    "ascii": "cp1252",
}
# Encodings in which every byte may look like ASCII, so that they would pass as UTF-8.
_SEVEN_BIT = {"iso2022_jp", "iso2022_kr", "hz", "iso2022_jp_1", "iso2022_jp_2"}
# Codecs that Python knows but that are no encodings of a document.
_NEVER = {"utf-7", "idna", "punycode", "unicode_escape", "raw_unicode_escape", "mbcs", "oem", "undefined"}


class TooLarge(ValueError):
    """More than the cap came out."""


class Damaged(ValueError):
    """The packed bytes cannot be unpacked."""


class Inflater:
    """Unpack gzip or deflate piece by piece, never holding more than ``cap`` bytes. Plain bytes pass through.

    A server that claims gzip but sends plain bytes is believed by its bytes, not by its words.
    """

    def __init__(self, coding: str, cap: int) -> None:
        self._coding = coding
        self._cap = cap
        self._out = bytearray()
        self._engine: zlib._Decompress | None = None
        self._begun = False
        self._head = b""

    def feed(self, piece: bytes) -> None:
        """Take the next piece. Raises :class:`TooLarge` as soon as the cap is passed, :class:`Damaged`."""
        if not self._begun:
            self._head += piece
            if len(self._head) < 2:
                return
            piece, self._head = self._head, b""
            self._begin(piece)
        if self._engine is None:
            self._out += piece
        else:
            self._inflate(piece)
        if len(self._out) > self._cap:
            raise TooLarge

    def finish(self) -> bytes:
        """All that came out. Raises :class:`Damaged` when the packed bytes stop half-way."""
        self._out += self._head
        if self._engine is not None and not self._engine.eof:
            raise Damaged
        return bytes(self._out)

    def _begin(self, piece: bytes) -> None:
        self._begun = True
        if self._coding == "gzip" and piece.startswith(GZIP):
            self._engine = zlib.decompressobj(16 + zlib.MAX_WBITS)
        elif self._coding == "deflate":
            wrapped = piece[0] & 0x0F == 8 and int.from_bytes(piece[:2], "big") % 31 == 0
            self._engine = zlib.decompressobj(zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS)

    def _inflate(self, piece: bytes) -> None:
        assert self._engine is not None
        while piece:
            if self._engine.eof:  # gzip files may hold several members, or zeros as padding
                piece = piece.lstrip(b"\x00")
                if not piece.startswith(GZIP) or self._coding != "gzip":
                    return
                self._engine = zlib.decompressobj(16 + zlib.MAX_WBITS)
            try:
                self._out += self._engine.decompress(piece, self._cap + 1 - len(self._out))
            except zlib.error:
                raise Damaged from None
            if len(self._out) > self._cap:
                raise TooLarge
            piece = self._engine.unconsumed_tail or self._engine.unused_data


def gunzip(body: bytes, cap: int) -> bytes:
    """Unpack a gzip file. Raises :class:`TooLarge` or :class:`Damaged`."""
    inflater = Inflater("gzip", cap)
    inflater.feed(body)
    return inflater.finish()


def to_text(body: bytes, content_type: str = "") -> str:
    """Decode a document. Never fails: bytes that fit nowhere are read as Windows-1252, as browsers do.

    Order: byte order mark; the width of the first character; UTF-8 when all of it is valid (a wrong declaration
    is far more common than text that is valid UTF-8 by accident); the document's declaration; the server's.
    """
    for mark, name in _BOMS:
        if body.startswith(mark):
            return body[len(mark) :].decode(name, errors="replace")
    for start, name in _WIDE:
        if body.startswith(start):
            return body.decode(name, errors="replace")
    declared = _DECLARED.match(body[:400])
    said = _CHARSET.search(content_type)
    names = [
        _known(declared[1].decode("ascii", "replace")) if declared else None,
        _known(said[1]) if said else None,
    ]
    if names[0] in _SEVEN_BIT or (names[0] is None and names[1] in _SEVEN_BIT):
        return body.decode(names[0] or names[1] or "utf-8", errors="replace")
    tries: tuple[str | None, ...] = ("utf-8", *names)
    for tried in tries:
        if tried is not None and not tried.startswith(("utf-16", "utf-32", "utf_16", "utf_32")):
            try:
                return body.decode(tried)
            except UnicodeDecodeError:
                continue
    return body.decode("utf-8", errors="newsletter.western")


def _known(name: str) -> str | None:
    name = _WESTERN.get(name.lower(), name)
    try:
        found = codecs.lookup(name)
    except LookupError:
        return None
    if found.name in _NEVER or not found._is_text_encoding:
        return None
    return found.name


def _western(error: UnicodeError) -> tuple[str, int]:
    """A stray byte in UTF-8 is mostly a pasted Windows-1252 quotation mark or dash."""
    assert isinstance(error, UnicodeDecodeError)
    bad = error.object[error.start : error.end]
    return bad.decode("cp1252", errors="replace"), error.end


codecs.register_error("newsletter.western", _western)
