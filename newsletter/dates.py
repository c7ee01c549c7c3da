"""How a day and a moment are written, one way each, in every mail and on every page. Whose zone it is, the caller says. Pure."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo


def day(value: date) -> str:
    """``Monday, 2 March 2026``."""
    return f"{value:%A}, {value.day} {value:%B} {value.year}"


def moment(value: datetime, zone: str) -> str:
    """``2 March 2026, 05:10 EST`` in ``zone``, an IANA name."""
    local = value.astimezone(ZoneInfo(zone))
    return f"{local.day} {local:%B} {local.year}, {local:%H:%M %Z}"
