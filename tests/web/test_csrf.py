"""Forms are accepted only from SITE_URL's origin, whatever Host says; in development also from this machine."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.app import create_app
from newsletter.settings import Settings
from newsletter.web.http.csrf import is_same_origin

DEVELOPMENT = {"ENVIRONMENT": "development", "SITE_URL": "http://127.0.0.1:8000"}
PRODUCTION = {"ENVIRONMENT": "production", "SITE_URL": "https://news.example.com"}


def asker(**settings: str) -> Callable[..., bool]:
    """Asks a site of these Settings; no database is needed."""
    site = create_app(Settings(_env_file=None, DATABASE_URL="sqlite:///:memory:", **settings))  # type: ignore[call-arg,arg-type]

    def ask(base: str, origin: str | None, fetch_site: str | None = None, host: str | None = None) -> bool:
        given = {"HTTP_ORIGIN": origin, "HTTP_SEC_FETCH_SITE": fetch_site, "HTTP_HOST": host}
        environ = {name: value for name, value in given.items() if value is not None}
        with site.test_request_context("/", method="POST", base_url=base, environ_overrides=environ):
            return is_same_origin()

    return ask


@pytest.mark.parametrize(
    ("settings_of", "base", "origin", "is_ours"),
    [
        (PRODUCTION, "https://news.example.com", "https://news.example.com", True),
        (PRODUCTION, "http://10.0.0.3:8000", "https://news.example.com", True),  # a proxy that keeps Host to itself
        (PRODUCTION, "https://news.example.com", "http://news.example.com", False),
        (PRODUCTION, "https://news.example.com", "https://news.example.com.evil.example", False),
        (PRODUCTION, "https://evil.example", "https://evil.example", False),
        (PRODUCTION, "http://127.0.0.1:8000", "http://127.0.0.1:8000", False),
        (PRODUCTION, "http://localhost:8000", "http://localhost:8000", False),
        ({**PRODUCTION, "SITE_URL": "https://news.example.com:443"}, "https://news.example.com", "https://news.example.com", True),
        ({**PRODUCTION, "SITE_URL": "https://Zeitung-für-alle.example"}, "https://x", "https://xn--zeitung-fr-alle-7vb.example", True),
        (DEVELOPMENT, "http://127.0.0.1:8000", "http://127.0.0.1:8000", True),
        (DEVELOPMENT, "http://127.0.0.1:9001", "http://127.0.0.1:9001", True),
        (DEVELOPMENT, "http://localhost:8000", "http://localhost:8000", True),
        (DEVELOPMENT, "http://news.localhost:8000", "http://news.localhost:8000", True),
        (DEVELOPMENT, "http://192.168.1.7:8000", "http://192.168.1.7:8000", True),
        (DEVELOPMENT, "http://[::1]:8000", "http://[::1]:8000", True),
        (DEVELOPMENT, "http://127.0.0.1:8000", "http://127.0.0.1:9001", False),
        (DEVELOPMENT, "http://evil.example:8000", "http://evil.example:8000", False),
        (DEVELOPMENT, "http://127.0.0.1.evil.example", "http://127.0.0.1.evil.example", False),
        (DEVELOPMENT, "http://localhost.evil.example", "http://localhost.evil.example", False),
    ],
)  # fmt: skip
def test_only_our_own_origin_is_ours(
    settings_of: dict[str, str], base: str, origin: str, is_ours: bool
) -> None:
    ask = asker(**settings_of)
    assert ask(base, origin) is is_ours
    assert ask(base, origin, "same-origin") is is_ours
    assert not ask(base, origin, "cross-site")
    assert not ask(base, origin, "same-site")


def test_who_says_nothing_has_the_token_to_show_and_null_is_believed_at_our_own_name_only() -> None:
    ask = asker(**PRODUCTION)
    ours = "https://news.example.com"
    assert ask(ours, None)
    assert ask(ours, None, "same-origin")
    assert ask(ours, "null", "same-origin")
    assert not ask("https://evil.example", "null", "same-origin")
    assert not ask(ours, "null")


ODD = st.one_of(
    st.sampled_from(["", "null", "http://[", "//", "https://[::1", "a:b:c", "https://news.example.com/"]),
    st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=40),
)
SITES = [asker(**PRODUCTION), asker(**DEVELOPMENT)]


@given(origin=ODD, host=ODD)
def test_no_odd_header_breaks_anything_or_is_ours(origin: str, host: str) -> None:
    for ask in SITES:
        assert not ask("http://x", origin, "same-origin" if origin != "null" else None, host)
