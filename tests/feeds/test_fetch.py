"""Fetching from a real server that goes wrong in every way we could think of."""

from __future__ import annotations

import gzip
import socket
import threading
import zlib
from collections.abc import Callable, Iterator

import pytest

from newsletter.feeds.connections import Connection
from newsletter.feeds.fetcher import Fetched, FetchError, PoliteFetcher
from newsletter.settings import Settings
from tests.servers.feed_server import Asked, FeedServer, head, reset

SOON = 0.4  # seconds: the deadline of tests that wait for it
FEED = b"<rss/>"


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as running:
        yield running


@pytest.fixture
def fetch(make_settings: Callable[..., Settings], server: FeedServer) -> Iterator[PoliteFetcher]:
    with PoliteFetcher(
        make_settings(FETCH_ALLOW_PRIVATE=server.place), deadline=10, largest=50_000
    ) as polite:
        yield polite


@pytest.fixture
def impatient(make_settings: Callable[..., Settings], server: FeedServer) -> Iterator[PoliteFetcher]:
    with PoliteFetcher(make_settings(FETCH_ALLOW_PRIVATE=server.place), deadline=SOON) as polite:
        yield polite


def refusal(fetch: PoliteFetcher, url: str) -> str:
    with pytest.raises(FetchError) as refused:
        fetch(url)
    assert refused.value.reason.endswith(".")
    return refused.value.reason


# ── what goes well ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_feed_is_brought_with_what_the_server_says_of_it(server: FeedServer, fetch: PoliteFetcher) -> None:
    said = {"ETag": '"x"', "Last-Modified": "Sun, 01 Mar 2026 08:00:00 GMT"}
    url = server.says("/f?a=1&b=2", FEED, headers=said)
    assert fetch(url) == Fetched(200, FEED, '"x"', said["Last-Modified"], "application/rss+xml", url, None)
    asked = server.asked[0].headers
    assert asked["accept-encoding"] == "gzip, deflate"
    assert "+http" in asked["user-agent"], "a server's owner must be able to find us"
    assert "cookie" not in asked


@pytest.mark.parametrize(
    ("condition", "sent"),
    [
        ({"etag": '"x"'}, "if-none-match"),
        ({"last_modified": "Sun, 01 Mar 2026 08:00:00 GMT"}, "if-modified-since"),
    ],
)
def test_an_unchanged_feed_costs_no_body(
    server: FeedServer, fetch: PoliteFetcher, condition: dict[str, str], sent: str
) -> None:
    url = server.says("/f", FEED, headers={"ETag": '"x"', "Last-Modified": "Sun, 01 Mar 2026 08:00:00 GMT"})
    assert (fetch(url, **condition).status, fetch(url, **condition).body) == (304, b"")
    assert server.asked[0].headers[sent] == next(iter(condition.values()))


def test_a_validator_cannot_smuggle_a_header(server: FeedServer, fetch: PoliteFetcher) -> None:
    url = server.says("/f", FEED)
    fetch(url, etag='"x"\r\nEvil: 1')
    assert not {"evil", "if-none-match"} & set(server.asked[0].headers)


def test_a_connection_is_used_again_and_a_dead_one_replaced(server: FeedServer, fetch: PoliteFetcher) -> None:
    places: list[socket.socket] = []

    def act(connection: socket.socket, _asked: Asked) -> None:
        places.append(connection)  # itself: a closed one's port may be given out again at once
        connection.sendall(head(200, {"Content-Length": "6"}) + FEED)
        if len(places) == 2:
            connection.shutdown(socket.SHUT_RDWR)

    url = server.acts("/f", act)
    assert [fetch(url).body for _ in range(3)] == [FEED] * 3
    assert places[0] is places[1] is not places[-1]  # the dead one may still have heard the third question


