"""Whether a page may be read: one test a signal, judged on what the pure function answers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html

from newsletter.feeds.page_rights import (
    PageSignals,
    SiteRules,
    Use,
    crawl_delay,
    licence_addresses,
    linked_licence,
    page_signals,
    right_to_read,
)

URL = "https://paper.example/news/2026/bridge?id=4"
AGENT = "Evenhand"
OPEN = SiteRules(404)


def use(site: SiteRules = OPEN, **said: Any) -> Use:
    found = right_to_read(URL, site, agent=AGENT, **said)
    assert found.reason.endswith(".")
    assert "\n" not in found.reason
    return found.use


def robots(text: str) -> Use:
    return use(SiteRules(200, text))


def rsl(licence: str, where: str = "/") -> str:
    return f'<rsl xmlns="https://rslstandard.org/rsl"><content url="{where}">{licence}</content></rsl>'


def test_what_nobody_forbids_may_be_read_by_models_too() -> None:
    assert use() is Use.READ
    assert use(page=PageSignals((("content-type", "text/html"),), (("robots", "index, follow"),))) is Use.READ


def test_the_catalogue_and_the_setting_can_forbid() -> None:
    assert use(policy="feed") is Use.REFUSED
    assert use(reading="off") is Use.REFUSED


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("User-agent: *\nDisallow: /news/", Use.REFUSED),
        ("User-agent: *\nDisallow: /sport/", Use.READ),
        ("User-agent: Evenhand\nDisallow: /\n\nUser-agent: *\nAllow: /", Use.REFUSED),
        ("User-agent: OtherBot\nDisallow: /", Use.READ),
        ("User-agent: *\nDisallow: /\n\nUser-agent: evenhand\nAllow: /", Use.READ),
        ("User-agent: *\nDisallow: /*?id=", Use.REFUSED),
        ("<html>not found</html>", Use.READ),
        ("User-agent: *\nContent-Usage: ai-input=n", Use.WITHOUT_MODELS),
        ("User-agent: *\nContent-Usage: train-ai=n", Use.READ),
        ("User-agent: *\nContent-Usage: /news/ ai-input=n, train-ai=n", Use.WITHOUT_MODELS),
        ("User-agent: *\nContent-Usage: /sport/ ai-input=n", Use.READ),
        ("User-agent: *\nContent-Usage: ai-input=n\nContent-Usage: /news/ ai-input=y", Use.READ),
        ("User-agent: *\nContent-Signal: search=yes, ai-input=no, ai-train=no", Use.WITHOUT_MODELS),
        ("User-agent: OtherBot\nContent-Usage: ai-input=n\n\nUser-agent: *\nDisallow: /x", Use.READ),
        ("User-agent: *\nContent-Usage: bots=n", Use.REFUSED),
    ],
)
def test_robots_txt(text: str, expected: Use) -> None:
    assert robots(text) is expected


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_robots_txt_with_trouble_forbids(status: int) -> None:
    assert use(SiteRules(status)) is Use.REFUSED


def test_a_robots_txt_that_cannot_be_read_forbids_with_the_reason() -> None:
    said = right_to_read(URL, SiteRules(None, error="It is larger than 0.5 MB."), agent=AGENT)
    assert said.use is Use.REFUSED
    assert said.reason == "Its robots.txt could not be read: It is larger than 0.5 MB."


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_where_there_is_no_robots_txt_nothing_is_forbidden(status: int) -> None:
    assert use(SiteRules(status)) is Use.READ


def test_the_crawl_delay_is_the_one_for_us() -> None:
    text = "User-agent: *\nCrawl-delay: 5\n\nUser-agent: Evenhand\nCrawl-delay: 2.5\nDisallow: /x"
    assert crawl_delay(SiteRules(200, text), AGENT) == 2.5
    assert crawl_delay(SiteRules(200, text), "Other") == 5
    assert crawl_delay(OPEN, AGENT) is None


@pytest.mark.parametrize(
    ("licence", "expected"),
    [
        ("<license><permits type='usage'>all</permits></license>", Use.READ),
        ("<license><permits type='usage'>search ai-input</permits></license>", Use.READ),
        ("<license><permits type='usage'>search</permits></license>", Use.WITHOUT_MODELS),
        ("<license><prohibits type='usage'>ai-all</prohibits></license>", Use.WITHOUT_MODELS),
        ("<license><prohibits type='usage'>ai-train</prohibits></license>", Use.READ),
        ("<license><prohibits type='usage'>all</prohibits></license>", Use.REFUSED),
        ("<license><permits type='usage'>ai-train</permits></license>", Use.REFUSED),
        ("<license><prohibits type='user'>commercial</prohibits></license>", Use.REFUSED),
        ("<license><permits type='user'>education</permits></license>", Use.REFUSED),
        ("<license><payment type='crawl'><amount currency='USD'>1</amount></payment></license>", Use.REFUSED),
        ("<license><payment type='inference'/></license>", Use.WITHOUT_MODELS),
        ("<license><payment type='attribution'/></license>", Use.READ),
        ("<license><payment type='crawl'/></license><license><payment type='free'/></license>", Use.READ),
        ("", Use.REFUSED),
    ],
)
def test_rsl_licences(licence: str, expected: Use) -> None:
    assert use(SiteRules(404, licences=(rsl(licence),))) is expected
    assert use(feed_licences=(rsl(licence),)) is expected
    assert use(page=PageSignals(licences=(rsl(licence),))) is expected


def test_a_licence_holds_where_its_address_says() -> None:
    never = "<license><prohibits type='usage'>all</prohibits></license>"
    assert use(SiteRules(404, licences=(rsl(never, "/sport/"),))) is Use.READ
    assert use(SiteRules(404, licences=(rsl(never, "/*/2026/"),))) is Use.REFUSED
    assert use(SiteRules(404, licences=(rsl(never, "https://other.example/"),))) is Use.READ
    assert use(SiteRules(404, licences=(rsl(never, "https://paper.example/news/"),))) is Use.REFUSED
    more = rsl(never).replace(
        "</rsl>", '<content url="/news/"><license><payment type="free"/></license></content></rsl>'
    )
    assert use(SiteRules(404, licences=(more,))) is Use.READ


def test_a_licence_that_cannot_be_read_forbids() -> None:
    assert use(SiteRules(404, licences=("<rsl><content>",))) is Use.REFUSED
    assert use(replace(OPEN, missing_licence="https://paper.example/l.xml")) is Use.REFUSED
    bomb = '<!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><rsl><content url="/">&b;</content></rsl>'
    assert use(SiteRules(404, licences=(bomb,))) is Use.REFUSED


def test_the_licences_that_robots_txt_and_a_header_name() -> None:
    text = "License: https://paper.example/l.xml # terms\nUser-agent: *\nDisallow:"
    assert licence_addresses(text) == ["https://paper.example/l.xml"]
    header = ("link", '</style.css>; rel=preload, </l.xml>; rel="license"; type="application/rsl+xml"')
    assert linked_licence(PageSignals((header,))) == "/l.xml"
    assert linked_licence(PageSignals((("link", "</l.html>; rel=license"),))) == ""


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ('[{"location": "/", "tdm-reservation": 1}]', Use.REFUSED),
        ('[{"location": "/sport/", "tdm-reservation": 1}]', Use.READ),
        (
            '[{"location": "/", "tdm-reservation": 1}, {"location": "/news/*", "tdm-reservation": 0}]',
            Use.READ,
        ),
        ("[" * 100_000, Use.READ),
        ('{"location": 3}', Use.READ),
    ],
)
def test_tdmrep_json(rules: str, expected: Use) -> None:
    assert use(SiteRules(404, tdmrep=rules)) is expected


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("x-robots-tag", "noindex", Use.REFUSED),
        ("x-robots-tag", "noai, noimageai", Use.WITHOUT_MODELS),
        ("x-robots-tag", "googlebot: noindex, nofollow", Use.READ),
        ("x-robots-tag", "evenhand: noindex", Use.REFUSED),
        ("x-robots-tag", "max-snippet: 0", Use.REFUSED),
        ("x-robots-tag", "unavailable_after: 25 Jun 2030 15:00:00 PST", Use.READ),
        ("x-robots-tag", "noarchive", Use.WITHOUT_MODELS),
        ("content-usage", "train-ai=n, ai-input=n", Use.WITHOUT_MODELS),
        ("content-usage", "train-ai=n", Use.READ),
        ("tdm-reservation", "1", Use.REFUSED),
        ("tdm-reservation", "0", Use.READ),
    ],
)
def test_headers(name: str, value: str, expected: Use) -> None:
    assert use(page=PageSignals(((name, value),))) is expected


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("<meta name='ROBOTS' content='NOINDEX, nofollow'>", Use.REFUSED),
        ("<meta name=robots content='max-image-preview:large, max-snippet:-1'>", Use.READ),
        ("<meta name=robots content='max-snippet:0'>", Use.REFUSED),
        ("<meta name=googlebot content=noindex>", Use.READ),
        ("<meta name=evenhand content=noai>", Use.WITHOUT_MODELS),
        ("<meta name=tdm-reservation content=1>", Use.REFUSED),
        (
            f"<script type='application/rsl+xml'>{rsl('<license><permits>search</permits></license>')}</script>",
            Use.WITHOUT_MODELS,
        ),
    ],
)
def test_what_stands_in_the_page(head: str, expected: Use) -> None:
    tree = html.document_fromstring(f"<html><head>{head}</head><body><p>Text.</p></body></html>")
    assert use(page=page_signals(tree)) is expected


def test_the_strictest_signal_holds() -> None:
    page = PageSignals((("content-usage", "ai-input=n"),), (("robots", "noindex"),))
    assert use(page=page) is Use.REFUSED
    assert use(SiteRules(200, "User-agent: *\nContent-Usage: ai-input=n"), page=PageSignals()) is (
        Use.WITHOUT_MODELS
    )


_PIECES = st.sampled_from(
    [
        "User-agent:", "*", "Evenhand", "Disallow:", "/", "Allow: /*?", "$", "Crawl-delay:", "1e999", "-3", "nan", "\n", "\r", " ", "#", "%", "%zz",
        "Content-Usage:", "/a b ai-input=n", "Content-Signal: ai-input=no,,=", "Request-rate: 1/0s", "Visit-time: 9999-1", "Host:", "[::1", "License:",
        "\ud800", "\x00", "é", "<rsl><content url='[::1'>", "<license/>", "</content></rsl>", '[{"location": "//["}]', "noindex:", ":", ",",
    ]
)  # fmt: skip


@given(st.lists(_PIECES, max_size=30).map("".join))
def test_whatever_a_site_writes_there_is_an_answer(text: str) -> None:
    page = PageSignals((("x-robots-tag", text), ("content-usage", text), ("link", text)), (("robots", text),))
    found = right_to_read(URL, SiteRules(200, text, tdmrep=text, licences=(text,)), agent=AGENT, page=page)
    assert found.reason
    delay = crawl_delay(SiteRules(200, text), AGENT)
    assert delay is None or delay >= 0
    linked_licence(page)
    licence_addresses(text)
