"""Formats days, moments, numbers and lists for every mail and every page. Pure; the caller names the zone."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo


def day(value: date) -> str:
    """``Monday, 2 March 2026``."""
    return f"{value:%A}, {value.day} {value:%B} {value.year}"


def short_day(value: date) -> str:
    """``2 Mar``."""
    return f"{value.day} {value:%b}"


def short_month(value: date) -> str:
    """``Mar 26``."""
    return f"{value:%b %y}"


def moment(value: datetime, zone: str) -> str:
    """``2 March 2026, 05:10 EST`` in ``zone``, an IANA name."""
    local = value.astimezone(ZoneInfo(zone))
    return f"{local.day} {local:%B} {local.year}, {local:%H:%M %Z}"


def short_moment(value: datetime, zone: str, *, seconds: bool = False) -> str:
    """``2 Mar, 05:10`` in ``zone``, an IANA name, or ``2 Mar, 05:10:33``."""
    local = value.astimezone(ZoneInfo(zone))
    return f"{short_day(local)}, {local:%H:%M:%S}" if seconds else f"{short_day(local)}, {local:%H:%M}"


def utc_minute(value: datetime) -> str:
    """``2026-03-02 10:10 UTC``, for operators: on the command line, in logs and in the ledger."""
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def hour_of_day(hour: int) -> str:
    """``6 am``, ``noon``, ``5 pm``, ``midnight``."""
    if hour in (0, 12):
        return "noon" if hour else "midnight"
    return f"{hour % 12} {'am' if hour < 12 else 'pm'}"


def hour_in_zone(hour: int, zone: str) -> str:
    """Return "6 am, Los Angeles time", or "6 am UTC", for an hour of the day in an IANA zone."""
    city = zone.rpartition("/")[2].replace("_", " ")
    return f"{hour_of_day(hour)} UTC" if city in ("UTC", "GMT") else f"{hour_of_day(hour)}, {city} time"


def country_name(code: str) -> str:
    """``Britain (UK)`` for ``GB``: the name that tzdata gives an ISO 3166-1 code, or the code where it knows none."""
    return _country_names().get(code, code)


@cache
def _country_names() -> dict[str, str]:
    rows = files("tzdata").joinpath("zoneinfo", "iso3166.tab").read_text(encoding="utf-8").splitlines()
    return dict(row.split("\t")[:2] for row in rows if row and not row.startswith("#"))


def rfc3339(value: datetime) -> str:
    """``2026-03-02T10:00:00Z``, as Atom, sitemaps and security.txt want it."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def number(value: float) -> str:
    """``1,204``, ``0.4``."""
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"


def percent(value: float) -> str:
    """``97.5 %``."""
    return f"{number(round(value, 1))} %"


def share(part: int, whole: int) -> str:
    """``97.5 %``; "none" of nothing."""
    return percent(100 * part / whole) if whole else "none"


def counted(count: int, one: str, many: str = "") -> str:
    """``1 outlet``, ``1,204 outlets``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def listed(words: Iterable[str]) -> str:
    """``left``, ``left and center``, ``left, center and right``."""
    parts = list(words)
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1]))) if parts else ""
