"""Make a feed's XML safe and, where it has small errors, well-formed. Pure.

Entity bombs are refused before anything is parsed. Common errors (a bare ampersand, an HTML entity, a control character) are
repaired, so that feedparser can use its strict parser: its tolerant one takes minutes on hostile input.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from lxml import etree

from newsletter.feeds.xml_pruning import Excessive, pruned

MOST_EXPANDED = 200_000  # characters in all that the document's own entities may expand to
LONGEST_TAG = 40_000  # characters; libxml2 compares each attribute of a tag with all others
LONGEST_DOCTYPE = 100_000  # characters
MOST_AMPERSANDS = 100_000  # bare ampersands that are repaired
MOST_PREFIXES = 40  # undeclared namespace prefixes that are declared
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
_BARE_AMPERSAND = re.compile(r"&(?!#\d{1,7};|#[xX][0-9a-fA-F]{1,6};|[A-Za-z_][\w.-]{0,60};)")
_OVERLONG_TAG = re.compile(rf"<[A-Za-z_][^<>]{{{LONGEST_TAG}}}")
_CLOSING = re.compile(r"</(?:[\w.-]+:)?(?:item|entry)\s*>")
# Prefixes of ASCII letters only: feeds use no others, and they are always valid names.
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
WARNING_ENDS = 4_000  # characters within which a feed begins behind a server's warning
_FEED_START = re.compile(r"<\?xml\b|<(?:rss|feed|rdf:RDF)\b")
_ROOT = re.compile(r"<(?![?!])\s*([\w.:-]+)")
# Atomic groups prevent backtracking, which would take exponential time in the number of comments.
_HTML_PAGE = re.compile(
    r"\A(?>\s|<\?xml[^>]*>|<!--.*?-->)*+<(?:!doctype\s+html|html|head|body|script)\b",
    re.IGNORECASE | re.DOTALL,
)


class Unsafe(ValueError):
    """The document must not be parsed, or is not XML. The message is the reason, one sentence."""


def prepare(text: str, *, most_entries: int) -> bytes:
    """Return the document as UTF-8 bytes that a strict parser accepts, with at most ``most_entries`` Entries. Raises
    :class:`Unsafe`."""
    if _HTML_PAGE.match(text[:20_000]):
        raise Unsafe("This is a web page, not a feed.")
    text = _without_warning(text)
    if not _ROOT.search(text[:100_000]):
        raise Unsafe("This is neither XML nor JSON.")
    if _OVERLONG_TAG.search(text):
        raise Unsafe("One of its tags is longer than any feed needs.")
    text = _repair(_DECLARATION.sub("", text, count=1).lstrip())
    text = _limit_entries(text, most_entries)
    try:
        for candidate in (text, _declare_prefixes(text)):
            document = b'<?xml version="1.0" encoding="utf-8"?>\n' + candidate.encode("utf-8")
            if (result := pruned(document)) is not None:
                return result
        repaired = _recover(document)
        if repaired is not None and (result := pruned(repaired)) is not None:
            return result
    except Excessive as error:
        raise Unsafe(str(error)) from None
    raise Unsafe("It is broken XML.")


def _without_warning(text: str) -> str:
    """Return the text from where the feed begins: some servers print a warning of their own in front of it."""
    start = _FEED_START.search(text[:WARNING_ENDS])
    return text[start.start() :] if start and "<!" not in text[: start.start()] else text


def _repair(text: str) -> str:
    """Resolve entities of HTML and of the document itself, remove the DTD, and escape bare ampersands."""
    text = _BAD_NUMBER.sub("", _NOT_XML.sub("", text))
    entities: dict[str, str] = {}
    start = text.find("<!DOCTYPE")
    root = _ROOT.search(text)
    if start >= 0 and (root is None or start < root.start()):
        end = _doctype_end(text, start)
        entities = _own_entities(text[start:end])
        text = text[:start] + text[end:]
    elif re.search(r"<!(?:DOCTYPE|ENTITY)", text[: root.start()] if root else text, re.IGNORECASE):
        raise Unsafe("Its document type is declared in a way no feed needs.")
    expanded = 0

    def resolved(match: re.Match[str]) -> str:
        nonlocal expanded
        name = match[1]
        if name in _XML_ENTITIES:
            return match[0]
        if name in entities:
            expanded += len(entities[name])
            if expanded > MOST_EXPANDED:
                raise Unsafe("Its entities would blow it up: refused.")
            return entities[name]
        character = html.unescape(match[0])
        return html.escape(character) if character != match[0] else f"&amp;{name};"

    left = MOST_AMPERSANDS

    def repaired(piece: str) -> str:
        nonlocal left
        if "&" not in piece:
            return piece
        piece, found = _BARE_AMPERSAND.subn("&amp;", _REFERENCE.sub(resolved, piece))
        left -= found
        if left < 0:
            raise Unsafe("It has more bare ampersands than can be slips.")
        return piece

    return "".join(piece if is_cdata else repaired(piece) for piece, is_cdata in _cdata_parts(text))


def _cdata_parts(text: str) -> Iterator[tuple[str, bool]]:
    """Split the text at its CDATA sections; yield each part and whether it is one. A regular expression would take quadratic
    time when sections have no end."""
    place = 0
    while (start := text.find("<![CDATA[", place)) >= 0 and (end := text.find("]]>", start)) >= 0:
        yield text[place:start], False
        yield text[start : end + 3], True
        place = end + 3
    yield text[place:], False


def _doctype_end(text: str, start: int) -> int:
    """Return the end of the document type: after the first ">" outside quotation marks, brackets and comments."""
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
    """Return the entities that stand for plain characters. Raises :class:`Unsafe` when one refers to another, as bombs do."""
    entities: dict[str, str] = {}
    for parameter, name, double, single, outside in _ENTITY.findall(doctype):
        if outside or parameter:
            continue  # never fetched, never expanded
        value = double or single
        if _REFERENCE.search(value) or re.search(r"%[\w.-]+;", value):
            raise Unsafe("Its entities are nested: refused.")
        entities.setdefault(name, html.escape(html.unescape(value)))
    return entities


def _limit_entries(text: str, most_entries: int) -> str:
    """Return the text without the Entries after the first ``most_entries``, so that they are not parsed."""
    ends = [m.end() for m in _CLOSING.finditer(text)]
    return text[: ends[most_entries - 1]] + text[ends[-1] :] if len(ends) > most_entries else text


def _declare_prefixes(text: str) -> str:
    """Declare the namespace prefixes that the feed uses without declaring them, on its root element."""
    root = _ROOT.search(text)
    if root is None:
        return text
    entities = set(_XMLNS.findall(text, root.start(), text.find(">", root.start()) + 1))
    used = {a or b for a, b in _PREFIX.findall(text)} - entities - {"xml", "xmlns"}
    declarations = "".join(
        f' xmlns:{p}="{_NAMESPACES.get(p, f"urn:undeclared:{p}")}"' for p in sorted(used)[:MOST_PREFIXES]
    )
    return text[: root.end()] + declarations + text[root.end() :]


def _recover(document: bytes) -> bytes | None:
    """Return well-formed XML with what libxml2 could recover from a broken document, or None."""
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
    repaired: bytes = etree.tostring(tree, encoding="utf-8", xml_declaration=True)
    return repaired
