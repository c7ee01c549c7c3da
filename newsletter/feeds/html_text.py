"""Turn a feed's markup into plain text of limited length. Pure.

The result is text, not markup, and must be escaped when it is printed. The phrases that are removed ("Continue reading", "The post
… appeared first on …", notes of correction, names of sections) are those of WordPress and of many outlets' feeds, chosen by hand.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Collection

import nh3

LONGEST_HEADLINE = 300  # characters
LONGEST_EXCERPT = 1_500
_LONGEST_TITLE = 1_000  # characters of a title in which the outlet's name is searched
_LONGEST_INPUT = 60_000  # characters of markup that are read; 1,500 characters of text need far fewer

# Invisible characters with which text can deceive readers: control, bidirectional, zero-width, tags, lone surrogates.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e0fff]"
)
_TAG = re.compile(r"<(?:/?[a-zA-Z][^<>]{0,2000}|!--|!\[CDATA\[|\?)", re.DOTALL)
_BLOCK_TAG = re.compile(
    r"</?(?:p|div|br|li|ul|ol|tr|td|th|table|h[1-6]|hr|blockquote|figure|figcaption|pre|section)\b", re.I
)
_DROPPED = {
    "script",
    "style",
    "template",
    "noscript",
    "iframe",
    "object",
    "svg",
    "math",
    "title",
    "figcaption",
    "form",
}
_COMBINING = re.compile(
    r"([\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]{3})[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]+"
)
_SENTENCE_END = re.compile(r"[.!?…][\"'”’)\]]*(?=\s|$)")
_READ_ON = re.compile(
    r"\s*(?:The post .{1,300}? (?:first appeared|appeared first) on .{1,120}?\.?|\[(?:…|\.\.\.)\]|(?:Continue reading|Read more|Keep reading)\s*(?:…|\.\.\.|»|→|&raquo;)?)\s*$",
    re.IGNORECASE,
)

# A sentence of the outlet about its own text: "Correction: An earlier version of this story misstated …"
_STARTS = r"(?:(?<=[.!?…] )|(?<=[.!?…][\"”’)\]] )|^)[(\[]?"
_TO_ITS_END = r"(?:[^.!?]|[.!?](?![\"”’)\]]?(?:\s|$))|(?<=\b[A-Za-z])\.|(?<=\b(?:Mr|Ms|Dr|St|No))\.|(?<=\b(?:Mrs|Sen|Rep|Gov|Gen|Jan|Feb|Aug|Oct|Nov|Dec))\.)"
_EDITORIAL_NOTE = re.compile(
    rf"{_STARTS}(?:(?:CORRECTIONS?|CLARIFICATION|Corrections?|Clarification)(?: \([^()]{{1,40}}\))?: {_TO_ITS_END}{{1,600}}"
    rf"|(?:[A-Z][\w’']*(?: \w+)?: )?(?:(?:An?|The) )?(?:[Ee]arlier|[Pp]revious|[Pp]rior|[Oo]riginal) versions? of this (?:article|column|headline|piece|post|report|story)\b{_TO_ITS_END}{{0,600}}"
    rf"|(?:[A-Z][\w’']*(?: \w+)?: )?This (?:article|column|headline|piece|post|report|story) (?:has been|was) (?:amended|clarified|corrected|updated)\b{_TO_ITS_END}{{0,600}})"
    r"(?:[.!?][\"”’)\]]?|$)"
)


def plain(markup: str) -> str:
    """Return the text of markup in one line, without tags, entities (also doubly escaped ones), scripts, styles and invisible
    characters."""
    text = _INVISIBLE.sub("", markup[:_LONGEST_INPUT])
    for _ in range(3):  # feeds escape markup up to three times over
        before = text
        if _TAG.search(text):
            text = nh3.clean(
                _BLOCK_TAG.sub(lambda m: " " + m[0], text), tags=set(), clean_content_tags=_DROPPED
            )
        text = html.unescape(text)
        if text == before:
            break
    return visible(text)


def visible(text: str) -> str:
    """Return plain text in one line, without invisible characters and with at most three combining marks on a letter."""
    text = _INVISIBLE.sub("", text)
    return " ".join(_COMBINING.sub(r"\1", unicodedata.normalize("NFC", text)).split())


def headline(markup: str, identities: Collection[str] = ()) -> str:
    """Return a title as plain text of at most 300 characters, without the outlet's name at its end or front."""
    return cut(
        without_prefix(without_suffix(plain(markup)[:_LONGEST_TITLE], identities), identities),
        LONGEST_HEADLINE,
    )


def excerpt(markup: str) -> str:
    """Return a summary as plain text of at most 1,500 characters, cut at the end of a sentence if possible.

    Removed are calls to read on at the end, and sentences about the text itself, such as a correction.
    """
    text = plain(markup)
    # A longer text is cut anyway, and the search would take quadratic time.
    while len(text) <= 2 * LONGEST_EXCERPT and (found := _READ_ON.search(text)):
        text = text[: found.start()]
    text = text[: 2 * LONGEST_EXCERPT]
    return cut(without_notes(text), LONGEST_EXCERPT)