def test_many_threads_share_one_fetcher(server: FeedServer, fetch: PoliteFetcher) -> None:
    urls = [server.says(f"/{n}", str(n)) for n in range(40)]
    found: dict[int, bytes] = {}

    def go(n: int) -> None:
        found[n] = fetch(urls[n]).body

    threads = [threading.Thread(target=go, args=(n,)) for n in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {n: str(n).encode() for n in range(40)}


@pytest.mark.parametrize(
    ("coding", "pack"),
    [
        ("gzip", gzip.compress),
        ("x-gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", lambda data: zlib.compress(data)[2:-4]),  # raw, as some servers send it
        ("gzip", lambda data: data),  # a lie
        ("gzip", lambda data: gzip.compress(data[:10]) + gzip.compress(data[10:])),
        ("gzip", lambda data: gzip.compress(data) + b"\0" * 64),
        ("identity", lambda data: data),
    ],
)
def test_packed_bodies_are_unpacked(
    server: FeedServer, fetch: PoliteFetcher, coding: str, pack: Callable[[bytes], bytes]
) -> None:
    body = b"<rss>" + bytes(range(32, 127)) * 50
    url = server.says("/f", pack(body), headers={"Content-Encoding": coding})
    assert fetch(url).body == body


def test_chunked_bodies_are_read(server: FeedServer, fetch: PoliteFetcher) -> None:
    def act(connection: socket.socket, _asked: Asked) -> None:
        connection.sendall(head(200, {"Transfer-Encoding": "chunked"}) + b"3\r\n<rs\r\n3\r\ns/>\r\n0\r\n\r\n")

    assert fetch(server.acts("/f", act)).body == FEED


# ── too much, too slow, broken off ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("coding", ["", "gzip", "deflate"])
def test_no_more_than_the_cap_is_held(server: FeedServer, fetch: PoliteFetcher, coding: str) -> None:
    data = b" " * 50_001
    packed = {"": data, "gzip": gzip.compress(b"\0" * 80_000_000), "deflate": zlib.compress(data)}[coding]
    url = server.says("/f", packed, headers={"Content-Encoding": coding} if coding else {})
    assert "larger than" in refusal(fetch, url)


def test_the_cap_itself_is_allowed(server: FeedServer, fetch: PoliteFetcher) -> None:
    assert len(fetch(server.says("/f", b" " * 50_000)).body) == 50_000


def test_the_default_cap_is_five_megabytes(
    server: FeedServer, make_settings: Callable[..., Settings]
) -> None:
    url = server.says("/f", b" " * (5 * 1024 * 1024 + 1))
    with PoliteFetcher(make_settings(FETCH_ALLOW_PRIVATE=server.place)) as polite:
        assert "larger than 5 MB" in refusal(polite, url)


def test_an_endless_body_stops_at_the_cap(server: FeedServer, fetch: PoliteFetcher) -> None:
    url = server.drips("/f", head(200, {}), b"x" * 20_000)
    assert "larger than" in refusal(fetch, url)


@pytest.mark.parametrize(
    ("first", "drop"),
    [
        (b"", b""),  # silence
        (b"", b"H"),
        (b"HTTP/1.1 200 OK\r\n", b"a"),
        (b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b"x", mtime=0)[:10], b""),
    ],
)
def test_who_drips_is_left_at_the_deadline(
    server: FeedServer, impatient: PoliteFetcher, first: bytes, drop: bytes
) -> None:
    said = refusal(impatient, server.drips("/f", first, drop))
    assert (
        f"within {SOON:g} seconds" in said or "proper HTTP" in said
    )  # more than 100 headers are no proper HTTP


def test_redirects_share_one_deadline(server: FeedServer, impatient: PoliteFetcher) -> None:
    def act(connection: socket.socket, _asked: Asked) -> None:
        server.over.wait(SOON * 0.6)
        connection.sendall(head(302, {"Location": "/f", "Content-Length": "0"}))

    assert "within" in refusal(impatient, server.acts("/f", act))
    assert server.count("/f") <= 2


def test_a_slow_name_server_counts_against_the_deadline(make_settings: Callable[..., Settings]) -> None:
    never = threading.Event()

    def resolver(_host: str, _port: int) -> list[str]:
        never.wait(10)
        return []

    with PoliteFetcher(make_settings(), deadline=SOON, resolver=resolver) as polite:
        assert "looked up in time" in refusal(polite, "http://slow.example/")
    never.set()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (head(200, {"Content-Length": "500"}) + FEED, ["broke off"]),
        (head(200, {"Transfer-Encoding": "chunked"}) + b"5\r\n<rs", ["broke off"]),
        (head(200, {"Transfer-Encoding": "chunked"}) + b"zz\r\n<rs", ["broke off", "proper HTTP", "cannot be"]),
        (head(200, {"Content-Encoding": "gzip", "Content-Length": "20"}) + gzip.compress(b"abc" * 99, mtime=0)[:20], ["damaged"]),
        (head(200, {"Content-Encoding": "gzip", "Content-Length": "12"}) + b"\x1f\x8bnonsense!!", ["damaged"]),
        (head(200, {"Content-Encoding": "br", "Content-Length": "2"}) + b"ab", ["did not ask for ('br')"]),
        (b"", ["cut the connection", "proper HTTP"]),
        (b"SSH-2.0-OpenSSH_9.6\r\n", ["proper HTTP"]),
        (b"HTTP/1.1 banana\r\n\r\n", ["proper HTTP"]),
        (b"HTTP/1.1 200 OK\r\nA: " + b"x" * 70_000 + b"\r\n\r\n", ["proper HTTP"]),
    ],
)  # fmt: skip
def test_broken_answers_are_told_in_a_sentence(
    server: FeedServer, fetch: PoliteFetcher, answer: bytes, words: list[str]
) -> None:
    def act(connection: socket.socket, _asked: Asked) -> None:
        connection.sendall(answer)
        connection.shutdown(socket.SHUT_RDWR)

    said = refusal(fetch, server.acts("/f", act))
    assert any(w in said for w in words), said


