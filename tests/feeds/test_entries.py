"""Documents to Entries: every kind of feed, every slip we know of, and every attack as nothing but text."""

from __future__ import annotations

import codecs
import contextlib
import gzip
import json
import unicodedata
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.feeds.kinds import ArticleKind
from newsletter.feeds.parser import FeedEntry, FeedRefused, read_entries, usable_date
from newsletter.feeds.raw_feed import MOST_ENTRIES
from tests.servers.feed_server import entry, rss

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
HERE = "https://feeds.example/news/f"
SHARED = Path(__file__).parents[3] / "shared" / "data" / "feeds"


def read(document: str | bytes, kind: str = "", **more: object) -> list[FeedEntry]:
    body = document.encode() if isinstance(document, str) else document
    return read_entries(body, kind, HERE, now=NOW, **more)  # type: ignore[arg-type]


def refused(document: str | bytes) -> str:
    with pytest.raises(FeedRefused) as error:
        read(document)
    assert error.value.reason.endswith(".")
    return error.value.reason


def title(markup: str) -> str:
    """What becomes of a title."""
    (found,) = read(rss(entry(1, title=markup)))
    return found.headline


# ── the four formats say the same ─────────────────────────────────────────────────────────────────────────────────

RSS = rss(entry(1, date="Sun, 01 Mar 2026 08:00:00 GMT"))
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><title>T</title><entry><title>The ferry line opens pier 1</title>
<id>id-1</id><link rel="alternate" href="https://lantern.example/news/1"/><updated>2026-03-01T09:00:00+01:00</updated>
<summary type="html">Pier 1 was &lt;b&gt;opened&lt;/b&gt; on Sunday.</summary></entry></feed>"""
RDF = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>T</title></channel><item rdf:about="id-1">
<title>The ferry line opens pier 1</title><link>https://lantern.example/news/1</link><dc:date>2026-03-01T08:00:00Z</dc:date>
<description>Pier 1 was opened on Sunday.</description></item></rdf:RDF>"""
JSON = json.dumps(
    {"version": "https://jsonfeed.org/version/1.1", "title": "T", "items": [
        {"id": "id-1", "url": "https://lantern.example/news/1", "title": "The ferry line opens pier 1",
         "content_text": "Pier 1 was opened on Sunday.", "date_published": "2026-03-01T03:00:00-05:00"}]}
)  # fmt: skip


@pytest.mark.parametrize("document", [RSS, ATOM, RDF, JSON], ids=["rss", "atom", "rdf", "json"])
@pytest.mark.parametrize(
    "written", [str.encode, lambda d: codecs.BOM_UTF8 + d.encode(), lambda d: b"\r\n " + d.encode(),
                lambda d: gzip.compress(d.encode()), lambda d: d.encode("utf-16")],
    ids=["plain", "bom", "blank", "gzip", "utf-16"],
)  # fmt: skip
def test_every_format_reads_the_same(document: str, written: object) -> None:
    (found,) = read(written(document))  # type: ignore[operator]
    assert (found.url, found.headline) == ("https://lantern.example/news/1", "The ferry line opens pier 1")
    assert found.excerpt == "Pier 1 was opened on Sunday."
    assert found.published_at == datetime(2026, 3, 1, 8, tzinfo=UTC)


# ── what entries lack ─────────────────────────────────────────────────────────────────────────────────────────────


def test_entries_without_an_address_or_without_words_are_left_out() -> None:
    assert (
        read(rss("<item><title>No address</title></item>", "<item><link>https://a.example/1</link></item>"))
        == []
    )
    assert read(rss("<item><title>Id only</title><guid isPermaLink='false'>12345</guid></item>")) == []


def test_an_id_that_is_an_address_serves_as_one() -> None:
    (found,) = read(rss("<item><title>By id</title><guid>https://a.example/1</guid></item>"))
    assert found.url == "https://a.example/1"


def test_without_a_title_the_first_sentence_stands_for_it() -> None:
    (found,) = read(rss("<item><link>/1</link><description>Pier opened. Crowds came.</description></item>"))
    assert (found.headline, found.excerpt) == ("Pier opened.", "Pier opened. Crowds came.")


