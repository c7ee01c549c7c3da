"""Decompress documents up to a size limit and decode them to text, with wrong or missing declarations of encoding. Pure."""

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
# Without a byte order mark, the first character of XML ("<") or JSON ("{") shows how many bytes a character has.
_FIRST_CHARACTERS = (
    (b"<\x00\x00\x00", "utf-32-le"),
    (b"\x00\x00\x00<", "utf-32-be"),
    (b"<\x00", "utf-16-le"),
    (b"\x00<", "utf-16-be"),
    (b"{\x00", "utf-16-le"),
    (b"\x00{", "utf-16-be"),
)
_DECLARED = re.compile(rb"""\A\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w.:-]{1,40})["']""")
_CHARSET = re.compile(r"""charset\s*=\s*["']?([\w.:-]{1,40})""", re.IGNORECASE)
_READ_AS_WESTERN = {
    "iso-8859-1": "cp1252",
    "latin-1": "cp1252",
    "latin1": "cp1252",
    "us-ascii": "cp1252",
    "ascii": "cp1252",
}
# Encodings that use only ASCII bytes, so that their texts are valid UTF-8 as well.
_SEVEN_BIT = {"iso2022_jp", "iso2022_kr", "hz", "iso2022_jp_1", "iso2022_jp_2"}
# Python's codecs that are no encodings of documents.
_NO_DOCUMENT_CODECS = {
    "utf-7",
    "idna",
    "punycode",
    "unicode_escape",
    "raw_unicode_escape",
    "mbcs",
    "oem",
    "undefined",
}


class TooLarge(ValueError):
    """The decompressed document is larger than the cap."""


class Damaged(ValueError):
    """The compressed bytes cannot be decompressed."""


class Inflater:
    """Decompresses gzip or deflate chunk by chunk and never holds much more than ``cap`` bytes. Plain bytes pass through.

    Bytes that are not gzip pass through even when the server declares gzip.
    """

    def __init__(self, coding: str, cap: int) -> None:
        self._coding = coding
        self._cap = cap
        self._out = bytearray()
        self._engine: zlib._Decompress | None = None
        self._begun = False
        self._head = b""

    def feed(self, chunk: bytes) -> None:
        """Take the next chunk. Raises :class:`TooLarge` as soon as the cap is passed, and :class:`Damaged`."""
        if not self._begun:
            self._head += chunk
            if len(self._head) < 2:
                return
            chunk, self._head = self._head, b""
            self._begin(chunk)
        if self._engine is None:
            self._out += chunk
        else:
            self._inflate(chunk)
        if len(self._out) > self._cap:
            raise TooLarge

    def finish(self) -> bytes:
        """Return the whole document. Raises :class:`Damaged` when the compressed bytes end too early."""
        self._out += self._head
        if self._engine is not None and not self._engine.eof:
            raise Damaged
        return bytes(self._out)

    def _begin(self, chunk: bytes) -> None:
        self._begun = True
        if self._coding == "gzip" and chunk.startswith(GZIP):
            self._engine = zlib.decompressobj(16 + zlib.MAX_WBITS)
        elif self._coding == "deflate":
            wrapped = chunk[0] & 0x0F == 8 and int.from_bytes(chunk[:2], "big") % 31 == 0
            self._engine = zlib.decompressobj(zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS)

    def _inflate(self, chunk: bytes) -> None:
        assert self._engine is not None
        while chunk:
            if self._engine.eof:  # gzip files may hold several members, or zeros as padding
                chunk = chunk.lstrip(b"\x00")
                if not chunk.startswith(GZIP) or self._coding != "gzip":
                    return
                self._engine = zlib.decompressobj(16 + zlib.MAX_WBITS)
            try:
                self._out += self._engine.decompress(chunk, self._cap + 1 - len(self._out))
            except zlib.error:
                raise Damaged from None
            if len(self._out) > self._cap:
                raise TooLarge
            chunk = self._engine.unconsumed_tail or self._engine.unused_data


def gunzip(body: bytes, cap: int) -> bytes:
    """Decompress a gzip file to at most ``cap`` bytes. Raises :class:`TooLarge` or :class:`Damaged`."""
    inflater = Inflater("gzip", cap)
    inflater.feed(body)
    return inflater.finish()


def to_text(body: bytes, content_type: str = "") -> str:
    """Decode a document. Never raises: bytes that are invalid in every encoding tried are read as Windows-1252.

    Tried in this order: the byte order mark; the width of the first character; UTF-8, when the whole document is valid (a
    wrong declaration is far more common than text that is valid UTF-8 by accident); the document's declaration; the
    server's, from ``content_type``.
    """
    for mark, name in _BOMS:
        if body.startswith(mark):
            return body[len(mark) :].decode(name, errors="replace")
    for start, name in _FIRST_CHARACTERS:
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
    candidates: tuple[str | None, ...] = ("utf-8", *names)
    for candidate in candidates:
        if candidate is not None and not candidate.startswith(("utf-16", "utf-32", "utf_16", "utf_32")):
            try:
                return body.decode(candidate)
            except UnicodeDecodeError:
                continue
    return body.decode("utf-8", errors="newsletter.western")


def _known(name: str) -> str | None:
    name = _READ_AS_WESTERN.get(name.lower(), name)
    try:
        found = codecs.lookup(name)
    except LookupError:
        return None
    if found.name in _NO_DOCUMENT_CODECS or not found._is_text_encoding:
        return None
    return found.name


def _western(error: UnicodeError) -> tuple[str, int]:
    """Decode an invalid byte in UTF-8 as Windows-1252: mostly it is a pasted quotation mark or dash."""
    assert isinstance(error, UnicodeDecodeError)
    bad = error.object[error.start : error.end]
    return bad.decode("cp1252", errors="replace"), error.end


codecs.register_error("newsletter.western", _western)
