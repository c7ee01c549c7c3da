"""One address per published piece, and none that leads anywhere but to a web page."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.feeds.urls import LONGEST, UrlRefused, canonical, host_of, take_apart


@pytest.mark.parametrize(
    ("url", "form"),
    [
        ("HTTP://A.Example:80/Path?B=c#d", "http://a.example/Path?B=c"),
        ("https://a.example", "https://a.example/"),
        ("https://a.example.:443/", "https://a.example/"),
        ("https://a.example:8443/", "https://a.example:8443/"),
        ("https://a.example/?utm_source=x&id=3&fbclid=y&utm_medium=z", "https://a.example/?id=3"),
        ("https://a.example/?b=2&a=1", "https://a.example/?b=2&a=1"),
        ("https://a.example/a b", "https://a.example/a%20b"),
        ("https://a.example/%zz", "https://a.example/%25zz"),
        ("https://a.example/ø", "https://a.example/%C3%B8"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("https://a.example/\"'<script>", "https://a.example/%22'%3Cscript%3E"),
        ("https://a.example/\u202e", "https://a.example/%E2%80%AE"),
        ("http://[2001:DB8::1]:8080/", "http://[2001:db8::1]:8080/"),
        ("https://a.example/?mod=rss_x&mod=article", "https://a.example/?mod=article"),
    ],
)
def test_an_address_has_one_form(url: str, form: str) -> None:
    assert canonical(url) == form


@pytest.mark.parametrize(
    "url", ["", "a.example/x", "javascript:alert(1)", "JaVaScRiPt:alert(1)", "mailto:a@b.example", "ftp://a.example/", "data:,x",
            "http://", "http://a@b.example/", "http://a:b@c.example/", "https://a..b/", "https://-/", "https://a b/", "http://[::1", "http://a:0/",
            "http://a:70000/", "https://a.example/" + "x" * LONGEST, "https://" + "a" * 260 + ".example/", "//a.example/", "https://a_b!/"],
)  # fmt: skip
def test_anything_else_is_refused(url: str) -> None:
    with pytest.raises(UrlRefused):
        canonical(url)


@given(st.text() | st.from_regex(r"https?://[a-z.:@\[\]0-9%]{0,20}[/?#].{0,40}", fullmatch=True), st.text())
def test_no_text_is_a_surprise_and_the_form_is_stable(url: str, base: str) -> None:
    host_of(url)
    with contextlib.suppress(UrlRefused):
        take_apart(url, base)
    with contextlib.suppress(UrlRefused):
        form = canonical(url, "https://base.example/a/")
        assert canonical(form) == form
        assert form.isascii()
        assert form.isprintable()
        assert not set(form) & set(' "<>\\`{}|^')
        assert len(form) <= LONGEST
