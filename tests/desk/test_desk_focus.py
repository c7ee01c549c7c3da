"""Tab through every page of the desk and back: each stop is seen, none lies under a bar, and each can be hit with a finger."""

from __future__ import annotations

import os
from typing import Any

import pytest

from newsletter.issues.service import IssueService
from tests.desk.keyboard import Hands
from tests.desk.test_desk_browser import PAGES

pytestmark = pytest.mark.browser


# The phone is where bars leave least room; the wide screen takes as long again and is looked at by ``make prove``.
SCREENS = [(375, 667)] + [(1280, 720)] * bool(os.environ.get("EVERY_SCREEN"))


@pytest.mark.parametrize(("width", "height"), SCREENS)
def test_focus_is_seen_at_every_stop_of_every_page(
    page: Any, served: str, service: IssueService, width: int, height: int
) -> None:
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(reduced_motion="reduce")
    faults, stops = [], 0
    for path in PAGES:
        page.goto(f"{served}/desk/{path}")
        hands = Hands(page)
        there = hands.walk()
        back = hands.walk(back=True)
        stops += len(there)
        assert min(len(there), len(back)) >= 10, path
        faults += [
            (path, way, s["name"][:60], s["faults"])
            for way, walk in (("there", there), ("back", back))
            for s in walk
            if s["faults"]
        ]
    assert not faults, "\n".join(map(str, faults))
    assert stops > 300
