"""What every email provider promises, tried on each of the registry against a real far side."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from newsletter.delivery import providers
from newsletter.delivery.mail.messages import Message, Template
from newsletter.delivery.providers import PROVIDERS
from newsletter.delivery.providers.protocol import ForgedEvents, Outcome
from newsletter.errors import SettingsError
from tests.delivery.harnesses import HARNESSES, Harness, Reports
from tests.delivery.mailing import MORNING

LONG = "https://news.example.com/unsubscribe/" + "a1B2c3D4-" * 30 + "end"
HTML = (
    "<p>Grüße — 50% of <b>“both”</b> sides</p><p>-name- {{x}} %%%% &amp; .\n.\n</p>"
    '<a href="%%unsubscribe_url%%">Unsubscribe</a> <a href="%%account_url%%">Account</a>'
)
TEXT = "Grüße — 50% of “both” sides\n.\n..\nFrom here -name- {{x}} %%%%\n\nOut: %%unsubscribe_url%%\nAccount: %%account_url%%\n"
TEMPLATE = Template("Brücke öffnet — “at last”", HTML, TEXT, "h")


def message(number: int, *, to: str | None = None, template: Template = TEMPLATE, **slots: str) -> Message:
    return Message(
        f"delivery:{number}",
        to or f"reader{number}@example.com",
        template,
        {
            "unsubscribe_url": f"{LONG}?n={number}&x=1",
            "account_url": "https://news.example.com/account",
            **slots,
        },
        {
            "Message-ID": f"<delivery.{number}@news.example.com>",
            "List-Unsubscribe": f"<{LONG}?n={number}&x=1>, <mailto:leave@news.example.com?subject=unsubscribe>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            "List-Id": "<daily.news.example.com>",
            "Feedback-ID": "20260302:full:issue:evenhand",
        },
    )


@pytest.fixture(params=sorted(PROVIDERS))
def harness(request, make_settings, tmp_path):
    with HARNESSES[request.param](make_settings, tmp_path) as harness:
        yield harness
        harness.provider.close()
        harness.unreachable.close()


def test_every_registered_provider_has_a_far_side_to_be_tried_on() -> None:
    assert set(HARNESSES) == set(PROVIDERS), "give the new provider a harness in tests/delivery/harnesses.py"


def test_its_name_is_the_registrys(request, harness: Harness) -> None:
    assert PROVIDERS[harness.provider.name]
    assert 1 <= harness.provider.batch_size <= 1000


def test_one_receipt_for_each_message_in_order(harness: Harness) -> None:
    sent = [message(n) for n in (5, 3, 9, 1)]
    receipts = harness.provider.submit(sent)
    assert [r.reference for r in receipts] == [m.reference for m in sent]
    assert {r.outcome for r in receipts} == {Outcome.ACCEPTED}
    assert sorted(a.reference for a in harness.arrived()) == [
        "delivery:1",
        "delivery:3",
        "delivery:5",
        "delivery:9",
    ]


def test_everybody_gets_their_own(harness: Harness) -> None:
    harness.provider.submit([message(n) for n in range(1, 8)])
    for mail in harness.arrived():
        number = mail.reference.split(":")[1]
        assert mail.to == f"reader{number}@example.com"
        assert f"?n={number}&x=1\n" in mail.text.replace("\r\n", "\n")
        assert f'href="{LONG}?n={number}&amp;x=1"' in mail.html
        assert "%%unsubscribe_url%%" not in mail.html + mail.text


def test_words_arrive_as_they_were(harness: Harness) -> None:
    harness.provider.submit([message(1)])
    (mail,) = harness.arrived()
    assert mail.subject == TEMPLATE.subject
    assert mail.html.replace("\r\n", "\n").startswith(HTML.split("<a href")[0])
    assert mail.text.replace("\r\n", "\n").startswith(TEXT.split("Out:")[0])


def test_a_message_may_have_a_sender_of_its_own(harness: Harness) -> None:
    other = "Evenhand at the door <hello@note.example.com>"
    sent = [message(1), replace(message(2), sender=other), message(3)]
    assert {r.outcome for r in harness.provider.submit(sent)} == {Outcome.ACCEPTED}
    senders = {mail.reference: mail.sender for mail in harness.arrived()}
    assert senders["delivery:2"] == other
    assert senders["delivery:1"] == senders["delivery:3"] != other


def test_a_sender_that_is_no_address_costs_only_its_message(harness: Harness) -> None:
    receipts = harness.provider.submit([message(1), replace(message(2), sender="nobody at all")])
    assert [r.outcome for r in receipts] == [Outcome.ACCEPTED, Outcome.FAILED]


def test_headers_arrive_unmangled(harness: Harness) -> None:
    sent = message(1)
    harness.provider.submit([sent])
    (mail,) = harness.arrived()
    for name, value in sent.headers.items():
        assert mail.headers[name] == value


def test_a_value_is_text_never_markup_and_never_another_slot(harness: Harness) -> None:
    harness.provider.submit([message(1, account_url='"><b>&%%unsubscribe_url%%')])
    (mail,) = harness.arrived()
    assert '"><b>' not in mail.html
    assert "&lt;b&gt;&amp;%%unsubscribe_url%%" in mail.html
    assert 'Account: "><b>&%%unsubscribe_url%%' in mail.text


@pytest.mark.parametrize(
    "bad", ["no address at all", "two@@example.com", "evil@example.com\r\nBcc: all@example.com", "", "a@"]
)
def test_a_bad_address_costs_only_itself(harness: Harness, bad: str) -> None:
    receipts = harness.provider.submit([message(1), message(2, to=bad or " "), message(3)])
    assert [r.outcome for r in receipts] == [Outcome.ACCEPTED, Outcome.FAILED, Outcome.ACCEPTED]
    assert receipts[1].reason
    assert "@" not in receipts[1].reason.replace("the @", "")
    assert sorted(a.reference for a in harness.arrived()) == ["delivery:1", "delivery:3"]


def test_a_message_with_a_slot_left_open_is_not_sent(harness: Harness) -> None:
    broken = Template("x", "<p>%%account_url%%</p>", "%%unsubscribe_url%%", "h2")
    bad = Message("delivery:2", "reader2@example.com", broken, {"account_url": "https://x.example.com"})
    receipts = harness.provider.submit([message(1), bad])
    assert [r.outcome for r in receipts] == [Outcome.ACCEPTED, Outcome.FAILED]
    assert [a.reference for a in harness.arrived()] == ["delivery:1"]


def test_several_templates_in_one_call(harness: Harness) -> None:
    other = Template(
        "Another",
        "<p>other %%unsubscribe_url%% %%account_url%%</p>",
        "other %%unsubscribe_url%% %%account_url%%",
        "h3",
    )
    harness.provider.submit([message(1), message(2, template=other), message(3)])
    assert {a.reference: a.subject for a in harness.arrived()} == {
        "delivery:1": TEMPLATE.subject,
        "delivery:2": "Another",
        "delivery:3": TEMPLATE.subject,
    }


def test_who_cannot_be_reached_is_a_definite_no(harness: Harness) -> None:
    receipts = harness.unreachable.submit([message(1), message(2)])
    assert [r.reference for r in receipts] == ["delivery:1", "delivery:2"]
    assert {r.outcome for r in receipts} == {Outcome.RETRY}
    assert all(r.reason and "@" not in r.reason for r in receipts)


def test_what_is_no_longer_ours_is_not_begun(harness: Harness) -> None:
    """Asked right before the first byte: a process that was frozen past its claim hands nothing over."""
    receipts = harness.provider.submit([message(n) for n in range(1, 6)], may_begin=lambda: False)
    assert [r.outcome for r in receipts] == [Outcome.RETRY] * 5
    assert harness.arrived() == []


def test_who_was_frozen_half_way_does_not_end_what_is_no_longer_ours(harness: Harness) -> None:
    """Asked again before the last byte, without which nothing is taken."""
    if harness.whole_or_nothing:
        pytest.skip(f"{harness.provider.name} cannot submit half a Message")
    asked = iter([True])
    receipts = harness.provider.submit([message(1)], may_begin=lambda: next(asked, False))
    assert [r.outcome for r in receipts] == [Outcome.RETRY]
    assert harness.arrived() == []
    assert [r.outcome for r in harness.provider.submit([message(1)])] == [Outcome.ACCEPTED]
    assert len(harness.arrived()) == 1


def test_nothing_to_send_is_nothing(harness: Harness) -> None:
    assert harness.provider.submit([]) == []
    assert harness.arrived() == []


def test_several_batches_at_once(harness: Harness) -> None:
    outcomes = []

    def lane(first: int) -> None:
        outcomes.extend(r.outcome for r in harness.provider.submit([message(first + n) for n in range(20)]))

    lanes = [threading.Thread(target=lane, args=(100 * k,)) for k in range(1, 5)]
    for t in lanes:
        t.start()
    for t in lanes:
        t.join()
    assert outcomes == [Outcome.ACCEPTED] * 80
    assert len({a.reference for a in harness.arrived()}) == len(harness.arrived()) == 80


def test_closing_twice_is_safe_and_it_can_be_used_before(harness: Harness) -> None:
    harness.provider.submit([message(1)])
    harness.provider.close()
    harness.provider.close()


# --- the other direction: what it reports ---


@pytest.fixture
def reports(harness: Harness) -> Reports:
    if harness.reports is None:
        pytest.skip(f"{harness.provider.name} reports no events over a webhook")
    return harness.reports


def test_who_reports_events_is_tried_on_them(harness: Harness) -> None:
    registered = PROVIDERS[harness.provider.name]
    assert registered.reports_events == (harness.reports is not None)
    if harness.reports:
        assert registered.events_problem(harness.reports.settings) is None


def test_what_it_signed_is_verified_and_read(harness: Harness, reports: Reports) -> None:
    registered = PROVIDERS[harness.provider.name]
    body, headers = reports.delivered("delivery:17", MORNING)
    registered.verify(body, headers, settings=reports.settings, now=MORNING)
    (event,) = registered.read_events(body)
    assert (event.reference, event.kind, event.happened_at) == ("delivery:17", "delivered", MORNING)
    assert event.provider_event_id


@pytest.mark.parametrize("lie", ["other bytes", "no signature", "an hour later"])
def test_what_it_did_not_sign_just_now_is_refused(harness: Harness, reports: Reports, lie: str) -> None:
    body, headers = reports.delivered("delivery:17", MORNING)
    body = body + b" " if lie == "other bytes" else body
    headers = {} if lie == "no signature" else headers
    now = MORNING + timedelta(hours=1) if lie == "an hour later" else MORNING
    with pytest.raises(ForgedEvents):
        PROVIDERS[harness.provider.name].verify(body, headers, settings=reports.settings, now=now)


@pytest.mark.parametrize("body", [b"", b"\xff", b"{", b'"x"', b"[" * 100_000])
def test_a_body_of_another_form_is_refused(harness: Harness, reports: Reports, body: bytes) -> None:
    with pytest.raises(ValueError):
        PROVIDERS[harness.provider.name].read_events(body)


# --- what the registry says of it ---


def test_it_says_whether_its_reports_reach_us_and_where_it_is(harness: Harness, make_settings) -> None:
    registered = PROVIDERS[harness.provider.name]
    assert registered.name == harness.provider.name
    assert registered.title
    bare = make_settings(MAIL_PROVIDER=registered.name)
    said = registered.unheard_because(bare)
    assert said is None or said.endswith(".")


def test_an_unknown_provider_is_refused_with_the_names_that_are_known(make_settings) -> None:
    with pytest.raises(
        SettingsError, match=f"MAIL_PROVIDER=pigeon is not known; it must be one of {', '.join(PROVIDERS)}."
    ):
        providers.make(make_settings(MAIL_PROVIDER="pigeon"))


def test_no_vendor_is_named_outside_its_folder_and_its_settings() -> None:
    vendors = set(PROVIDERS) - {"outbox", "smtp"}  # a folder and a protocol
    assert vendors
    package = Path(providers.__file__).parents[2]
    own = Path(providers.__file__).parent
    # Measuring stands a provider up; the glossary and the registry list all of them.
    allowed = {own / "__init__.py", package / "settings.py", package / "GLOSSARY.md"}
    for vendor in vendors:
        for path in [*package.rglob("*.py"), *package.rglob("*.html")]:
            if path in allowed or own / vendor in path.parents or package / "lab" in path.parents:
                continue
            assert vendor not in path.read_text().lower(), f"{path} names {vendor}"
