"""Limit the cost of parsing a feed: remove from its XML what no real feed contains, in one pass with expat. Pure.

feedparser takes up to 60 µs for an element, and some of its patterns take quadratic time in the length of a name. One document
of 5 MB could delay all other Feeds for minutes, because a pattern or a parser in C does not let other threads run. So the
document is limited here: its elements, attributes and depth, and the length of everything that is not a text.
"""

from __future__ import annotations

from xml.parsers import expat

DEEPEST = 200  # nested elements
MOST_ELEMENTS = 40_000  # of one document; a real one with 500 Entries has about 10,000
MOST_IN_ENTRY = 10_000  # elements; XHTML inside a long piece has some hundreds
MOST_ATTRIBUTES = 100  # of one element
LONGEST_ATTRIBUTE = 8_000  # characters
LONGEST_NAME = 300  # bytes of an element that names a person
LONGEST_OTHER = 8_000  # bytes of any element that is neither text nor structure

_ENTRIES = frozenset({"item", "entry"})
# Elements that may hold the text of an Entry.
_OWN_WORDS = frozenset({"description", "summary", "encoded", "content"})
_MEDIA = "search.yahoo.com/mrss"  # the namespace of Media RSS, whose "description" is a picture's caption
_STRUCTURE = _ENTRIES | {"rss", "rdf", "channel", "feed"}
_WORDS = frozenset({"title", "description", "summary", "content", "encoded", "subtitle", "tagline", "body"})
_PEOPLE = frozenset(
    {"author", "creator", "contributor", "name", "email", "managingeditor", "webmaster", "publisher", "owner"}
)


class Excessive(ValueError):
    """The document exceeds a limit. The message says which, in one sentence."""


def pruned(document: bytes) -> bytes | None:
    """Return the document without the parts that exceed the limits, or None when it is not well-formed XML.

    An Entry is removed as a whole when it exceeds its number of elements, or when the Entries before it have used up the
    document's. Other elements are removed when they are too long and are not a text of an Entry. Raises :class:`Excessive`
    when a limit still does not hold.
    """
    scan = _PruningPass(document)
    try:
        scan.parser.Parse(document, True)
    except expat.ExpatError:
        return None
    if scan.outside > MOST_ELEMENTS:
        raise Excessive("It has more elements than any feed needs.")
    kept, place = [], 0
    for start, end in sorted(scan.cut):
        if start >= place:
            kept.append(document[place:start])
            place = end
        place = max(place, end)
    return b"".join([*kept, document[place:]]) if kept else document


class _OpenElement:
    """An element that has started and not ended yet."""

    __slots__ = ("holds_entries", "is_media", "is_words", "name", "start")

    def __init__(self, name: str, start: int, is_words: bool, is_media: bool) -> None:
        self.name, self.start, self.is_words, self.is_media = name, start, is_words, is_media
        self.holds_entries = False


class _PruningPass:
    """One pass over a document, which finds the ranges of bytes to remove."""

    def __init__(self, document: bytes) -> None:
        self.document = document
        self.cut: list[tuple[int, int]] = []
        self.outside = 0  # elements outside of Entries
        self._kept = 0  # elements of the Entries kept so far
        self._in_entry: int | None = None  # elements of the current Entry; None outside
        self._open: list[_OpenElement] = []
        self._captions: list[tuple[int, int]] = []  # of the current Entry
        self._has_own_words = False  # the current Entry has
        self.parser = expat.ParserCreate("utf-8", namespace_separator=" ")
        self.parser.StartElementHandler = self._opened
        self.parser.EndElementHandler = self._closed

    def _opened(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._open) >= DEEPEST:
            raise Excessive("Its elements are nested beyond reason.")
        if len(attributes) > MOST_ATTRIBUTES or any(len(v) > LONGEST_ATTRIBUTE for v in attributes.values()):
            raise Excessive("An element has attributes beyond reason.")
        local = name.rpartition(" ")[2].rpartition(":")[2].lower()
        parent = self._open[-1] if self._open else None
        if self._in_entry is not None:
            self._in_entry += 1
        elif local in _ENTRIES:
            self._in_entry, self._captions, self._has_own_words = 0, [], False
            for outer in self._open:
                outer.holds_entries = True
        else:
            self.outside += 1
        is_words = local in _WORDS or (parent is not None and parent.is_words)
        self._open.append(_OpenElement(local, self.parser.CurrentByteIndex, is_words, _MEDIA in name))

    def _closed(self, _name: str) -> None:
        element, at = self._open.pop(), self.parser.CurrentByteIndex
        # For an empty-element tag the parser reports the end at its start.
        end = self.document.index(b">", at) + 1 if self.document[at : at + 2] == b"</" else at
        if element.name in _ENTRIES and not any(o.name in _ENTRIES for o in self._open):
            used, self._in_entry = self._in_entry or 0, None
            if used > MOST_IN_ENTRY or self._kept + used > MOST_ELEMENTS:
                self.cut.append((element.start, end))
            else:
                self._kept += used
                # feedparser takes a caption for the summary. It is kept only when the Entry has no other text.
                self.cut += self._captions if self._has_own_words else []
            return
        if element.is_media and element.name == "description":
            self._captions.append((element.start, end))
        elif (
            element.name in _OWN_WORDS
            and not element.is_media
            and self._open
            and self._open[-1].name in _ENTRIES
        ):
            inside = self.document[self.document.index(b">", element.start) + 1 : at]
            self._has_own_words = self._has_own_words or bool(inside.strip())
        longest = LONGEST_NAME if element.name in _PEOPLE else LONGEST_OTHER
        is_needed = element.is_words or element.holds_entries or element.name in _STRUCTURE
        if end - element.start > longest and not is_needed:
            self.cut.append((element.start, end))
