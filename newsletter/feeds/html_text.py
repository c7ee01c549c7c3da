"""Feed markup to plain text, of a length that can be printed. Pure.

What comes out is text, never markup: whoever prints it escapes it.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Collection

import nh3

LONGEST_HEADLINE = 300  # characters
LONGEST_EXCERPT = 1_500
_LONGEST_TITLE = 1_000  # characters looked at for names behind a headline
_LONGEST_INPUT = 60_000  # what follows cannot reach the first 1,500 characters of text in any honest feed

# Invisible characters that can forge what a reader sees: control, bidirectional, zero-width, tags, lone surrogates.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e0fff]"
)
_TAG = re.compile(r"<(?:/?[a-zA-Z][^<>]{0,2000}|!--|!\[CDATA\[|\?)", re.DOTALL)
_BREAK = re.compile(
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
_MARKS = re.compile(
    r"([\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]{3})[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]+"
)
_SENTENCE_END = re.compile(r"[.!?…][\"'”’)\]]*(?=\s|$)")
_LEFTOVERS = re.compile(
    r"\s*(?:The post .{1,300}? (?:first appeared|appeared first) on .{1,120}?\.?|\[(?:…|\.\.\.)\]|(?:Continue reading|Read more|Keep reading)\s*(?:…|\.\.\.|»|→|&raquo;)?)\s*$",
    re.IGNORECASE,
)

# A sentence of the outlet about its own text: "Correction: An earlier version of this story misstated …"
_STARTS = r"(?:(?<=[.!?…] )|(?<=[.!?…][\"”’)\]] )|^)[(\[]?"
_TO_ITS_END = r"(?:[^.!?]|[.!?](?![\"”’)\]]?(?:\s|$))|(?<=\b[A-Za-z])\.|(?<=\b(?:Mr|Ms|Dr|St|No))\.|(?<=\b(?:Mrs|Sen|Rep|Gov|Gen|Jan|Feb|Aug|Oct|Nov|Dec))\.)"
_NOTE = re.compile(
    rf"{_STARTS}(?:(?:CORRECTIONS?|CLARIFICATION|Corrections?|Clarification)(?: \([^()]{{1,40}}\))?: {_TO_ITS_END}{{1,600}}"
    rf"|(?:[A-Z][\w’']*(?: \w+)?: )?(?:(?:An?|The) )?(?:[Ee]arlier|[Pp]revious|[Pp]rior|[Oo]riginal) versions? of this (?:article|column|headline|piece|post|report|story)\b{_TO_ITS_END}{{0,600}}"
    rf"|(?:[A-Z][\w’']*(?: \w+)?: )?This (?:article|column|headline|piece|post|report|story) (?:has been|was) (?:amended|clarified|corrected|updated)\b{_TO_ITS_END}{{0,600}})"
    r"(?:[.!?][\"”’)\]]?|$)"
)


def plain(markup: str) -> str:
    """Text without tags, entities (even doubly escaped ones), script, style, and invisible characters; one line."""
    text = _INVISIBLE.sub("", markup[:_LONGEST_INPUT])
    for _ in range(3):  # feeds escape markup up to three times over
        before = text
        if _TAG.search(text):
            text = nh3.clean(_BREAK.sub(lambda m: " " + m[0], text), tags=set(), clean_content_tags=_DROPPED)
        text = html.unescape(text)
        if text == before:
            break
    return visible(text)


def visible(text: str) -> str:
    """Text that holds no markup, without invisible characters; one line."""
    text = _INVISIBLE.sub("", text)
    return " ".join(_MARKS.sub(r"\1", unicodedata.normalize("NFC", text)).split())


def headline(markup: str, identities: Collection[str] = ()) -> str:
    """A title as plain text of at most 300 characters, without the outlet's own name behind it or in front."""
    return cut(
        without_prefix(without_suffix(plain(markup)[:_LONGEST_TITLE], identities), identities),
        LONGEST_HEADLINE,
    )


def excerpt(markup: str) -> str:
    """A summary as plain text of at most about 1,500 characters, in whole sentences where it has any.

    Calls to read on at the end go, and so does what the outlet says of its own text, such as a correction.
    """
    text = plain(markup)
    # What stands behind 3,000 characters is cut off anyway; looking for it there would take time in the square.
    while len(text) <= 2 * LONGEST_EXCERPT and (found := _LEFTOVERS.search(text)):
        text = text[: found.start()]
    text = text[: 2 * LONGEST_EXCERPT]
    return cut(without_notes(text), LONGEST_EXCERPT)


