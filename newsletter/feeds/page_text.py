"""Extract the text of an article's page, and detect paywalls and other obstacles. Pure: bytes in, values out.

Trafilatura finds the article's elements (Barbaresi 2021, https://aclanthology.org/2021.acl-demo.15). Of those only running text
is kept: paragraphs that end as sentences do and do not mostly consist of links (link density: Kohlschütter et al. 2010).
"""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from lxml import etree
from lxml import html as lxml_html
from trafilatura import bare_extraction
from trafilatura.settings import Document

from newsletter.feeds import html_text
from newsletter.feeds.encoding import to_text
from newsletter.feeds.page_metadata import PageMetadata, read_metadata

# Its warnings about the markup of pages are of no use here.
logging.getLogger("trafilatura").setLevel(logging.CRITICAL)

MOST_ELEMENTS = 50_000  # of a page that is looked at
LONGEST_RUN = 20_000  # words, or equals signs, between two tags or inside one: the parser takes time in the square of a tag's attributes
LONGEST_TEXT = 60_000  # characters kept of one article
LEAST_TEXT = 150  # characters; a page with less tells no more than a feed does
TEASER = 300  # characters; a page with less that asks for a password shows the rest only after signing in
MOSTLY_LINKS = 0.5  # share of a paragraph's letters inside links, above which it leads elsewhere
FULLER = 1.5  # schema.org's articleBody is the text when it is so many times longer than the paragraphs
SAME_SUBJECT = 0.4  # share of the headline's longer words that the right page has

_ENDS = frozenset(".!?…:;。！？؟।॥")  # what ends a sentence, or leads to the next paragraph
_SENTENCE_END = re.compile(
    r"[.!?…。！？؟।॥][\"'”’)\]]*(?=\s+[^\W\da-z_])"
)  # another sentence begins behind it
_CHARSET = re.compile(rb"""<meta[^>]{1,200}charset\s*=\s*["']?([\w.:-]{1,40})""", re.IGNORECASE)
_LONG_WORD = re.compile(r"\w{4,}")
# Beside the text: captions, posts of other sites, boxes with facts, and what style sheets hide.
_BESIDE = [
    f"//*[{what}][not(.//article or .//h1)]"  # a page whose tags are not closed has its article inside such an element
    for what in (
        "self::figcaption or self::aside or self::dialog or self::details or self::nav",
        "contains(@class, 'caption') or contains(@class, 'factbox') or contains(@class, 'infobox')",
        "self::blockquote and (contains(@class, 'twitter-') or contains(@class, '-media') or contains(@class, '-embed'))",
        "(self::form or @hidden or contains(translate(@style, ' ', ''), 'display:none')) and count(.//p) < 3",
        "(contains(@class, '-hide') or contains(@class, 'hidden') or contains(@class, 'sr-only')) and count(.//p) < 3",
    )
]


class Wall(StrEnum):
    """Why a page's text is not the article's, as a sentence for the desk."""

    PAYWALL = "Its outlet says that the text is not free."
    SIGN_IN = "It gives little text and asks to sign in or subscribe."
    SCRIPT = "It gives little text without its scripts."
    OTHER_PAGE = (
        "It answers with another page than the article: consent, a check for robots, or its front page."
    )
    SHORT = "It has too little text."


class PageRefused(ValueError):
    """The document is not a page that can be read. The message is the reason, one sentence."""

    @property
    def reason(self) -> str:
        return str(self)


@dataclass(frozen=True)
class Page:
    """An article's page. ``paragraphs`` are plain text; ``wall`` is the reason why they are not the article's text, or None."""

    paragraphs: tuple[str, ...]
    metadata: PageMetadata
    wall: Wall | None = None

    @property
    def text(self) -> str:
        return "\n".join(self.paragraphs)


def parse(body: bytes, content_type: str = "") -> Any:
    """Return the page as an lxml tree. Raises :class:`PageRefused` when it is not HTML, or too large."""
    if not body.strip():
        raise PageRefused("It is empty.")
    if not re.match(r"\s*(?:$|text/|application/xhtml)", content_type, re.IGNORECASE):
        raise PageRefused("It is no web page.")
    if "charset" not in content_type.lower() and (said := _CHARSET.search(body[:2048])):
        content_type = f"text/html; charset={said[1].decode('ascii', 'replace')}"
    text = to_text(body, content_type).replace("\x00", "")
    if _has_endless_run(text):
        raise PageRefused("One of its tags never ends.")
    try:
        tree = lxml_html.document_fromstring(
            text.encode("utf-8", "replace"),
            parser=lxml_html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True),
        )
    except (etree.LxmlError, ValueError):
        raise PageRefused("Its markup cannot be read.") from None
    if sum(1 for _ in tree.iter()) > MOST_ELEMENTS:
        raise PageRefused(f"It has more than {MOST_ELEMENTS:,} elements.")
    return tree


