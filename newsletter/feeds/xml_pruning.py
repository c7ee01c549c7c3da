"""Keep reading a feed cheap: look a document over once with the strict parser and cut out what no honest feed holds. Pure.

feedparser spends up to 60 µs on an element and tries patterns on names that take time in the square of their length. One
document of 5 MB could keep every other Feed waiting for minutes, for a pattern or a parser in C does not let other threads
run. So what it is given is bounded here: elements, attributes, depth, and the length of everything that is not a text.
"""

from __future__ import annotations

from xml.parsers import expat

DEEPEST = 200  # nested elements
MOST_ELEMENTS = 40_000  # of one document; an honest one of 500 Entries has about 10,000
MOST_IN_ENTRY = 10_000  # elements; XHTML inside a long piece has some hundreds
MOST_ATTRIBUTES = 100  # of one element
LONGEST_ATTRIBUTE = 8_000  # characters
LONGEST_NAME = 300  # bytes of who wrote it
LONGEST_OTHER = 8_000  # bytes of any element that is neither text nor structure

_ENTRIES = frozenset({"item", "entry"})
_OWN_WORDS = frozenset(
    {"description", "summary", "encoded", "content"}
)  # an Entry's own text stands in one of these
_MEDIA = "search.yahoo.com/mrss"  # in the name space of Media RSS, whose "description" is a picture's caption
_STRUCTURE = _ENTRIES | {"rss", "rdf", "channel", "feed"}
_WORDS = frozenset({"title", "description", "summary", "content", "encoded", "subtitle", "tagline", "body"})
_PEOPLE = frozenset(
    {"author", "creator", "contributor", "name", "email", "managingeditor", "webmaster", "publisher", "owner"}
)


class Excessive(ValueError):
    """The document is built beyond reason. The message is the reason, one sentence."""


def pruned(document: bytes) -> bytes | None:
    """The document without what is longer or more than an honest feed's; None when it is not well-formed XML.

    Whole Entries go when they, or those before them, have used up the elements allowed; of everything else only what is
    no text of an Entry. Raises :class:`Excessive` when cutting does not help.
    """
    look = _Look(document)
    try:
        look.parser.Parse(document, True)
    except expat.ExpatError:
        return None
    if look.outside > MOST_ELEMENTS:
        raise Excessive("It has more elements than any feed needs.")
    pieces, place = [], 0
    for start, end in sorted(look.cut):
        if start >= place:
            pieces.append(document[place:start])
            place = end
        place = max(place, end)
    return b"".join([*pieces, document[place:]]) if pieces else document


class _Open:
    """An element whose end was not seen yet."""

    __slots__ = ("holds_entries", "is_media", "is_words", "name", "start")

    def __init__(self, name: str, start: int, is_words: bool, is_media: bool) -> None:
        self.name, self.start, self.is_words, self.is_media = name, start, is_words, is_media
        self.holds_entries = False


class _Look:
    """One pass over a document: what of it to cut, as ranges of bytes."""

    def __init__(self, document: bytes) -> None:
        self.document = document
        self.cut: list[tuple[int, int]] = []
        self.outside = 0  # elements that are in no Entry
        self._kept = 0  # elements of the Entries kept so far
        self._in_entry: int | None = None  # elements of the Entry we are in
        self._open: list[_Open] = []
        self._captions: list[tuple[int, int]] = []  # of the Entry we are in
        self._has_own_words = False  # the Entry we are in
        self.parser = expat.ParserCreate("utf-8", namespace_separator=" ")
        self.parser.StartElementHandler = self._opened
        self.parser.EndElementHandler = self._closed

    def _opened(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._open) >= DEEPEST:
            raise Excessive("Its elements are nested beyond reason.")
        if len(attributes) > MOST_ATTRIBUTES or any(len(v) > LONGEST_ATTRIBUTE for v in attributes.values()):
            raise Excessive("An element has attributes beyond reason.")
        local = name.rpartition(" ")[2].rpartition(":")[2].lower()
        above = self._open[-1] if self._open else None
        if self._in_entry is not None:
            self._in_entry += 1
        elif local in _ENTRIES:
            self._in_entry, self._captions, self._has_own_words = 0, [], False
            for outer in self._open:
                outer.holds_entries = True
        else:
            self.outside += 1
        is_words = local in _WORDS or (above is not None and above.is_words)
        self._open.append(_Open(local, self.parser.CurrentByteIndex, is_words, _MEDIA in name))

    def _closed(self, _name: str) -> None:
        this, at = self._open.pop(), self.parser.CurrentByteIndex
        # An element without content ends where it starts, and is as short as a tag may be.
        end = self.document.index(b">", at) + 1 if self.document[at : at + 2] == b"</" else at
        if this.name in _ENTRIES and not any(o.name in _ENTRIES for o in self._open):
            used, self._in_entry = self._in_entry or 0, None
            if used > MOST_IN_ENTRY or self._kept + used > MOST_ELEMENTS:
                self.cut.append((this.start, end))
            else:
                self._kept += used
                # feedparser takes a caption for the summary; where it is all the text there is, it may.
                self.cut += self._captions if self._has_own_words else []
            return
        if this.is_media and this.name == "description":
            self._captions.append((this.start, end))
        elif this.name in _OWN_WORDS and not this.is_media and self._open and self._open[-1].name in _ENTRIES:
            inside = self.document[self.document.index(b">", this.start) + 1 : at]
            self._has_own_words = self._has_own_words or bool(inside.strip())
        longest = LONGEST_NAME if this.name in _PEOPLE else LONGEST_OTHER
        is_needed = this.is_words or this.holds_entries or this.name in _STRUCTURE
        if end - this.start > longest and not is_needed:
            self.cut.append((this.start, end))
