"""The text of pages of our own: what is read, what is left out, and which walls are known."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from newsletter.feeds.page_text import LONGEST_TEXT, Page, PageRefused, Wall, parse, read_page

HEADLINE = "Council votes to close the harbour bridge"
PARAGRAPHS = [
    "The council of Lower Marsh voted seven to four on Tuesday to close the harbour bridge for two years of repairs.",
    "Engineers had found cracks in nine of the twelve piers, and a report in March asked for lorries to be kept off it.",
    "“We cannot wait for a girder to fall,” said Mara Holt, who leads the works committee.",
    "Shopkeepers on the island say that the detour of eleven miles will cost them half of their customers.",
]


def page(
    paragraphs: list[str] = PARAGRAPHS, *, head: str = "", before: str = "", after: str = "", data: Any = None
) -> bytes:
    script = f'<script type="application/ld+json">{json.dumps(data)}</script>' if data else ""
    text = "".join(f"<p>{p}</p>" for p in paragraphs)
    return (
        f"<!doctype html><html><head><title>{HEADLINE} | The Marsh Post</title>{head}{script}</head><body>"
        f"<nav><a href='/a'>World</a> <a href='/b'>Sport</a></nav><main><article><h1>{HEADLINE}</h1>"
        f"{before}{text}{after}</article></main><footer><p>All rights are ours.</p></footer></body></html>"
    ).encode()


def read(body: bytes, content_type: str = "text/html; charset=utf-8", headline: str = HEADLINE) -> Page:
    return read_page(parse(body, content_type), headline=headline)


def test_the_paragraphs_of_an_article_are_read_and_nothing_beside_them() -> None:
    found = read(
        page(
            before="<figure><img src=x><figcaption>The bridge on Monday.</figcaption></figure>"
            "<p class=screen-reader-hidden>Your browser is old, and the page looks bad in it.</p>",
            after="<h2>Detour</h2><p>Photo: Ann Lee / The Marsh Post</p><aside><p>Fares rise in May, says the ferry.</p></aside>"
            "<p>READ ALSO: <a href='/x'>Ferry fares rise again, and islanders protest.</a></p>"
            "<blockquote class='twitter-tweet'><p>The bridge is closed.</p></blockquote>"
            "<p>This article was amended on 3 March to correct the number of piers.</p>",
        )
    )
    assert list(found.paragraphs) == PARAGRAPHS
    assert found.wall is None


def test_a_list_is_text_where_a_paragraph_leads_to_it() -> None:
    listed = "<ul><li>close the bridge;</li><li>repair nine piers.</li></ul>"
    links = "<ul><li><a href='/1'>Ferry fares</a></li><li><a href='/2'>Tides</a></li></ul>"
    found = read(page(after=f"<p>The council wants to:</p>{listed}<p>It meets again in May.</p>{links}"))
    assert found.paragraphs[-4:] == (
        "The council wants to:",
        "close the bridge;",
        "repair nine piers.",
        "It meets again in May.",
    )


def test_of_a_paragraph_without_an_end_the_whole_sentences_stay() -> None:
    found = read(page(after="<p>The ferry runs until ten at night. It takes forty cars. More on</p>"))
    assert found.paragraphs[-1] == "The ferry runs until ten at night. It takes forty cars."


def test_the_text_of_schema_org_stands_in_for_what_the_page_shows_only_by_script() -> None:
    data = {"@type": "NewsArticle", "articleBody": "\n".join(PARAGRAPHS)}
    assert list(read(page(PARAGRAPHS[:1], data=data)).paragraphs) == PARAGRAPHS


def test_title_time_authors_and_type_are_what_the_page_says() -> None:
    data = {
        "@graph": [
            {"@type": "WebSite", "name": "The Marsh Post"},
            {
                "@type": ["NewsArticle"],
                "headline": "another title",
                "datePublished": "2026-03-03T18:20:00+02:00",
                "author": [
                    {"@type": "Person", "name": "Ann Lee and Bo &amp; Co"},
                    {"name": "https://a.example/bo"},
                ],
            },
        ]
    }
    head = (
        f"<meta property='og:title' content='{HEADLINE} - The Marsh Post'>"
        "<meta property='og:site_name' content='The Marsh Post'><link rel=canonical href='/2026/bridge'>"
    )
    found = read(page(head=head, data=data)).metadata
    assert found.title == HEADLINE
    assert found.published_at == datetime(2026, 3, 3, 16, 20, tzinfo=UTC)
    assert found.authors == ("Ann Lee and Bo & Co",)
    assert found.canonical == "/2026/bridge"
    assert found.schema_kinds == ("NewsArticle",)


def test_a_time_without_a_zone_is_none() -> None:
    data = {"@type": "NewsArticle", "datePublished": "2026-03-03T18:20:00"}
    assert read(page(data=data)).metadata.published_at is None


@pytest.mark.parametrize(
    ("body", "wall"),
    [
        (page(data={"@type": "NewsArticle", "isAccessibleForFree": "False"}), Wall.PAYWALL),
        (page(data={"@type": "NewsArticle", "isAccessibleForFree": True}), None),
        (page(PARAGRAPHS[:1], after="<form><input type=password></form>"), Wall.SIGN_IN),
        (page([], before="<div id=app></div><script src=/app.js></script>"), Wall.SCRIPT),
        (page(PARAGRAPHS[:1]), Wall.SHORT),
        (page(PARAGRAPHS[:2]), None),
        (
            b"<title>Just a moment</title><h1>Checking your browser</h1><p>Please wait while we check.</p>",
            Wall.OTHER_PAGE,
        ),
        (
            page(
                [
                    "We and our 812 partners store cookies on your device, if you agree to it."
                    for _ in "12345678"
                ]
            ).replace(HEADLINE.encode(), b"Before you continue"),
            Wall.OTHER_PAGE,
        ),
    ],
)
def test_walls_are_known(body: bytes, wall: Wall | None) -> None:
    assert read(body).wall is wall


def test_a_page_in_utf_16_and_one_in_a_declared_encoding_are_read() -> None:
    words = "„Wir können nicht warten“, sagte die Bürgermeisterin über die Brücke."
    text = page([*PARAGRAPHS, words]).decode()
    assert read(text.encode("utf-16"), "text/html").paragraphs[-1] == words
    old = text.replace("<head>", "<head><meta charset='windows-1252'>").encode("cp1252", "xmlcharrefreplace")
    assert read(old, "text/html").paragraphs[-1] == words


@pytest.mark.parametrize(
    ("body", "content_type", "reason"),
    [
        (b"  ", "text/html", "It is empty."),
        (b"%PDF-1.7", "application/pdf", "It is no web page."),
        (b"<p " + b" ".join(b"a%d=1" % n for n in range(60_000)) + b">x</p>", "text/html", "never ends"),
        (b"<p " + b"".join(b"a%d='1'" % n for n in range(60_000)) + b">x</p>", "text/html", "never ends"),
        (b"<i>a</i>" * 60_000, "text/html", "elements"),
    ],
)
def test_what_is_no_page_is_refused_with_a_reason(body: bytes, content_type: str, reason: str) -> None:
    begun = time.monotonic()
    with pytest.raises(PageRefused) as refused:
        read(body, content_type)
    assert reason in refused.value.reason
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize(
    "body",
    [
        b"<div>" * 20_000 + b"x",
        b"<table><tr><td>" * 9_000,
        b"<script type='application/ld+json'>" + b"[" * 100_000 + b"</script><p>Hello.</p>",
        b"<p>" + b"." * 500_000 + b"</p>",
        b"<p>" + "\u202e\u200b\x01".encode() * 1_000 + b"The end.</p>",
        b"\xff\xfe<\x00",
        b"<!DOCTYPE a [<!ENTITY b 'c'>]><p>&b; &#0; &#xd800;.</p>",
    ],
)
def test_hostile_markup_gives_no_text_worth_telling(body: bytes) -> None:
    begun = time.monotonic()
    try:
        found = read(body)
    except PageRefused:
        return
    assert found.wall is not None
    assert not set(found.text) & set("\u202e\u200b\x01\x00")
    assert time.monotonic() - begun < 10


def test_what_is_kept_of_a_page_is_bounded() -> None:
    found = read(
        page([f"{n} bridges are closed for repairs this year, the council says." for n in range(5_000)])
    )
    assert LONGEST_TEXT / 2 < len(found.text) <= LONGEST_TEXT + 5_000
