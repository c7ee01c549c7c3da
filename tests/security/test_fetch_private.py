"""No feed address, however written or resolved, reaches the machines around us."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator

import dns.resolver
import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.feeds.connections import Connection, Resolver, is_public
from newsletter.feeds.fetcher import FetchError, PoliteFetcher
from newsletter.settings import Settings
from tests.servers.dns_server import DnsServer
from tests.servers.feed_server import FeedServer

PUBLIC = "93.184.216.34"


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as running:
        running.says("/", b"<rss/>")
        yield running


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001", "0", "0.0.0.0",
        "localhost", "LOCALHOST.", "127.0.0.1.", "127.255.255.254", "[::1]", "[::]", "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::127.0.0.1]", "[2002:7f00:1::]",
        "１２７.0.0.1", "127。0。0。1", "ⓛocalhost", "a@127.0.0.1", "a:b@127.0.0.1", "%31%32%37.0.0.1",
        "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254", "[fd00:ec2::254]", "[fe80::1]",
        "[fe80::1%25lo]", "[fc00::1]", "168.63.129.16", "224.0.0.1", "255.255.255.255", "[ff02::1]",
    ],
)  # fmt: skip
def test_no_spelling_of_a_private_address_is_fetched(
    settings: Settings, server: FeedServer, host: str
) -> None:
    with PoliteFetcher(settings, deadline=5) as fetch, pytest.raises(FetchError):
        fetch(f"http://{host}:{server.port}/")
    assert server.asked == []


@pytest.mark.parametrize("host", ["127.1", "2130706433", "localhost", "[::ffff:127.0.0.1]"])
def test_an_allowed_place_is_allowed_in_its_own_spelling_only(
    make_settings: Callable[..., Settings], server: FeedServer, host: str
) -> None:
    with PoliteFetcher(make_settings(FETCH_ALLOW_PRIVATE=server.place)) as fetch:
        assert fetch(server.url("/")).status == 200
        with pytest.raises(FetchError):
            fetch(f"http://{host}:{server.port}/")


def test_an_allowed_place_is_one_port_only(
    make_settings: Callable[..., Settings], server: FeedServer
) -> None:
    with FeedServer() as other, PoliteFetcher(make_settings(FETCH_ALLOW_PRIVATE=server.place)) as fetch:
        with pytest.raises(FetchError, match="private network"):
            fetch(other.says("/", b"<rss/>"))
        assert other.asked == []


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], [PUBLIC, "127.0.0.1"], ["::1", PUBLIC], ["fe80::1%eth0"], [], ["not an address"]],
)
def test_a_name_is_refused_when_any_of_its_addresses_is_private(
    settings: Settings, server: FeedServer, addresses: list[str]
) -> None:
    with PoliteFetcher(settings, resolver=lambda _h, _p: addresses) as fetch, pytest.raises(FetchError):
        fetch(f"http://name.example:{server.port}/")
    assert server.asked == []


def test_a_name_that_changes_between_check_and_connection_gains_nothing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: the first lookup is harmless, every later one leads inside."""
    answers = [[PUBLIC]]
    reached: list[str] = []

    def reach(_self: Connection, address: str, _deadline: object) -> socket.socket:
        reached.append(address)
        raise ConnectionResetError

    monkeypatch.setattr(Connection, "_open_socket", reach)
    resolver = lambda _h, _p: answers.pop(0) if answers else ["127.0.0.1"]  # noqa: E731 - one line says it best
    with PoliteFetcher(settings, resolver=resolver) as fetch:
        for _ in range(3):
            with pytest.raises(FetchError):
                fetch("http://rebinding.example/")
    assert reached == [PUBLIC]


def asking(server: DnsServer) -> Resolver:
    """A resolver that really asks this server over UDP, for both families, and keeps nothing."""
    asked = dns.resolver.Resolver(configure=False)
    host, _, port = server.place.rpartition(":")
    asked.nameservers, asked.port, asked.lifetime = [host], int(port), 2.0

    def resolve(name: str, _port: int) -> list[str]:
        found: list[str] = []
        for kind in ("A", "AAAA"):
            with contextlib.suppress(dns.resolver.NoAnswer):
                found += [str(each) for each in asked.resolve(name, kind, search=False)]
        return found

    return resolve


@pytest.mark.parametrize(
    "led",
    [
        ["127.0.0.1"],
        [PUBLIC, "10.0.0.8"],
        ["CNAME inside.example"],
        ["::1"],
        ["::ffff:127.0.0.1"],
        [PUBLIC, "fe80::1"],
        ["169.254.169.254"],
        ["64:ff9b::7f00:1"],
    ],
)
def test_a_real_name_server_cannot_lead_us_inside(
    settings: Settings, server: FeedServer, led: list[str]
) -> None:
    with DnsServer() as names:
        names.addresses = {"feed.example": [led], "inside.example": [["192.168.0.10"]]}
        with (
            PoliteFetcher(settings, resolver=asking(names)) as fetch,
            pytest.raises(FetchError, match="private network"),
        ):
            fetch(f"http://feed.example:{server.port}/")
        assert names.asked, "it was asked"
    assert server.asked == []


