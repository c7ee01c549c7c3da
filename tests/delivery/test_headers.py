"""Header lines are complete, not folded where it matters, and cannot be injected; the bytes parse back to the input."""

from __future__ import annotations

import email
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from email import policy
from email.message import EmailMessage

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from newsletter.delivery.mail import headers
from newsletter.delivery.mail.headers import (
    HeaderError,
    envelope_address,
    issue_headers,
    message_id,
    mime,
    notice_headers,
)
from newsletter.delivery.mail.messages import Message, Template
from newsletter.delivery.mail.slots import SlotError, fill
from newsletter.links import Links
from newsletter.settings import Settings

LINKS = Links("https://news.example.org")
SENDER = "Evenhand <morning@news.example.org>"
DATE = datetime(2026, 3, 2, 11, 0, tzinfo=timezone(timedelta(hours=-5)))
HTML = '<p>Grüße – “both” sides = 2</p>\n<a href="%%unsubscribe_url%%">leave</a> <a href="%%account_url%%">yours</a>'
TEXT = "Good morning.\n.\nFrom here on: \nLeave: %%unsubscribe_url%%\n\n" + "long " * 300 + "\n"
VALUES = {"unsubscribe_url": LINKS.unsubscribe("t" * 150) + "?a=1&b=2", "account_url": LINKS.account()}


