"""An outlet's own name around its headlines goes; whatever else stands there is the headline's own."""

from __future__ import annotations

import pytest

from newsletter.feeds.html_text import headline

NAMES = ["The Vale Courier", "valecourier.com"]
NEWS = "Bridge over the Tamm reopens"


@pytest.mark.parametrize(
    "title",
    [
        f"{NEWS} - The Vale Courier",
        f"{NEWS} | Vale Courier Politics",
        f"{NEWS} * valecourier.com * by Ann Lee",
        f"Vale Courier - {NEWS}",
        f"The Vale Courier | {NEWS}",
        f"valecourier.com – {NEWS}",
        f"Vale Courier » {NEWS} | Vale Courier",
    ],
)
def test_the_outlets_own_name_goes_from_the_end_and_from_the_front(title: str) -> None:
    assert headline(title, NAMES) == NEWS


@pytest.mark.parametrize(
    "title",
    [
        f"{NEWS} - and the Vale Courier was there",
        f"Vale Courier: {NEWS}",  # it says so itself
        f"Vale Courier Sport - {NEWS}",
        f"Tamm - {NEWS}",
        "Vale Courier - Home",
    ],
)
def test_what_names_more_or_less_than_the_outlet_stays(title: str) -> None:
    assert headline(title, NAMES) == title