def without_notes(text: str) -> str:
    """Return the text without sentences about the text itself, such as a correction."""
    return " ".join(_EDITORIAL_NOTE.sub(" ", text).split())


def cut(text: str, longest: int) -> str:
    """Return at most ``longest`` characters: up to the last end of a sentence in the second half, else up to a word, with "…"."""
    if len(text) <= longest:
        return text
    ends = [m.end() for m in _SENTENCE_END.finditer(text[:longest])]
    if ends and ends[-1] >= longest // 2:
        return text[: ends[-1]]
    return text[: longest - 1].rsplit(" ", 1)[0].rstrip(" ,;:–—-") + "…"


def first_sentence(text: str) -> str:
    """Return the first sentence, which replaces a missing title."""
    end = _SENTENCE_END.search(text)
    return cut(text[: end.end()] if end else text, LONGEST_HEADLINE)


# ── names around headlines ────────────────────────────────────────────────────────────────────────────────────────

_SEPARATOR = re.compile(r"\s+(?:[-–—|*•·»:]|::|\|\||//|>>)\s+|\s+\|\s*|\s*\|\s+")
_BYLINE = re.compile(r"[Bb]y (?:[A-Z][\w.'’-]*)(?: [A-Z][\w.'’-]*){0,3}")
_SECTION_WORDS = frozenset(
    [
        "news",
        "politics",
        "business",
        "opinion",
        "world",
        "us",
        "uk",
        "usa",
        "america",
        "video",
        "online",
        "live",
        "sports",
        "sport",
        "health",
        "tech",
        "technology",
        "money",
        "economy",
        "national",
        "international",
        "local",
        "digital",
        "magazine",
        "com",
        "org",
        "net",
    ]
)
_SHORTEST_TITLE = 12  # characters of a title that must remain, so that "Home | Outlet" stays as it is


def without_suffix(title: str, identities: Collection[str]) -> str:
    """Remove the outlet's name or domain, and a byline after it, from the end of a title.

    Removed are " - Outlet Name", " | Outlet Politics", " * outlet.com * by Ann". Other words after a dash belong to the
    headline.
    """
    names = [n for n in (_name_words(i) for i in identities) if n]
    rest = title
    while True:
        separators = list(_SEPARATOR.finditer(rest))
        if not separators:
            break
        last, after = separators[-1], rest[separators[-1].end() :].strip()
        if _names_outlet(after, names):
            shorter = rest[: last.start()].rstrip()
        elif _BYLINE.fullmatch(after) and len(separators) > 1:
            between = rest[separators[-2].end() : last.start()].strip()
            if not _names_outlet(between, names):
                break
            shorter = rest[: separators[-2].start()].rstrip()
        else:
            break
        if len(shorter) < _SHORTEST_TITLE:
            break
        rest = shorter
    return rest


def without_prefix(title: str, identities: Collection[str]) -> str:
    """Remove the outlet's name from the front of a title: "Outlet Name - ", "Outlet Name | ".

    Only the whole name is removed, and not before a colon, where it names the speaker.
    """
    found = _SEPARATOR.search(title)
    if found is None or ":" in found.group() or len(title) - found.end() < _SHORTEST_TITLE:
        return title
    before = _name_words(title[: found.start()])
    return (
        title[found.end() :].strip() if before and before in [_name_words(i) for i in identities] else title
    )


def _names_outlet(text: str, names: list[list[str]]) -> bool:
    words = _name_words(text)
    if not words or len(words) > 8:
        return False
    for name in names:
        if words == name or "".join(words) == "".join(name):
            return True
        extra = words[len(name) :]
        if words[: len(name)] == name and len(extra) <= 2 and set(extra) <= _SECTION_WORDS:
            return True
        if len(name) == 1 and len(name[0]) >= 3 and len(words) <= 5 and _abbreviates(name[0], words):
            return True
    return False


def _abbreviates(label: str, words: list[str]) -> bool:
    """Return whether a domain's label consists of beginnings of all the words, in order: "nypost" for "New York Post"."""
    reached = {0}  # lengths of the label that the words so far can form
    for word in words:
        reached = {
            start + size
            for start in reached
            for size in range(1, len(word) + 1)
            if label.startswith(word[:size], start)
        }
    return len(label) in reached


def _name_words(text: str) -> list[str]:
    """Return the lower-case words of a name, without text in brackets, a leading "the" and a domain's ending."""
    bare = re.sub(r"\(.*?\)", " ", text.lower()).strip()
    if domain := re.fullmatch(r"(?:https?://)?(?:www\.)?([a-z0-9-]+(?:\.[a-z0-9-]+)+)/?", bare):
        labels = domain[1].split(".")
        keep = labels[:-2] if len(labels) > 2 and len(labels[-2]) <= 3 else labels[:-1]
        bare = " ".join(keep)
    words = re.findall(r"\w+", bare)
    return words[1:] if len(words) > 1 and words[0] == "the" else words
