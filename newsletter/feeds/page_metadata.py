"""Read the metadata of an article's page: schema.org data (JSON-LD), OpenGraph and meta elements. Pure.

Source of the field names: https://schema.org/NewsArticle and https://ogp.me.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from newsletter.feeds import html_text

MOST_NODES = 5_000  # of JSON-LD that are examined
MOST_AUTHORS = 10
LONGEST_NAME = 100  # characters of an author's name
# Subtypes of schema.org's Article end with its name, but for those of a blog and of social media.
_ARTICLE = re.compile(r"\w*Article|\w*Posting")
_BETWEEN_NAMES = re.compile(r",? and |, ?|; ?| & ")
_COMMENT = re.compile(r"^\s*(?:<!--|(?://\s*)?<!\[CDATA\[)|(?:-->|(?://\s*)?\]\]>)\s*$")


@dataclass(frozen=True)
class PageMetadata:
    """The metadata of a page; empty or None where the page has none.

    ``is_free`` is schema.org's isAccessibleForFree; ``body`` its articleBody, new lines between paragraphs.
    """

    title: str = ""
    published_at: datetime | None = None
    authors: tuple[str, ...] = ()
    canonical: str = ""  # as it stands on the page, perhaps relative
    is_free: bool | None = None
    body: str = ""
    schema_kinds: tuple[str, ...] = ()  # schema.org's @type of the article, such as OpinionNewsArticle


def read_metadata(tree: Any) -> PageMetadata:
    """Return the metadata of a parsed page (an lxml element)."""
    articles = _articles(tree)
    title = _meta(tree, "og:title", "twitter:title") or _first(a.get("headline") for a in articles)
    return PageMetadata(
        title=html_text.headline(title or _heading(tree), identities=[_meta(tree, "og:site_name")]),
        published_at=_first_moment(tree, articles),
        authors=_authors(tree, articles),
        canonical=(tree.xpath("string(//link[@rel='canonical'][1]/@href)") or _meta(tree, "og:url")).strip(),
        is_free=_is_free(articles),
        body=_body(articles),
        schema_kinds=tuple(dict.fromkeys(t for a in articles for t in _schema_kinds(a))),
    )


def _articles(tree: Any) -> list[dict[str, Any]]:
    """Return the JSON-LD nodes that describe an article, in the order of the page."""
    found: list[dict[str, Any]] = []
    for script in tree.xpath("//script[@type='application/ld+json']"):
        try:
            data = json.loads(_COMMENT.sub("", script.text or ""), strict=False)
        except (ValueError, RecursionError):
            continue
        found += [n for n in _nodes(data) if any(_ARTICLE.fullmatch(t) for t in _schema_kinds(n))]
    return found


def _nodes(data: Any) -> Iterator[dict[str, Any]]:
    """Yield the objects of a JSON value, outer ones first, without those that an article only mentions or belongs to."""
    waiting = [data]
    for _ in range(MOST_NODES):
        if not waiting:
            return
        value = waiting.pop(0)
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            yield value
            waiting += [value[key] for key in ("@graph", "mainEntity", "mainEntityOfPage") if key in value]


def _schema_kinds(node: dict[str, Any]) -> list[str]:
    said = node.get("@type")
    return [t for t in (said if isinstance(said, list) else [said]) if isinstance(t, str)]


def _first(values: Iterator[Any]) -> str:
    return next((v.strip() for v in values if isinstance(v, str) and v.strip()), "")


def _meta(tree: Any, *names: str) -> str:
    """Return the content of the first meta element with one of these names, in the order of the names."""
    for name in names:
        for content in tree.xpath("//meta[@property=$name or @name=$name]/@content", name=name):
            if content.strip():
                return str(content).strip()
    return ""


def _heading(tree: Any) -> str:
    return " ".join((tree.xpath("string(//h1[1])") or tree.xpath("string(//title[1])")).split())


def _first_moment(tree: Any, articles: list[dict[str, Any]]) -> datetime | None:
    """Return the time of publication in UTC. A time without zone is ignored, because a wrong time is worse than none."""
    said = [a.get("datePublished") for a in articles]
    said.append(_meta(tree, "article:published_time", "og:article:published_time"))
    said += tree.xpath("//*[@itemprop='datePublished']/@content | //*[@itemprop='datePublished']/@datetime")
    said += tree.xpath("//time[@pubdate]/@datetime")
    for text in said:
        if isinstance(text, str) and (moment := _moment(text)):
            return moment
    return None


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo is not None else None


def _authors(tree: Any, articles: list[dict[str, Any]]) -> tuple[str, ...]:
    for article in articles:
        if names := tuple(dict.fromkeys(_names(article.get("author")))):
            return names[:MOST_AUTHORS]
    said = tree.xpath("//meta[@name='author']/@content") or tree.xpath("//*[@rel='author']//text()")
    names = tuple(dict.fromkeys(name for s in said for name in _names(str(s))))
    return names if len(names) == 1 else ()  # several may be those of other articles


def _names(value: Any) -> Iterator[str]:
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, dict):
            yield from _names(one.get("name"))
        elif isinstance(one, str):
            text = html_text.plain(one[: MOST_AUTHORS * LONGEST_NAME])
            parts = _BETWEEN_NAMES.split(text)
            if not all(" " in part for part in parts):  # "Ann Lee, MD" is one person
                parts = [text]
            yield from (p for p in parts if p and "://" not in p and len(p) <= LONGEST_NAME)


def _is_free(articles: list[dict[str, Any]]) -> bool | None:
    """Return False when any node says that the article is not free, True when others say it is, else None."""
    said = {str(a["isAccessibleForFree"]).casefold() for a in articles if "isAccessibleForFree" in a}
    return None if not said else not said & {"false", "http://schema.org/false", "https://schema.org/false"}


def _body(articles: list[dict[str, Any]]) -> str:
    """Return the longest articleBody, each line as plain text."""
    body = max((b for a in articles if isinstance(b := a.get("articleBody"), str)), key=len, default="")
    lines = (html_text.plain(line) for line in re.split(r"[\r\n]+|<br\s*/?>|</p>", body))
    return "\n".join(line for line in lines if line)