@pytest.mark.parametrize(
    ("link", "url"),
    [
        ("/news/1", "https://lantern.example/news/1"),
        ("//other.example/1", "https://other.example/1"),
        ("https://lantern.example/news/1?utm_source=rss&amp;id=7#top", "https://lantern.example/news/1?id=7"),
        ("HTTPS://Lantern.Example:443/A", "https://lantern.example/A"),
        ("\n https://lantern.example/1 \n", "https://lantern.example/1"),
    ],
)
def test_addresses_come_in_one_form(link: str, url: str) -> None:
    (found,) = read(rss(f"<item><title>Pier opens</title><link>{link}</link></item>"))
    assert found.url == url


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "https://ann:pw@a.example/", "tag:a,1:2",
             "https://a.example/" + "x" * 3000, "http://[::1"],
)  # fmt: skip
def test_what_is_no_address_of_a_page_is_none(link: str) -> None:
    assert read(rss(f"<item><title>Pier opens</title><link>{link}</link></item>")) == []


def test_relative_addresses_in_atom_are_relative_to_the_document_and_to_xml_base() -> None:
    found = ATOM.replace("https://lantern.example/news/1", "/a/1")
    assert read(found)[0].url == "https://feeds.example/a/1"
    based = found.replace("<entry>", '<entry xml:base="https://base.example/x/">')
    assert read(based)[0].url == "https://base.example/a/1"


def test_each_address_is_read_once() -> None:
    assert [
        e.headline for e in read(rss(entry(1, title="First of two"), entry(1, title="Second of two")))
    ] == ["First of two"]


@pytest.mark.parametrize(
    ("said", "moment"),
    [
        ("Sun, 01 Mar 2026 08:00:00 -0500", datetime(2026, 3, 1, 13, tzinfo=UTC)),
        ("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
        ("Mon, 02 Mar 2026 22:00:00 GMT", NOW),  # half a day ahead: somebody's zone is wrong
        ("Mon, 09 Mar 2026 08:00:00 GMT", None),
        ("Mon, 01 Jan 1900 00:00:00 GMT", None),
        ("Thu, 01 Jan 1970 00:00:00 GMT", None),
        ("yesterday", None),
        ("", None),
        ("9" * 5000, None),
    ],
)
def test_only_dates_we_can_believe_are_believed(said: str, moment: datetime | None) -> None:
    (found,) = read(rss(entry(1, date=said)))
    assert found.published_at == moment


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_usable_date_is_never_ahead(moment: datetime) -> None:
    assert (usable_date(moment, NOW) or NOW) <= NOW


# ── encodings ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("written", "declared", "kind"),
    [
        ("utf-8", "iso-8859-1", ""),
        ("cp1252", "utf-8", ""),
        ("cp1252", "iso-8859-1", ""),
        ("cp1252", "nonsense-8", "text/xml; charset=windows-1252"),
        ("utf-16-le", "utf-16", ""),
        ("utf-8", "utf-16", ""),
        ("utf-8", "utf-7", ""),
    ],
)
def test_wrong_and_odd_encodings_are_read(written: str, declared: str, kind: str) -> None:
    document = rss(entry(1, title="Øresund “bridge” – café")).replace(
        '"1.0"?', f'"1.0" encoding="{declared}"?'
    )
    (found,) = read(document.encode(written), kind)
    assert found.headline == "Øresund “bridge” – café"


@pytest.mark.parametrize("name", ["koi8-r", "shift_jis", "iso-2022-jp", "gb18030", "euc-kr"])
def test_declared_encodings_of_the_world_are_read(name: str) -> None:
    words = {"koi8-r": "Паром открыт сегодня", "euc-kr": "페리 운항이 시작"}.get(name, "新しい橋が開通")
    document = rss(entry(1, title=words)).replace('"1.0"?', f'"1.0" encoding="{name}"?')
    assert read(document.encode(name))[0].headline == words