@pytest.mark.parametrize("before", [b"", head(200, {"Content-Length": "500"}) + b"<rss"])
def test_a_reset_is_told_in_a_sentence(server: FeedServer, fetch: PoliteFetcher, before: bytes) -> None:
    def act(connection: socket.socket, _asked: Asked) -> None:
        connection.sendall(before)
        reset(connection)

    said = refusal(fetch, server.acts("/f", act))
    assert "cut the connection" in said or "broke off" in said


def test_a_closed_port_is_told_in_a_sentence(make_settings: Callable[..., Settings]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with PoliteFetcher(make_settings(FETCH_ALLOW_PRIVATE=f"127.0.0.1:{port}")) as polite:
        assert "refuses connections" in refusal(polite, f"http://127.0.0.1:{port}/")


def test_a_body_longer_than_said_is_cut_where_it_was_said(server: FeedServer, fetch: PoliteFetcher) -> None:
    def act(connection: socket.socket, _asked: Asked) -> None:
        connection.sendall(head(200, {"Content-Length": "6"}) + FEED + b"HTTP/1.1 200 OK\r\n\r\nforged")
        connection.shutdown(socket.SHUT_RDWR)

    url = server.acts("/f", act)
    server.says("/g", b"honest")
    assert fetch(url).body == FEED
    assert fetch(server.url("/g")).body != b"forged"


# ── words of the server ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("status", [204, 400, 401, 403, 404, 410, 429, 451, 500, 503])
def test_other_statuses_come_back_without_a_body(
    server: FeedServer, fetch: PoliteFetcher, status: int
) -> None:
    body = b"" if status == 204 else b"x" * 60_000
    answer = fetch(server.says("/f", body, status=status))
    assert (answer.status, answer.body) == (status, b"")


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("120", 120),
        ("0", 0),
        ("-5", None),
        ("soon", None),
        ("1e9", None),
        ("9" * 400, 999_999_999),
        ("Mon, 02 Mar 2026 10:01:00 GMT", 60),
        ("Mon, 02 Mar 2026 09:00:00 GMT", 0),
        ("Mon, 99 Mar 2026 09:00:00 GMT", None),
    ],
)
def test_retry_after_in_seconds_or_by_the_servers_own_clock(
    server: FeedServer, fetch: PoliteFetcher, said: str, seconds: int | None
) -> None:
    given = {"Retry-After": said, "Date": "Mon, 02 Mar 2026 10:00:00 GMT"}
    assert fetch(server.says("/f", status=503, headers=given)).retry_after == seconds


# ── redirects ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed(server: FeedServer, fetch: PoliteFetcher, status: int) -> None:
    server.says("/new/f", FEED)
    answer = fetch(server.says("/old", status=status, headers={"Location": "new/f"}))
    assert (answer.body, answer.url) == (FEED, server.url("/new/f"))


def test_a_loop_ends(server: FeedServer, fetch: PoliteFetcher) -> None:
    server.says("/b", status=302, headers={"Location": "/a"})
    assert "redirects more than" in refusal(fetch, server.says("/a", status=302, headers={"Location": "/b"}))
    assert len(server.asked) == 6


@pytest.mark.parametrize(
    "where",
    ["file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1:70/_x", "javascript:alert(1)", "data:text/xml,<rss/>",
     "http://ann:pw@127.0.0.1/", "http://[::1", "http://a b/", "http://127.0.0.1:99999/"],
)  # fmt: skip
def test_a_redirect_to_something_else_is_refused(
    server: FeedServer, fetch: PoliteFetcher, where: str
) -> None:
    said = refusal(fetch, server.says("/f", status=302, headers={"Location": where}))
    assert "redirects" in said or "private network" in said or "no port" in said
    assert len(server.asked) == 1


def test_a_redirect_to_another_private_place_is_refused(server: FeedServer, fetch: PoliteFetcher) -> None:
    with FeedServer() as inner:
        url = server.says("/f", status=302, headers={"Location": inner.says("/secret", FEED)})
        assert "private network" in refusal(fetch, url)
        assert inner.asked == []


def test_nobody_outside_can_send_us_to_a_place_that_only_feeds_of_ours_may_use(
    make_settings: Callable[..., Settings], server: FeedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def to_loopback(_self: Connection, address: str, _deadline: object) -> socket.socket:
        assert address == "93.184.216.34"
        return socket.create_connection(("127.0.0.1", server.port))

    with FeedServer() as inner:
        server.says("/f", status=302, headers={"Location": inner.says("/secret", FEED)})
        monkeypatch.setattr(Connection, "_open_socket", to_loopback)
        private = make_settings(FETCH_ALLOW_PRIVATE=inner.place)

        def resolver(host: str, _port: int) -> list[str]:
            return ["93.184.216.34"] if host == "outside.example" else [host]

        with PoliteFetcher(private, resolver=resolver) as polite:
            assert "private network" in refusal(polite, "http://outside.example/f")
        assert server.count("/f") == 1
        assert inner.asked == []
