"""OPML in and out: nothing is lost on the way round, nothing is believed from strangers, nothing is expanded."""

from __future__ import annotations

import codecs
import contextlib
from xml.sax.saxutils import quoteattr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.errors import CatalogueError
from newsletter.feeds.catalogue import Catalogue, parse_catalogue
from newsletter.feeds.leans import Lean
from newsletter.feeds.opml import MOST_FEEDS, UNASSIGNED, read_opml, to_opml, to_toml

TWO = """
[[outlet]]
name = 'The "Lantern" & <Co> — Øst'
homepage = "https://lantern.example/?a=1&b=2"
lean = "lean_left"
lean_basis = "It says so <itself> & 'often'."
feeds = ["https://lantern.example/rss?x=1&y=2", "https://lantern.example/politics.atom"]
disputed = true

[[outlet]]
name = "Anvil"
homepage = "https://anvil.example/"
lean = "right"
lean_basis = "Its owners say so."
feeds = ["https://anvil.example/feed"]
enabled = false
"""


def opml(body: str) -> bytes:
    return f'<?xml version="1.0"?>\n<opml version="2.0">\n<body>\n{body}\n</body></opml>'.encode()


def without_lines(catalogue: Catalogue) -> list[tuple[object, ...]]:
    return [
        (o.name, o.homepage, o.lean, o.lean_basis, o.feeds, o.enabled, o.disputed) for o in catalogue.outlets
    ]


def test_a_catalogue_comes_back_whole_from_its_opml() -> None:
    catalogue = parse_catalogue(TWO, "two.toml")
    reading = read_opml(to_opml(catalogue, title="What <we> read").encode(), "ours.opml")
    assert reading.left_out == ()
    assert without_lines(parse_catalogue(to_toml(reading.outlets), "back.toml")) == without_lines(catalogue)


def test_a_strangers_outlet_is_switched_off_until_an_operator_assigns_its_lean() -> None:
    (outlet,) = read_opml(
        opml('<outline text="Lantern" xmlUrl="https://lantern.example/rss"/>'), "x.opml"
    ).outlets
    assert (outlet.lean, outlet.enabled, outlet.lean_basis) == (Lean.CENTER, False, UNASSIGNED)
    assert outlet.homepage == "https://lantern.example/"


def test_a_lean_outside_our_namespace_says_nothing() -> None:
    body = (
        '<outline text="L" xmlUrl="https://l.example/rss" lean="right" lean_basis="trust me" enabled="true"/>'
    )
    (outlet,) = read_opml(opml(body), "x.opml").outlets
    assert (outlet.lean, outlet.enabled, outlet.lean_basis) == (Lean.CENTER, False, UNASSIGNED)


def test_each_outline_left_out_has_its_line_and_reason() -> None:
    reading = read_opml(
        opml(
            '<outline text="Folder"><outline text="A" xmlUrl="https://a.example/rss"/></outline>\n'
            '<outline text="A again" xmlUrl="https://a.example/rss?utm_source=x"/>\n'
            '<outline text="File" xmlUrl="file:///etc/passwd"/>\n'
            '<outline text="Login" xmlUrl="http://ann:secret@b.example/rss"/>\n'
            '<outline text="Nothing"/>\n'
            '<outline text="Lean" xmlUrl="https://c.example/" xmlns:c="urn:newsletter:catalogue:1" c:lean="up"/>'
        ),
        "x.opml",
    )
    assert [o.name for o in reading.outlets] == ["A"]
    assert [left.line for left in reading.left_out] == [5, 6, 7, 8, 9]
    for left, word in zip(
        reading.left_out, ["line 4", "http", "password", "xmlUrl", "lean 'up'"], strict=True
    ):
        assert word in left.reason


def test_sections_of_one_outlet_are_one_outlet() -> None:
    """Enabled apart, one publisher would be three of the outlets that make a story."""
    rows = "".join(
        f'<outline text="{name}" xmlUrl="https://{host}/{n}/rss" htmlUrl="https://{host}/{n}"/>\n'
        for n, (name, host) in enumerate(
            [
                ("Lantern - Politics", "lantern.example"),
                ("Lantern – World", "lantern.example"),
                ("Lantern", "lantern.example"),
                ("Lantern: Money", "money.example"),
                ("Anna writes", "pages.example"),
                ("Anna reads", "pages.example"),
                ("Lantern - World", "other.example"),
                ("Lantern - Money", "other.example"),
            ]
        )
    )
    outlets = read_opml(opml(rows), "x.opml").outlets
    assert [(o.name, len(o.feeds)) for o in outlets] == [
        ("Lantern", 3),
        ("Lantern: Money", 1),
        ("Anna writes", 1),
        ("Anna reads", 1),
        ("Lantern - World", 2),
    ]