# ── slips that people would read over ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "broken",
    [
        rss(entry(1, summary="Fish & chips &nbsp; &unknown; &copy")),
        rss(entry(1, summary="a\x00b\x0bc &#0; &#x1f; &#xFFFF; &#xD800;")),
        rss(entry(1)).replace("</channel></rss>", ""),
        rss(entry(1)) + "<!-- behind --> trailing words",
        rss(entry(1, summary="<content:encoded>x</content:encoded>")),
        rss("<media:thumbnail url='x'/>", entry(1, summary="with <wfw:x/> tags")),
        rss(entry(1, summary="<b>unclosed <i>tags</b>")),
        "\n\n" + rss(entry(1)),
        "<!-- first -->" + rss(entry(1)).replace('<?xml version="1.0"?>', ""),
        '<!DOCTYPE rss PUBLIC "-//N//DTD RSS 0.91//EN" "http://dtd.example/rss.dtd">'
        + rss(entry(1)).replace('<?xml version="1.0"?>', ""),
    ],
)
def test_slips_are_read_over(broken: str) -> None:
    (found,) = read(broken)
    assert found.url == "https://lantern.example/news/1"
    assert found.headline == "The ferry line opens pier 1"


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("", "empty"),
        (" \n\t", "empty"),
        ("hello", "neither XML nor JSON"),
        ("<!doctype html><html><body>x</body></html>", "web page"),
        ("<svg xmlns='http://www.w3.org/2000/svg'/>", "not RSS"),
        ("{", "broken JSON"),
        ("[" * 100_000, "broken JSON"),
        ("[1]", "no JSON Feed"),
        ('{"items": 3, "title": "x"}', "no JSON Feed"),
        (b"\x1f\x8bnonsense", "damaged gzip"),
        (b"\x89PNG\r\n\x1a\n" + bytes(200), "neither XML nor JSON"),
        (gzip.compress(b" " * 6_000_000), "larger than 5 MB when unpacked"),
        (b" " * 6_000_000, "larger than 5 MB"),
        ("<rss>" + "<a>" * 300, "nested"),
    ],
)
def test_what_is_no_feed_is_refused_with_a_reason(document: str | bytes, words: str) -> None:
    assert words in refused(document)


# ── attacks ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _with_doctype(declared: str, words: str = "&x;") -> str:
    return f"<!DOCTYPE rss [{declared}]>" + rss(entry(1, title=f"The pier {words} opens")).replace(
        '<?xml version="1.0"?>', ""
    )


@pytest.mark.parametrize(
    "declared",
    ['<!ENTITY x SYSTEM "file:///etc/passwd">', '<!ENTITY x PUBLIC "a" "http://127.0.0.1:9/x">',
     '<!ENTITY % p SYSTEM "http://127.0.0.1:9/x.dtd"> %p;', '<!ENTITY % p "<!ENTITY x SYSTEM \'file:///etc/passwd\'>"> %p;'],
)  # fmt: skip
def test_nothing_outside_the_document_is_ever_read(declared: str) -> None:
    """The network is closed in tests, so that a fetch would fail loudly."""
    with contextlib.suppress(FeedRefused):
        (found,) = read(_with_doctype(declared))
        assert "root:" not in found.headline + found.excerpt


def test_entities_that_are_nested_or_grow_are_refused() -> None:
    laughs = '<!ENTITY a "ha">' + "".join(
        f'<!ENTITY {n} "{f"&{p};" * 10}">' for p, n in zip("abcdefgh", "bcdefghx", strict=True)
    )
    assert "nested" in refused(_with_doctype(laughs))
    assert "blow it up" in refused(_with_doctype(f'<!ENTITY x "{"a" * 50_000}">', "&x;" * 50))


def test_an_honest_entity_is_resolved() -> None:
    (found,) = read(_with_doctype('<!ENTITY x "&#38; harbour">'))
    assert found.headline == "The pier & harbour opens"


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<![CDATA[Pier <b>opens</b> <script>alert(1)</script>today]]>", "Pier opens today"),
        ("Pier &lt;img src=x onerror=alert(1)&gt; opens", "Pier opens"),
        ("Pier &amp;lt;script&amp;gt;alert(1)&amp;lt;/script&amp;gt; opens", "Pier opens"),
        ("<![CDATA[Pier <svg><script>x</script></svg> opens]]>", "Pier opens"),
        ("<![CDATA[Pier <mj-raw>a</mj-raw><mj-include path='/etc/passwd'/> opens]]>", "Pier a opens"),
        ("Pier {{ 7*7 }} {% raw %} opens", "Pier {{ 7*7 }} {% raw %} opens"),
        ("Pier %%unsubscribe_url%% opens", "Pier %%unsubscribe_url%% opens"),
        ("Pier &amp;amp; harbour open", "Pier & harbour open"),
        ("5 &lt; 7 says the harbour", "5 < 7 says the harbour"),
        ("Pier\u202e\u200b\u2066\ufeff\u00ad opens\U000e0041", "Pier opens"),
        ("Pier&#x202e;&#8203;&amp;#x202e; opens", "Pier opens"),
        ("Pier\r\nBcc: ann@example.com", "Pier Bcc: ann@example.com"),
        ("Pier\u2028opens now", "Pier opens now"),
        ("Z" + "\u0301" * 200 + "algo in the harbour", "Z" + "\u0301" * 4 + "algo in the harbour"),
    ],
)
def test_titles_are_text_and_nothing_else(markup: str, text: str) -> None:
    assert title(markup) == unicodedata.normalize("NFC", text)


