"""Slots: filled once, escaped in HTML, never opened by a feed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.delivery.mail.slots import ISSUE_SLOTS, NOTICE_SLOTS, SlotError, defuse, fill, open_slots

HOSTILE = st.text(alphabet=st.sampled_from("%a_u{}<&-x \u2060"), max_size=60)


def test_a_slot_is_filled_and_escaped_in_html_only() -> None:
    address = 'https://a.example/?x=1&y="2"'
    given = {"account_url": address}
    assert fill('<a href="%%account_url%%">', given, html=True) == (
        '<a href="https://a.example/?x=1&amp;y=&quot;2&quot;">'
    )
    assert fill("%%account_url%%", given, html=False) == address


def test_a_value_is_never_looked_at_again() -> None:
    given = {"account_url": "%%unsubscribe_url%%", "unsubscribe_url": "U"}
    assert fill("%%account_url%% %%unsubscribe_url%%", given, html=False) == "%%unsubscribe_url%% U"


def test_a_missing_slot_is_refused_by_name() -> None:
    with pytest.raises(SlotError, match="unsubscribe_url"):
        fill("%%unsubscribe_url%%", {"account_url": "A"}, html=False)


def test_an_unknown_slot_is_refused_by_name() -> None:
    with pytest.raises(SlotError, match="first_name"):
        fill("Hello", {"first_name": "Ann"}, html=False)


def test_a_known_slot_that_this_part_does_not_open_is_in_order() -> None:
    assert fill("A subject", {"unsubscribe_url": "U"}, html=False) == "A subject"


@pytest.mark.parametrize("value", ["a\nb", "a\r\nBcc: x@example.com", "a\x00", "a\tb", "\x7f"])
def test_a_value_of_more_than_one_line_is_refused(value: str) -> None:
    with pytest.raises(SlotError, match="one line"):
        fill("%%account_url%%", {"account_url": value}, html=True)


def test_every_slot_can_be_opened() -> None:
    for name in ISSUE_SLOTS.union(*NOTICE_SLOTS.values()):
        assert open_slots(f"<a href='%%{name}%%'>") == {name}


@given(HOSTILE, HOSTILE)
def test_defused_text_opens_no_slot_wherever_it_stands(before: str, after: str) -> None:
    for text in (before, "%" + before + "%", f"%%{before}%%"):
        safe = defuse(text)
        assert "%%" not in safe
        assert not open_slots(f"{safe} {defuse(after)}")
        assert safe.replace("\u2060", "") == text.replace("\u2060", "")
        assert defuse(safe) == safe


def test_ordinary_per_cents_are_left_alone() -> None:
    assert defuse("5 % or 100%, said 99%-sure") == "5 % or 100%, said 99%-sure"