def _has_endless_run(markup: str) -> bool:
    """Return whether a tag may have more attributes than the parser can handle. Scripts and styles may be long."""
    inside = ""
    for found in re.finditer("[<>][^<>]*", markup):
        run, start = found[0], found[0][:8].lower()
        if inside:
            inside = "" if start.startswith(f"</{inside}") else inside
        elif run.count("=") > LONGEST_RUN or len(run.split(maxsplit=LONGEST_RUN)) > LONGEST_RUN:
            return True
        else:
            inside = next((tag for tag in ("script", "style") if start.startswith(f"<{tag}")), "")
    return False


def read_page(tree: Any, *, headline: str = "") -> Page:
    """Return the text and metadata of a page parsed by :func:`parse`.

    ``headline`` is the feed's; a page without its words is not the article's. Raises :class:`PageRefused`.
    """
    metadata = read_metadata(tree)
    try:
        found = tuple(_paragraphs(tree))
    except (etree.LxmlError, RecursionError, ValueError):
        raise PageRefused("Its markup cannot be read.") from None
    # A single paragraph may be the whole articleBody, which trafilatura returns when it finds little else.
    if len(metadata.body) > (FULLER if len(found) > 1 else 0.9) * sum(map(len, found)):
        found = tuple(p for p in map(_whole_sentences, metadata.body.split("\n")) if p)
    page = Page(_cut(found), metadata)
    return replace(page, wall=_wall(tree, page, headline))


def without_repeated(paragraphs: tuple[str, ...], repeated: frozenset[str]) -> tuple[str, ...]:
    """Return the paragraphs that are not in ``repeated``."""
    return tuple(p for p in paragraphs if p not in repeated)


def _paragraphs(tree: Any) -> Iterator[str]:
    """Yield the paragraphs of running text in order. A list is included when the paragraph before it ends with a colon."""
    document = bare_extraction(
        tree,
        include_comments=False,
        include_tables=False,
        include_links=True,
        prune_xpath=_BESIDE,
    )
    leads_on = False
    for element in document.body if isinstance(document, Document) else ():
        text = _text(element)
        if element.tag == "list":
            if leads_on:
                yield from filter(None, map(_text, element))
        elif element.tag != "head" and (prose := _whole_sentences(text)):
            linked = sum(len(_text(link)) for link in element.iter("ref"))
            if linked <= MOSTLY_LINKS * len(text):
                yield prose
                leads_on = prose.endswith(":")
                continue
        leads_on = False


def _text(element: Any) -> str:
    """Return an element's text in one line, without invisible characters and editorial notes."""
    return html_text.without_notes(html_text.visible("".join(element.itertext())))


def _whole_sentences(text: str) -> str:
    """Return the complete sentences of a paragraph, or an empty string when most of it is none: a caption, a credit, a heading."""
    end = len(text)
    while end and (text[end - 1] in "\"'" or unicodedata.category(text[end - 1]) in ("Pf", "Pi", "Pe")):
        end -= 1
    if end and text[end - 1] in _ENDS:
        return text
    ends = [found.end() for found in _SENTENCE_END.finditer(text)]
    return text[: ends[-1]] if ends and ends[-1] >= len(text) / 2 else ""


def _cut(paragraphs: tuple[str, ...]) -> tuple[str, ...]:
    """Return the first paragraphs, each once, with at most :data:`LONGEST_TEXT` characters in all."""
    kept: list[str] = []
    length = 0
    for paragraph in dict.fromkeys(paragraphs):
        length += len(paragraph)
        if length > LONGEST_TEXT:
            break
        kept.append(paragraph)
    return tuple(kept)


def _wall(tree: Any, page: Page, headline: str) -> Wall | None:
    if page.metadata.is_free is False:
        return Wall.PAYWALL
    if not _is_of(headline, page):
        return Wall.OTHER_PAGE
    if len(page.text) < TEASER and tree.xpath("//input[@type='password']"):
        return Wall.SIGN_IN
    if len(page.text) >= LEAST_TEXT:
        return None
    if tree.xpath("//script") and not tree.xpath("//p[string-length(normalize-space()) > 80]"):
        return Wall.SCRIPT
    return Wall.SHORT


def _is_of(headline: str, page: Page) -> bool:
    """Return whether the page contains enough of the longer words of ``headline``."""
    wanted = set(_LONG_WORD.findall(headline.casefold()))
    there = set(_LONG_WORD.findall(f"{page.metadata.title} {page.text}".casefold()))
    return len(wanted & there) >= SAME_SUBJECT * len(wanted)