def test_a_megabyte_of_title_is_cut() -> None:
    assert len(title("harbour " * 130_000)) <= 300
    assert len(title("x" * 1_000_000)) <= 300
    (found,) = read(rss(entry(1, summary="<![CDATA[" + "<p>" * 300_000 + "word " * 1000 + "]]>")))
    assert len(found.excerpt) <= 1_500


def test_twenty_thousand_entries_become_five_hundred() -> None:
    found = read(rss(*(entry(n) for n in range(20_000))))
    assert [e.url.rsplit("/", 1)[1] for e in found] == [str(n) for n in range(MOST_ENTRIES)]
    rows = [{"url": f"https://a.example/{n}", "title": f"Pier {n} opens"} for n in range(20_000)]
    assert len(read(json.dumps({"title": "T", "items": rows}))) == MOST_ENTRIES


@pytest.mark.parametrize(
    "row", [None, 3, "x", [], {}, {"url": 3, "title": []}, {"url": {}, "title": "x"}, {"id": True, "title": "x"},
            {"url": "https://a.example/", "title": "Pier", "authors": [3], "date_published": 5},
            {"url": "https://a.example/", "title": "Pier", "date_published": "0001-01-01T00:00:00+23:59"}],
)  # fmt: skip
def test_odd_json_is_no_surprise(row: object) -> None:
    read(json.dumps({"version": "https://jsonfeed.org/version/1", "items": [row]}))


# ── anything at all ───────────────────────────────────────────────────────────────────────────────────────────────

_pieces = st.sampled_from(
    ["<rss>", "<channel>", "<item>", "</item>", "<title>", "</title>", "<link>", "</link>", "https://a.example/1", "<![CDATA[",
     "]]>", "&amp;", "&lt;", "&#x0;", "&nbsp;", "&x;", "<!DOCTYPE rss [", '<!ENTITY x "y">', "]>", "<?xml version='1.0'?>", "<!--", "-->",
     "<feed xmlns='http://www.w3.org/2005/Atom'>", "<entry>", "<a:b c:d='e'>", "<pubDate>", "Sun, 01 Mar 2026", "<rdf:RDF>",
     '{"items":[', '{"url":"', '"}', "]}", "\u202e", "\x00", "\ud800", " ", "word"]
)  # fmt: skip


def _only_entries_or_a_refusal(body: bytes, kind: str = "") -> None:
    with contextlib.suppress(FeedRefused):
        for found in read(body, kind):
            assert found.headline
            assert found.headline.isprintable() or not set(found.headline) & set("\x00\n\r\u202e")
            assert found.url.startswith(("http://", "https://"))
            found.headline.encode()
            found.excerpt.encode()


@given(st.lists(_pieces, max_size=40).map("".join))
def test_no_mixture_of_markup_is_a_surprise(text: str) -> None:
    _only_entries_or_a_refusal(text.encode("utf-8", "surrogatepass"))


@given(st.binary(max_size=400), st.text(max_size=30))
def test_no_bytes_are_a_surprise(body: bytes, kind: str) -> None:
    _only_entries_or_a_refusal(body, kind)
    _only_entries_or_a_refusal(rss().encode() + body, f"text/xml; charset={kind}")


@given(st.text(), st.text(), st.text())
def test_no_words_in_a_feed_are_a_surprise(words: str, link: str, moment: str) -> None:
    row = {"title": words, "url": link, "id": words, "summary": words, "date_published": moment}
    _only_entries_or_a_refusal(json.dumps({"title": words, "items": [row], "home_page_url": link}).encode())
    clean = [w.replace("]]>", "") for w in (words, link, moment)]
    item = "<item><title><![CDATA[{}]]></title><link><![CDATA[{}]]></link><pubDate><![CDATA[{}]]></pubDate></item>"
    _only_entries_or_a_refusal(rss(item.format(*clean)).encode("utf-8", "surrogatepass"))


@pytest.mark.skipif(not SHARED.is_dir(), reason="the project's test feeds lie outside the repository")
def test_every_feed_gathered_by_feed_parser_projects_is_read_or_refused_with_a_reason() -> None:
    files = [p for p in SHARED.rglob("*") if p.is_file()]
    outcomes = {}
    for file in files:
        try:
            outcomes[file] = len(read(file.read_bytes()))
        except FeedRefused as error:
            outcomes[file] = -1 if error.reason.endswith(".") else 0
    assert len(outcomes) == len(files)
    assert sum(n > 0 for n in outcomes.values()) >= 120


