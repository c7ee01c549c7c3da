"""Days and times in the desk's addresses and tables."""

from __future__ import annotations

from datetime import date, datetime

from newsletter.clock import day_in
from newsletter.errors import NotFound
from newsletter.formatting import short_moment
from newsletter.web.services import services


def day_of(text: str) -> date:
    """Return the day in an address, in the form 2026-03-02 only. Raises :class:`NotFound`."""
    try:
        value = date.fromisoformat(text)
    except ValueError:
        raise NotFound("That is not a day such as 2026-03-02.") from None
    if value.isoformat() != text:
        raise NotFound("That is not a day such as 2026-03-02.")
    return value


def today() -> date:
    """Return today's date in the newsletter's zone."""
    return day_in(services().settings.EDITION_TZ, services().now())


def clock_time(value: datetime, seconds: bool = False) -> str:
    """Return "2 Mar, 05:10" in the newsletter's zone, or "2 Mar, 05:10:33"."""
    return short_moment(value, services().settings.EDITION_TZ, seconds=seconds)