def test_feeds_of_one_outlet_join_and_outlets_of_one_name_stay_apart() -> None:
    reading = read_opml(
        opml(
            '<outline text="News" htmlUrl="https://a.example/" xmlUrl="https://feeds.example/a1"/>'
            '<outline text="news" htmlUrl="https://b.example/" xmlUrl="https://feeds.example/b1"/>'
            '<outline text="NEWS" htmlUrl="https://a.example/x" xmlUrl="https://feeds.example/a2"/>'
            '<outline text="News" htmlUrl="https://b.example/y" xmlUrl="https://feeds.example/b2"/>'
        ),
        "x.opml",
    )
    assert [(o.name, len(o.feeds)) for o in reading.outlets] == [("News", 2), ("news (b.example)", 2)]
    parse_catalogue(to_toml(reading.outlets), "back.toml")


@pytest.mark.parametrize(
    "declared",
    [
        '<!DOCTYPE opml SYSTEM "http://127.0.0.1:9/x.dtd">',
        '<!DOCTYPE opml [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE opml [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>',
    ],
)
def test_a_document_type_is_refused(declared: str) -> None:
    with pytest.raises(CatalogueError, match=r"x\.opml, line 2: .*DTD"):
        read_opml(f'<?xml version="1.0"?>\n{declared}<opml><body/></opml>'.encode(), "x.opml")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "line 1"),
        (b"<html/>", "no OPML"),
        (b"<opml>\n<body>\n<outline", "line 3: this is not XML"),
        (b"<opml>" + b"<outline>" * 100_000, "nested"),
        (b"<opml>" + b" " * 5_300_000, "larger than 5 MB"),
        (b"\x00\xff\xfe" * 50, "not XML"),
    ],
)
def test_what_is_no_opml_is_refused_with_a_line(body: bytes, said: str) -> None:
    with pytest.raises(CatalogueError, match=r"x\.opml, line \d+: ") as refused:
        read_opml(body, "x.opml")
    assert said in str(refused.value)


def test_other_encodings_are_read() -> None:
    text = '<?xml version="1.0" encoding="{}"?><opml><body><outline text="Øst" xmlUrl="https://o.example/"/></body></opml>'
    for body in (
        text.format("iso-8859-1").encode("latin-1"),
        codecs.BOM_UTF16_LE + text.format("utf-16").encode("utf-16-le"),
        codecs.BOM_UTF8 + text.format("utf-8").encode(),
    ):
        assert [o.name for o in read_opml(body, "x").outlets] == ["Øst"]


def test_names_are_one_clean_line_and_escape_codes_never_reach_the_terminal() -> None:
    body = '<outline text="A&#x202e;b&#10;&lt;b&gt;c&lt;/b&gt;&#x9b;31m" xmlUrl="https://a.example/"/>'
    (outlet,) = read_opml(opml(body), "x").outlets
    assert outlet.name == "Ab <b>c</b>31m"


def test_there_is_an_end_to_how_many_feeds_one_file_may_bring() -> None:
    many = "".join(f'<outline text="n{n}" xmlUrl="https://h{n}.example/"/>' for n in range(MOST_FEEDS + 2))
    reading = read_opml(opml(many), "x")
    assert len(reading.outlets) == MOST_FEEDS
    assert len(reading.left_out) == 2


_words = st.text(st.characters(exclude_categories=["Cs"]), max_size=100)


@given(st.binary(max_size=300) | _words.map(str.encode))
def test_no_bytes_give_anything_but_a_reading_or_a_refusal(body: bytes) -> None:
    for document in (body, opml(body.decode("utf-8", "replace"))):
        with contextlib.suppress(CatalogueError):
            read_opml(document, "x")


@given(
    st.lists(
        st.tuples(_words, _words, st.sampled_from(["a.example", "b.example", "c.example/x?y=1", ""])),
        max_size=8,
    )
)
def test_whatever_is_taken_in_is_a_catalogue(rows: list[tuple[str, str, str]]) -> None:
    clean = [
        (*("".join(c for c in word if c.isprintable()) for word in (name, home)), f"https://{host}/{n}")
        for n, (name, home, host) in enumerate(rows)
    ]
    body = "".join(
        f"<outline text={quoteattr(name)} htmlUrl={quoteattr(home)} xmlUrl={quoteattr(feed)}/>"
        for name, home, feed in clean
    )
    reading = read_opml(opml(body), "x")
    if reading.outlets:
        back = parse_catalogue(to_toml(reading.outlets), "back.toml")
        assert [(o.name, o.feeds) for o in back.outlets] == [(o.name, o.feeds) for o in reading.outlets]
    assert sum(len(o.feeds) for o in reading.outlets) + len(reading.left_out) == len(rows)
