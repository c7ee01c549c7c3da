"""No document blocks the others: those that took minutes are read or refused at once.

The patterns of Python and the parsers in C let no other thread run meanwhile, so one such feed would stop the whole morning.
Each document here is small and took more than 20 seconds before it was met at the root.
"""

from __future__ import annotations

from datetime import UTC, datetime

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.feeds import html_text
from newsletter.feeds.parser import FeedRefused, read_entries
from newsletter.feeds.xml_pruning import MOST_IN_ENTRY
from tests.servers.feed_server import entry, rss

NOW = datetime(2026, 3, 2, tzinfo=UTC)
pytestmark = pytest.mark.timeout(20)
ATOM = '<feed xmlns="http://www.w3.org/2005/Atom"{}><title>A</title>{}</feed>'
LONG = "A headline that is long enough"


def read(document: str) -> list[str] | str:
    """The headlines, or the reason for refusing."""
    try:
        found = read_entries(document.encode(), "", "https://a.example/feed", now=NOW)
    except FeedRefused as error:
        return error.reason
    return [e.headline for e in found]


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("<!---->" * 500 + "x<rss/>", "broken XML"),
        ("<!DOCTYPE rss [" + "<!-- " * 15_000 + "<rss/>", "has no end"),
        ("<!DOCTYPE rss [" + "\"'" * 40_000 + "<rss/>", "has no end"),
        (rss("<item " + " ".join(f'a{n}="1"' for n in range(200_000)) + "/>"), "longer than any feed"),
        (rss("<item " + " ".join(f'a{n}="1"' for n in range(500)) + "/>"), "attributes beyond reason"),
        (ATOM.format(f' xml:base="https://a.example/{"a/" * 15_000}"', ""), "attributes beyond reason"),
        (ATOM.format("", "<link/>" * 100_000), "more elements than any feed"),
        (rss("<category>x</category>" * 100_000), "more elements than any feed"),
        (rss(entry(1, summary="&" * 200_000)), "bare ampersands"),
        (ATOM.format("", "<a>" * 300), "nested beyond reason"),
    ],
)  # fmt: skip
def test_what_is_built_beyond_reason_is_refused(document: str, said: str) -> None:
    assert said in read(document)


@pytest.mark.parametrize(
    "document",
    [
        rss(entry(1, title=LONG, summary="<![CDATA[" * 40_000)),
        rss(entry(1, title=LONG + " - A" * 14_000), title="A"),
        rss(entry(1, title=LONG + " - " + "(" * 50_000)),
        rss(entry(1, title=LONG, summary="The post appeared first on " * 2_000)),
        rss(entry(1, title=LONG, summary="Read more " * 6_000)),
        rss(entry(1, title=LONG).replace("</item>", f"<author>{'a.a' * 200_000}</author></item>")),
        rss(entry(1, title=LONG).replace("</item>", f"<keywords>{'a,' * 400_000}</keywords></item>")),
        ATOM.format("", f'<entry><title>{LONG}</title><link href="https://a.example/1"/></entry>'
                        f"<entry><title>2</title>{'<author><name>a</name></author>' * MOST_IN_ENTRY}</entry>"),
    ],
)  # fmt: skip
def test_an_honest_entry_is_read_whatever_stands_in_and_around_it(document: str) -> None:
    found = read(document)
    assert len(found) == 1
    assert found[0].startswith(LONG[:20])


def test_names_put_together_from_one_letter_are_told_apart_at_once() -> None:
    """An outlet's own name is up to the feed: as many ways to divide it as there are must not all be tried."""
    title = f"{LONG} - {' '.join(['a' * 60] * 5)}"
    assert html_text.without_suffix(title, ["a" * 80]) == LONG
    assert html_text.without_suffix(f"{LONG} - {'b' * 60} c", ["b" * 80]) != LONG
    assert html_text.without_suffix(f"{LONG} - New York Post", ["nypost"]) == LONG


def test_cutting_takes_the_excess_and_leaves_the_rest_as_it_stood() -> None:
    long = entry(2, title="Second").replace(
        "</item>", f"<x>{'y' * 9_000}</x><author>{'z' * 400}</author></item>"
    )
    within = f"<wrapper>{entry(3, title='Third')}{'<!-- -->' * 2_000}</wrapper>"
    assert read(rss(entry(1, title="First"), long, within)) == ["First", "Second", "Third"]


SHARDS = st.sampled_from(
    ["<", ">", "&", "<!--", "-->", "<![CDATA[", "]]>", "<item>", "</item>", "<title>", "</title>", "<a b:c", " xmlns:a",
     "<!DOCTYPE ", "<!ENTITY a ", '"', "'", "(", " - ", "a@", "a.", "1:", "\u0301", "&#", "&lt;a ", "The post ", " "]
)  # fmt: skip


@hypothesis.settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(SHARDS, st.integers(1, 6_000)), min_size=1, max_size=4), st.booleans())
def test_no_shard_repeated_keeps_us_waiting(shards: list[tuple[str, int]], inside: bool) -> None:
    text = "".join(shard * times for shard, times in shards)
    read(rss(entry(1, title=text, summary=text)) if inside else text)
