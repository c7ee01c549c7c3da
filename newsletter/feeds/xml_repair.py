"""Make a feed's XML safe and, where it is slightly broken, well-formed. Pure.

Entity bombs are refused before anything is parsed. Slips that people would read over (a bare ampersand, an HTML entity, a control
character) are mended so that the strict parser can be used: feedparser's tolerant one takes minutes on hostile input.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from lxml import etree

from newsletter.feeds.xml_pruning import Excessive, pruned

MOST_EXPANDED = 200_000  # characters that the document's own entities may add up to
LONGEST_TAG = 40_000  # characters; libxml2 compares each attribute of a tag with all others
LONGEST_DOCTYPE = 100_000  # characters
MOST_AMPERSANDS = 100_000  # bare ones that are mended
MOST_PREFIXES = 40  # undeclared ones that are mended
_DECLARATION = re.compile(r"\A\s*<\?xml\b[^>]{0,300}\?>", re.IGNORECASE)
_ENTITY = re.compile(
    r"""<!ENTITY\s+(%\s+)?([^\s"'%<>]{1,100})\s+(?:"([^"]*)"|'([^']*)'|(SYSTEM|PUBLIC)\b)""", re.IGNORECASE
)
_REFERENCE = re.compile(r"&([A-Za-z_][\w.-]{0,60});")
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_BAD_NUMBER = re.compile(
    r"&#(?:0*(?:[0-8]|1[124-9]|2[0-9]|3[01])|x0*(?:[0-8bcef]|1[0-9a-f])|x0*d[89a-f]..|x0*fff[ef]);",
    re.IGNORECASE,
)
_BARE = re.compile(r"&(?!#\d{1,7};|#[xX][0-9a-fA-F]{1,6};|[A-Za-z_][\w.-]{0,60};)")
_OVERLONG_TAG = re.compile(rf"<[A-Za-z_][^<>]{{{LONGEST_TAG}}}")
_CLOSING = re.compile(r"</(?:[\w.-]+:)?(?:item|entry)\s*>")
# Names of ASCII letters only: what a feed calls its prefixes, and always a valid name.
_PREFIX = re.compile(
    r"<([A-Za-z][A-Za-z0-9_-]{0,40}):[A-Za-z_]|\s([A-Za-z][A-Za-z0-9_-]{0,40}):[A-Za-z_][\w.-]*\s*="
)
_XMLNS = re.compile(r"\sxmlns:([A-Za-z_][\w.-]*)\s*=")
_NAMESPACES = {
    "content": "http://purl.org/rss/1.0/modules/content/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "dcterms": "http://purl.org/dc/terms/",
    "media": "http://search.yahoo.com/mrss/",
    "atom": "http://www.w3.org/2005/Atom",
    "feedburner": "http://rssnamespace.org/feedburner/ext/1.0",
}
_XML_ENTITIES = {"amp", "lt", "gt", "quot", "apos"}
_ROOT = re.compile(r"<(?![?!])\s*([\w.:-]+)")
# Atomic: what a comment took is not given back, else each comment doubles the ways to fail.
_HTML_PAGE = re.compile(
    r"\A(?>\s|<\?xml[^>]*>|<!--.*?-->)*+<(?:!doctype\s+html|html|head|body|script)\b",
    re.IGNORECASE | re.DOTALL,
)


class Unsafe(ValueError):
    """The document must not be parsed, or is no XML. The message is the reason, one sentence."""


def prepare(text: str, *, most_entries: int) -> bytes:
    """UTF-8 bytes that a strict parser accepts. Raises :class:`Unsafe`."""
    if _HTML_PAGE.match(text[:20_000]):
        raise Unsafe("This is a web page, not a feed.")
    if not _ROOT.search(text[:100_000]):
        raise Unsafe("This is neither XML nor JSON.")
    if _OVERLONG_TAG.search(text):
        raise Unsafe("One of its tags is longer than any feed needs.")
    text = _mend(_DECLARATION.sub("", text, count=1).lstrip())
    text = _shorten(text, most_entries)
    try:
        for candidate in (text, _declared(text)):
            document = b'<?xml version="1.0" encoding="utf-8"?>\n' + candidate.encode("utf-8")
            if (kept := pruned(document)) is not None:
                return kept
        mended = _recovered(document)
        if mended is not None and (kept := pruned(mended)) is not None:
            return kept
    except Excessive as error:
        raise Unsafe(str(error)) from None
    raise Unsafe("It is broken XML.")


def _mend(text: str) -> str:
    """Resolve entities of HTML and of the document itself, take the DTD away, escape bare ampersands."""
    text = _BAD_NUMBER.sub("", _NOT_XML.sub("", text))
    own: dict[str, str] = {}
    start = text.find("<!DOCTYPE")
    root = _ROOT.search(text)
    if start >= 0 and (root is None or start < root.start()):
        end = _doctype_end(text, start)
        own = _own_entities(text[start:end])
        text = text[:start] + text[end:]
    elif re.search(r"<!(?:DOCTYPE|ENTITY)", text[: root.start()] if root else text, re.IGNORECASE):
        raise Unsafe("Its document type is declared in a way no feed needs.")
    added = 0

    def resolved(match: re.Match[str]) -> str:
        nonlocal added
        name = match[1]
        if name in _XML_ENTITIES:
            return match[0]
        if name in own:
            added += len(own[name])
            if added > MOST_EXPANDED:
                raise Unsafe("Its entities would blow it up: refused.")
            return own[name]
        character = html.unescape(match[0])
        return html.escape(character) if character != match[0] else f"&amp;{name};"

    left = MOST_AMPERSANDS

    def mended(piece: str) -> str:
        nonlocal left
        if "&" not in piece:
            return piece
        piece, found = _BARE.subn("&amp;", _REFERENCE.sub(resolved, piece))
        left -= found
        if left < 0:
            raise Unsafe("It has more bare ampersands than can be slips.")
        return piece

    return "".join(piece if is_cdata else mended(piece) for piece, is_cdata in _parts(text))


def _parts(text: str) -> Iterator[tuple[str, bool]]:
    """The text cut at its CDATA sections, and whether each part is one. Searched by hand: a pattern would look for the
    end of every section that has none."""
    place = 0
    while (start := text.find("<![CDATA[", place)) >= 0 and (end := text.find("]]>", start)) >= 0:
        yield text[place:start], False
        yield text[start : end + 3], True
        place = end + 3
    yield text[place:], False


def _doctype_end(text: str, start: int) -> int:
    """Where the document type ends: at the first ">" outside quotation marks, brackets and comments."""
    depth, place, limit = 0, start + 9, start + LONGEST_DOCTYPE
    token = re.compile(r"<!--|[\"'\[\]>]")
    while (found := token.search(text, place, limit)) is not None:
        place = found.end()
        if found[0] in ("<!--", '"', "'"):
            closing = "-->" if found[0] == "<!--" else found[0]
            closed = text.find(closing, place, limit)
            if closed < 0:
                break
            place = closed + len(closing)
        elif found[0] == "[":
            depth += 1
        elif found[0] == "]":
            depth -= 1
        elif depth <= 0:
            return place
    raise Unsafe("Its document type has no end.")


def _own_entities(doctype: str) -> dict[str, str]:
    """Entities that stand for plain characters; one that names another entity is how a bomb is built."""
    own: dict[str, str] = {}
    for parameter, name, double, single, outside in _ENTITY.findall(doctype):
        if outside or parameter:
            continue  # never fetched, never expanded
        value = double or single
        if _REFERENCE.search(value) or re.search(r"%[\w.-]+;", value):
            raise Unsafe("Its entities are nested: refused.")
        own.setdefault(name, html.escape(html.unescape(value)))
    return own


def _shorten(text: str, most_entries: int) -> str:
    """Leave out what follows the last Entry that we would keep: parsing 20,000 to keep 500 costs everybody else."""
    ends = [m.end() for m in _CLOSING.finditer(text)]
    return text[: ends[most_entries - 1]] + text[ends[-1] :] if len(ends) > most_entries else text


def _declared(text: str) -> str:
    """Declare namespace prefixes that the feed uses and forgot to declare, on its first element."""
    root = _ROOT.search(text)
    if root is None:
        return text
    own = set(_XMLNS.findall(text, root.start(), text.find(">", root.start()) + 1))
    used = {a or b for a, b in _PREFIX.findall(text)} - own - {"xml", "xmlns"}
    said = "".join(
        f' xmlns:{p}="{_NAMESPACES.get(p, f"urn:undeclared:{p}")}"' for p in sorted(used)[:MOST_PREFIXES]
    )
    return text[: root.end()] + said + text[root.end() :]


def _recovered(document: bytes) -> bytes | None:
    """What libxml2 makes of broken XML: what it understood, well-formed."""
    parser = etree.XMLParser(
        recover=True,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        strip_cdata=True,
    )
    try:
        tree = etree.fromstring(document, parser)
    except (etree.XMLSyntaxError, ValueError):
        return None
    if tree is None:
        return None
    mended: bytes = etree.tostring(tree, encoding="utf-8", xml_declaration=True)
    return mended