def without_notes(text: str) -> str:
    """The text but for sentences in which the outlet speaks of the text itself, such as a correction."""
    return " ".join(_NOTE.sub(" ", text).split())


def cut(text: str, longest: int) -> str:
    """At most ``longest`` characters: up to a sentence's end in the second half, else up to a word, with "…"."""
    if len(text) <= longest:
        return text
    ends = [m.end() for m in _SENTENCE_END.finditer(text[:longest])]
    if ends and ends[-1] >= longest // 2:
        return text[: ends[-1]]
    return text[: longest - 1].rsplit(" ", 1)[0].rstrip(" ,;:–—-") + "…"


def first_sentence(text: str) -> str:
    """What stands for the title of an Entry that has none."""
    end = _SENTENCE_END.search(text)
    return cut(text[: end.end()] if end else text, LONGEST_HEADLINE)


# ── names around headlines ────────────────────────────────────────────────────────────────────────────────────────

_SPLIT = re.compile(r"\s+(?:[-–—|*•·»:]|::|\|\||//|>>)\s+|\s+\|\s*|\s*\|\s+")
_BYLINE = re.compile(r"[Bb]y (?:[A-Z][\w.'’-]*)(?: [A-Z][\w.'’-]*){0,3}")
_SECTIONS = frozenset(
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
_SHORTEST_REST = 12  # characters that must remain; "Home | Outlet" is better left alone


def without_suffix(title: str, identities: Collection[str]) -> str:
    """Take the outlet's own name, its domain, or a byline behind it off the end of a title.

    Only what names the outlet goes: " - Outlet Name", " | Outlet Politics", " * outlet.com * by Ann". Everything else
    that follows a dash is the headline's own.
    """
    names = [n for n in (_words(i) for i in identities) if n]
    rest = title
    while True:
        breaks = list(_SPLIT.finditer(rest))
        if not breaks:
            break
        last, behind = breaks[-1], rest[breaks[-1].end() :].strip()
        if _names_outlet(behind, names):
            shorter = rest[: last.start()].rstrip()
        elif _BYLINE.fullmatch(behind) and len(breaks) > 1:
            middle = rest[breaks[-2].end() : last.start()].strip()
            if not _names_outlet(middle, names):
                break
            shorter = rest[: breaks[-2].start()].rstrip()
        else:
            break
        if len(shorter) < _SHORTEST_REST:
            break
        rest = shorter
    return rest


def without_prefix(title: str, identities: Collection[str]) -> str:
    """Take the outlet's own name off the front of a title: "Outlet Name - ", "Outlet Name | ".

    Nothing but the whole name goes, and none before a colon: there it says who speaks.
    """
    found = _SPLIT.search(title)
    if found is None or ":" in found.group() or len(title) - found.end() < _SHORTEST_REST:
        return title
    front = _words(title[: found.start()])
    return title[found.end() :].strip() if front and front in [_words(i) for i in identities] else title


def _names_outlet(text: str, names: list[list[str]]) -> bool:
    words = _words(text)
    if not words or len(words) > 8:
        return False
    for name in names:
        if words == name or "".join(words) == "".join(name):
            return True
        extra = words[len(name) :]
        if words[: len(name)] == name and len(extra) <= 2 and set(extra) <= _SECTIONS:
            return True
        if len(name) == 1 and len(name[0]) >= 3 and len(words) <= 5 and _abbreviates(name[0], words):
            return True
    return False


def _abbreviates(label: str, words: list[str]) -> bool:
    """Whether a domain's label is made of beginnings of all the words, in order: "nypost" of "New York Post"."""
    reached = {0}  # how much of the label the words so far may make
    for word in words:
        reached = {
            start + size
            for start in reached
            for size in range(1, len(word) + 1)
            if label.startswith(word[:size], start)
        }
    return len(label) in reached


def _words(text: str) -> list[str]:
    """Lower-case words of a name, without brackets, a leading article and a domain's ending."""
    bare = re.sub(r"\(.*?\)", " ", text.lower()).strip()
    if domain := re.fullmatch(r"(?:https?://)?(?:www\.)?([a-z0-9-]+(?:\.[a-z0-9-]+)+)/?", bare):
        labels = domain[1].split(".")
        keep = labels[:-2] if len(labels) > 2 and len(labels[-2]) <= 3 else labels[:-1]
        bare = " ".join(keep)
    words = re.findall(r"\w+", bare)
    return words[1:] if len(words) > 1 and words[0] == "the" else words