# ── kinds, captions and notes ─────────────────────────────────────────────────────────────────────────────────────

CAPTION = (
    '<media:content url="https://lantern.example/p.jpg"><media:description>The mayor in May.</media:description>'
    "</media:content>"
)
MEDIA = 'xmlns:media="http://search.yahoo.com/mrss/"'


def _item(inside: str, declared: str = MEDIA) -> str:
    return (
        f'<rss version="2.0" {declared}><channel><title>T</title><item><title>Pier 1 opens to the public</title>'
        f"<link>https://lantern.example/1</link>{inside}</item></channel></rss>"
    )


@pytest.mark.parametrize(
    "declared", [MEDIA, MEDIA.replace("mrss/", "mrss"), ""], ids=["declared", "old", "not"]
)
@pytest.mark.parametrize(
    "inside",
    [
        f"{CAPTION}<description>Pier 1 was opened.</description>",
        f"<description>Pier 1 was opened.</description>{CAPTION}",
        f"<media:group>{CAPTION}</media:group><description>Pier 1 was opened.</description>",
    ],
    ids=["before", "behind", "group"],
)
def test_a_caption_is_never_taken_for_the_description(inside: str, declared: str) -> None:
    (found,) = read(_item(inside, declared))
    assert found.excerpt == "Pier 1 was opened."


def test_a_caption_stands_in_only_where_nothing_else_is_written() -> None:
    assert [e.excerpt for e in read(_item(f"{CAPTION}<description> </description>"))] == ["The mayor in May."]


def test_an_entry_is_of_the_kind_its_label_names_before_cleaning() -> None:
    document = rss(entry(1, title="SATIRE: Council sells the sky"), entry(2))
    assert [e.kind for e in read(document)] == [ArticleKind.SATIRE, ArticleKind.NEWS]


@pytest.mark.parametrize(
    "document",
    [
        RSS.replace("</item>", "<category>Opinion</category></item>"),
        ATOM.replace("</entry>", '<category term="op" label="Opinion"/></entry>'),
        JSON.replace('"id-1",', '"id-1", "tags": ["Orla", "Opinion"],'),
    ],
    ids=["rss", "atom", "json"],
)
def test_categories_of_every_format_name_the_kind(document: str) -> None:
    (found,) = read(document)
    assert found.kind is ArticleKind.OPINION


@pytest.mark.parametrize(
    ("summary", "excerpt"),
    [
        (
            "Pier 1 opened. CORRECTION: An earlier version of this story gave a wrong date. It cost 4 million.",
            "Pier 1 opened. It cost 4 million.",
        ),
        (
            "Pier 1 opened. (A previous version of this article misspelled Sen. Ida Voss.) It is long.",
            "Pier 1 opened. It is long.",
        ),
        (
            "Editor's note: This story was updated at 3 p.m. with a quote. Pier 1 opened.",
            "Pier 1 opened.",
        ),
        (
            "An earlier version of this bill failed. It passed on Monday.",
            "An earlier version of this bill failed. It passed on Monday.",
        ),
        ("She asked for a correction: the pier is long.", "She asked for a correction: the pier is long."),
    ],
)
def test_what_an_outlet_says_of_its_own_text_is_left_out(summary: str, excerpt: str) -> None:
    (found,) = read(rss(entry(1, summary=summary)))
    assert found.excerpt == excerpt


@pytest.mark.parametrize(
    "warning",
    ["<br />\n<b>Warning</b>: a cache in /var/www is full on line 3<br />\n", "Notice: 1 < 2\n", "\n\n "],
)
def test_a_servers_warning_in_front_of_a_feed_is_left_out(warning: str) -> None:
    assert [e.headline for e in read(warning + '<?xml version="1.0"?>' + rss(entry(1)))]
    assert [e.headline for e in read(warning + rss(entry(1)))]


def test_a_photos_caption_is_no_summary() -> None:
    media = 'xmlns:media="http://search.yahoo.com/mrss/"'
    caption = "<media:description>The old pier in June.</media:description>"
    item = f"<item><title>Pier opens</title><link>https://l.example/1</link>{caption}<description>Pier 1 was opened.</description></item>"
    (found,) = read(f'<rss version="2.0" {media}><channel><title>T</title>{item}</channel></rss>')
    assert found.excerpt == "Pier 1 was opened."