def test_a_real_name_server_that_rebinds_gains_nothing(
    settings: Settings, server: FeedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached: list[str] = []

    def reach(_self: Connection, address: str, _deadline: object) -> socket.socket:
        reached.append(address)
        raise ConnectionResetError

    monkeypatch.setattr(Connection, "_open_socket", reach)
    with DnsServer() as names:
        names.addresses = {"rebinding.example": [[PUBLIC], ["127.0.0.1"]]}
        with PoliteFetcher(settings, resolver=asking(names)) as fetch:
            reasons = []
            for _ in range(3):
                with pytest.raises(FetchError) as refused:
                    fetch(f"http://rebinding.example:{server.port}/")
                reasons.append(refused.value.reason)
    assert reached == [PUBLIC], "what was checked is what is connected to"
    assert [("private" in r) for r in reasons] == [False, True, True]


@pytest.mark.parametrize(
    "to",
    [
        "http://rebinding.example:{port}/secret", "/secret", "//rebinding.example:{port}/secret", "http://127.1:{port}/secret",
        "http://2130706433:{port}/secret", "http://0x7f000001:{port}/secret", "http://0177.0.0.1:{port}/secret",
        "http://[::ffff:127.0.0.1]:{port}/secret", "http://ann@127.0.0.1:{port}/secret", "http://169.254.169.254/latest/meta-data/",
        "http://other.example:{port}/secret", "HTTP://LOCALHOST:{port}/secret", "http://127.0.0.1.:{port}/secret",
    ],
)  # fmt: skip
def test_a_public_feed_cannot_redirect_us_inside_however_it_is_written_or_rebound(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, to: str
) -> None:
    """The feed's name first leads to a public address, whose server redirects; then every name leads inside."""
    reached: list[str] = []
    with FeedServer() as public, FeedServer() as inside, DnsServer() as names:
        inside.says("/secret", b"<rss/>")
        public.says("/", status=302, headers={"Location": to.format(port=inside.port)})
        names.addresses = {"rebinding.example": [[PUBLIC], ["127.0.0.1"]], "other.example": [["127.0.0.1"]]}

        def reach(_self: Connection, address: str, _deadline: object) -> socket.socket:
            reached.append(address)
            return socket.create_connection((address.replace(PUBLIC, "127.0.0.1"), public.port))

        def resolve(name: str, port: int) -> list[str]:
            """The name server for names, the machine's own library for what it takes for numbers."""
            if name.endswith(".example"):
                return list(asking(names)(name, port))
            return [str(info[4][0]) for info in socket.getaddrinfo(name, port)]

        monkeypatch.setattr(Connection, "_open_socket", reach)
        with PoliteFetcher(settings, resolver=resolve) as fetch, pytest.raises(FetchError):
            # The port of the public one is the inside one's: only what is connected to tells them apart.
            fetch(f"http://rebinding.example:{inside.port}/")
        assert reached == [PUBLIC], "nothing inside was ever connected to"
        assert [asked.path for asked in public.asked] == ["/"]
        assert inside.asked == []


@pytest.mark.parametrize("port", [22, 25, 53, 110, 389, 445])
def test_ports_of_other_services_are_refused_even_on_public_hosts(settings: Settings, port: int) -> None:
    with (
        PoliteFetcher(settings, resolver=lambda _h, _p: [PUBLIC]) as fetch,
        pytest.raises(FetchError, match="no port of a web server"),
    ):
        fetch(f"http://name.example:{port}/")


@pytest.mark.parametrize(
    "url",
    ["", " ", "file:///etc/passwd", "ftp://a.example/", "http://", "http:///x", "//a.example/", "a.example", "http://a..example/",
     "http://a.example:0/", "http://a.example:x/", "http://a.example\r\nEvil: 1/", "http://a.example /", "http://[::1"],
)  # fmt: skip
def test_what_is_no_web_address_is_refused(settings: Settings, url: str) -> None:
    with PoliteFetcher(settings, resolver=lambda _h, _p: ["127.0.0.1"]) as fetch, pytest.raises(FetchError):
        fetch(url)


def test_public_addresses_are_open() -> None:
    assert all(is_public(a) for a in (PUBLIC, "8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8"))


@hypothesis.settings(deadline=None)  # the machine may be busy
@given(st.ip_addresses(v=4))
def test_an_address_hidden_in_ipv6_is_as_closed_as_itself(address: object) -> None:
    if not is_public(str(address)):
        assert not is_public(f"::ffff:{address}")
    assert not is_public(f"::{address}")
    assert not is_public(f"64:ff9b::{address}")


@hypothesis.settings(deadline=None)  # the machine may be busy
@given(st.text(max_size=40))
def test_no_text_is_an_open_address_by_accident(text: str) -> None:
    assert is_public(text) in (True, False)
