"""Dates of feeds, as their publishers write them. Pure.

feedparser takes a zone that it does not know for UTC, so that an Article stands hours away from its time. Here a zone is read from its
offset, its abbreviation or its IANA name, and a date in a zone that nobody knows, or that two parts of the world share, is no date.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate
from zoneinfo import ZoneInfo

# Offsets in hours. RFC 822 defines those of North America; the others are the abbreviations of tzdata that one zone alone uses today.
_HOURS = {
    "UT": 0, "UTC": 0, "GMT": 0, "Z": 0, "WET": 0, "WEST": 1, "BST": 1, "CET": 1, "CEST": 2, "MEZ": 1, "MESZ": 2, "EET": 2, "EEST": 3,
    "SAST": 2, "CAT": 2, "EAT": 3, "WAT": 1, "MSK": 3, "TRT": 3, "PKT": 5, "WIB": 7, "WITA": 8, "WIT": 9, "HKT": 8, "SGT": 8, "PHT": 8,
    "AWST": 8, "JST": 9, "KST": 9, "AEST": 10, "AEDT": 11, "NZST": 12, "NZDT": 13, "NST": -3.5, "NDT": -2.5, "EST": -5, "EDT": -4,
    "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7, "AKST": -9, "AKDT": -8, "HST": -10,
    "ACST": 9.5, "ACDT": 10.5,
}  # fmt: skip
_LONGEST = 100  # characters
_DATE = re.compile(
    r"(?P<wall>.*?\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?)\s*(?P<half>[ap]\.?m\.?(?=\s|$))?\s*(?P<zone>\S.*)?",
    re.IGNORECASE,
)
_OFFSET = re.compile(
    r"(?:UTC|GMT)?\s*(?P<sign>[+\-−])(?P<hours>\d{1,2}):?(?P<minutes>\d{2})?(?:\s*\(.*\))?", re.IGNORECASE
)


class UnknownZone(ValueError):
    """The date names a zone that nobody knows, or that two parts of the world share."""


def read(text: str) -> datetime | None:
    """Return the moment that ``text`` names (RFC 822 or ISO 8601, with any zone), in UTC; None when it is written otherwise.

    A time without a zone counts as UTC. Raises :class:`UnknownZone`.
    """
    found = _DATE.fullmatch(" ".join(text[:_LONGEST].split()))
    wall = _wall(found["wall"]) if found else None
    if found is None or wall is None:
        return None
    zone = _zone(found["zone"] or "UTC")
    if found["half"] and 1 <= wall.hour <= 12:
        wall = wall.replace(hour=wall.hour % 12 + 12 * (found["half"][0] in "pP"))
    try:
        return wall.replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _zone(text: str) -> timezone | ZoneInfo:
    if offset := _OFFSET.fullmatch(text):
        gap = timedelta(hours=int(offset["hours"]), minutes=int(offset["minutes"] or 0))
        if gap < timedelta(hours=24):
            return timezone(gap if offset["sign"] == "+" else -gap)
    if (hours := _HOURS.get(text.upper().rstrip("."))) is not None:
        return timezone(timedelta(hours=hours))
    try:
        if "/" in text:
            return ZoneInfo(text)
    except (KeyError, ValueError, OSError):  # no such zone, or a text that is no name of one
        pass
    raise UnknownZone(text[:40])


def _wall(text: str) -> datetime | None:
    """Return the time on the clock in its zone."""
    try:
        return datetime.fromisoformat(text.replace(",", "."))
    except ValueError:
        parsed = parsedate(text)
    try:
        return datetime(*parsed[:6]) if parsed else None  # noqa: DTZ001 - its zone is read apart
    except ValueError:
        return None