def message(**changes: object) -> Message:
    plain = Message(
        reference="delivery:17",
        to="ann@example.com",
        template=Template("Both sides", HTML, TEXT, "abc"),
        slots=VALUES,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def read(raw: bytes) -> EmailMessage:
    parsed = email.message_from_bytes(raw, policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    assert not parsed.defects
    return parsed


@pytest.fixture
def issue_lines(settings: Settings) -> dict[str, str]:
    return issue_headers(
        reference="delivery:17",
        issued_on=date(2026, 3, 2),
        rendition="full",
        unsubscribe_url=VALUES["unsubscribe_url"],
        settings=settings,
        links=LINKS,
    )


def test_a_mail_reads_back_as_it_was_meant(issue_lines: dict[str, str]) -> None:
    mail = read(mime(message(headers=issue_lines), sender=SENDER, date=DATE))
    assert mail["From"] == SENDER
    assert mail["To"] == "ann@example.com"
    assert mail["Date"].datetime == DATE.astimezone(UTC)
    assert mail["MIME-Version"] == "1.0"
    assert mail.get_content_type() == "multipart/alternative"
    assert [p.get_content_type() for p in mail.iter_parts()] == ["text/plain", "text/html"]
    text, html = (p.get_content().replace("\r\n", "\n") for p in mail.iter_parts())
    assert text == fill(TEXT, VALUES, html=False)
    assert html == fill(HTML, VALUES, html=True)


def test_no_line_is_longer_than_mail_may_carry(issue_lines: dict[str, str]) -> None:
    raw = mime(message(headers=issue_lines), sender=SENDER, date=DATE)
    head, _, body = raw.partition(b"\r\n\r\n")
    assert max(map(len, head.split(b"\r\n"))) <= 998
    assert max(map(len, body.split(b"\r\n"))) <= 76
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert raw.isascii()


def test_list_unsubscribe_is_one_line_with_its_post(issue_lines: dict[str, str]) -> None:
    raw = mime(message(headers=issue_lines), sender=SENDER, date=DATE).decode()
    assert f"\r\nList-Unsubscribe: <{VALUES['unsubscribe_url']}>\r\n" in raw
    assert "\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in raw
    assert "\r\nList-Id: <daily.news.example.org>\r\n" in raw
    assert "\r\nMessage-ID: <delivery.17@news.example.org>\r\n" in raw


def test_an_address_may_also_unsubscribe(settings: Settings) -> None:
    lines = issue_headers(
        reference="delivery:1",
        issued_on=date(2026, 3, 2),
        rendition="metered",
        unsubscribe_url="https://a.example/u",
        settings=settings,
        links=LINKS,
        unsubscribe_mail="leave@a.example",
    )
    assert lines["List-Unsubscribe"] == "<https://a.example/u>, <mailto:leave@a.example?subject=unsubscribe>"
    assert lines["Feedback-ID"] == "20260302:metered:issue:evenhand"


def test_a_notice_is_marked_as_machine_made(settings: Settings) -> None:
    lines = notice_headers(reference="notice:4", kind="confirm", settings=settings, links=LINKS)
    assert lines["Auto-Submitted"] == "auto-generated"
    assert "List-Unsubscribe" not in lines
    with_way_out = notice_headers(
        reference="notice:4",
        kind="welcome",
        settings=settings,
        links=LINKS,
        unsubscribe_url="https://a.example/u",
    )
    assert with_way_out["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_the_same_reference_has_the_same_message_id() -> None:
    assert message_id("delivery:17", LINKS) == message_id("delivery:17", LINKS)
    assert message_id("delivery:17", LINKS) != message_id("delivery:18", LINKS)
    assert message_id("notice:1", Links("http://[::1]:8000")) == "<notice.1@--1>"
    assert message_id("notice:1", Links("https://bücher.example")) == "<notice.1@xn--bcher-kva.example>"


def test_the_same_message_is_the_same_bytes() -> None:
    assert mime(message(), sender=SENDER, date=DATE) == mime(message(), sender=SENDER, date=DATE)


@pytest.mark.parametrize(
    "subject",
    [
        "Grüße aus Zürich",
        "“Both sides” – settled",
        "新聞の両面",
        "x" * 300,
        "Emoji 🗞️ " * 12,
        "=?utf-8?q?a=0D=0ABcc:_x@y.example?=",
    ],
)
def test_any_subject_arrives(subject: str) -> None:
    raw = mime(message(template=Template(subject, HTML, TEXT, "abc")), sender=SENDER, date=DATE)
    assert raw.isascii()
    assert read(raw)["Subject"].replace("\u2060", "") == subject
    assert read(raw)["Bcc"] is None
    for word in re.findall(rb"=\?[^?]+\?[bq]\?[^?]*\?=", raw.partition(b"\r\nDate:")[0]):
        assert len(word) <= 75  # RFC 2047


@pytest.mark.parametrize("ending", ["\n", "\r", "\r\n", "\x00", "\x0b", "\x85", "\u2028"])
def test_nothing_can_be_injected(ending: str) -> None:
    evil = f"a{ending}Bcc: x@example.com"
    for changes in (
        {"template": Template(evil, HTML, TEXT, "abc")},
        {"to": evil},
        {"to": f"ann@example.com{ending}Bcc: x@example.com"},
        {"headers": {"List-Id": evil}},
    ):
        try:
            raw = mime(message(**changes), sender=SENDER, date=DATE)
        except (HeaderError, SlotError):
            continue
        assert read(raw)["Bcc"] is None
        assert b"\nBcc:" not in raw.replace(b"\r", b"\n")
    with pytest.raises(HeaderError):
        mime(message(), sender=f"Evenhand{ending}Bcc: x@example.com <a@example.com>", date=DATE)


@pytest.mark.parametrize("name", ["Subject", "to", "Content-Type", "Bcc", "X y", "X:", "X\r\nBcc", "", "Ü"])
def test_header_names_are_plain_and_ours_stay_ours(name: str) -> None:
    with pytest.raises(HeaderError):
        mime(message(headers={name: "x"}), sender=SENDER, date=DATE)


@pytest.mark.parametrize("value", ["é", "x" * 901])
def test_header_values_are_ascii_and_not_endless(value: str) -> None:
    with pytest.raises(HeaderError, match="List-Id"):
        mime(message(headers={"List-Id": value}), sender=SENDER, date=DATE)


@pytest.mark.parametrize(
    ("address", "written"),
    [
        ("o'brien+news@example.com", "o'brien+news@example.com"),
        ('"odd name"@example.com', '"odd name"@example.com'),
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
    ],
)
def test_unusual_addresses_are_written_as_mail_wants_them(address: str, written: str) -> None:
    assert read(mime(message(to=address), sender=SENDER, date=DATE))["To"] == written


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ann",
        "ann@",
        "@example.com",
        "änn@example.com",
        "a b@example.com",
        "ann@exa mple.com",
        "a@b@c",
        "ann@-.-..example",
        "a@example.com, b@example.com",
    ],
)
def test_addresses_that_cannot_be_carried_are_refused_without_being_repeated(address: str) -> None:
    with pytest.raises(HeaderError) as refused:
        mime(message(to=address), sender=SENDER, date=DATE)
    assert "@example.com" not in str(refused.value)


def test_a_sender_with_a_comma_and_an_accent_is_one_mailbox() -> None:
    mail = read(mime(message(), sender='"Éven, Hand" <m@news.example.org>', date=DATE))
    assert [a.addr_spec for a in mail["From"].addresses] == ["m@news.example.org"]
    assert mail["From"].addresses[0].display_name == "Éven, Hand"


@pytest.mark.parametrize("length", range(60, 90))
def test_no_body_line_is_too_long_wherever_a_slot_stands(length: int) -> None:
    template = Template(
        "s", "x", f"{'=' if length % 2 else 'é'}{'a' * length} %%account_url%%b \nlast ", f"{length}"
    )
    raw = mime(message(template=template, slots={"account_url": "é" * length}), sender=SENDER, date=DATE)
    assert max(map(len, raw.partition(b"\r\n\r\n")[2].split(b"\r\n"))) <= 76
    assert f"a é{'é' * (length - 1)}b" in next(iter(read(raw).iter_parts())).get_content()


def test_a_missing_slot_is_refused() -> None:
    with pytest.raises(SlotError, match="account_url"):
        mime(message(slots={"unsubscribe_url": "u"}), sender=SENDER, date=DATE)


@given(
    st.text(alphabet=st.sampled_from("a=.é\u2014 \t\nFrom-%"), max_size=300),
    st.text(st.sampled_from("a=é&% <"), max_size=90),
)
def test_bodies_survive_quoted_printable(words: str, value: str) -> None:
    assume("%%" not in words)  # it would open a Slot of its own
    text = f"{words}%%account_url%%{words}\n"
    template = Template("s", "x", text, str(hash(text)))
    mail = read(mime(message(template=template, slots={"account_url": value}), sender=SENDER, date=DATE))
    got = next(iter(mail.iter_parts())).get_content().replace("\r\n", "\n")
    assert got == fill(text, {"account_url": value}, html=False)


_ATEXT = st.text(st.sampled_from("abcXYZ019!#$%&'*+-/=?^_`{|}~."), min_size=1, max_size=20)
_DOMAIN = st.text(st.sampled_from("abcXYZ019-."), min_size=1, max_size=30)


@given(_ATEXT, _DOMAIN)
def test_the_short_way_to_an_address_says_what_the_library_says(local: str, domain: str) -> None:
    text = f"{local}@{domain}"
    try:
        long_way = headers._mailbox(text, "address").addr_spec
    except HeaderError:
        with pytest.raises(HeaderError):
            envelope_address(text)
    else:
        assert envelope_address(text) == long_way


_PRINTED = st.text(st.sampled_from("aZ09 <>@:;,.=?-_/\"()[]'"), min_size=1, max_size=120)


@given(st.sampled_from(["List-Unsubscribe", "List-Id", "Feedback-ID", "X-Other"]), _PRINTED)
def test_the_short_way_to_a_header_line_says_what_the_library_says(name: str, value: str) -> None:
    assert headers._plain_line(name, value) == headers._line(name, value, headers.ONE_LINE)


@given(_ATEXT, _DOMAIN)
def test_the_short_way_to_the_to_line_says_what_the_library_says(local: str, domain: str) -> None:
    address = f"{local}@{domain}"
    try:
        long_way = headers._line("To", headers._mailbox(address, "address"), headers.policy.SMTP)
    except HeaderError:
        return
    assert headers._to(address) == long_way


@pytest.mark.slow
@given(st.from_regex(headers._PLAIN_ID, fullmatch=True))
def test_the_short_way_to_a_message_id_says_what_the_library_says(value: str) -> None:
    assert headers._plain_line("Message-ID", value) == headers._line("Message-ID", value, headers.ONE_LINE)
