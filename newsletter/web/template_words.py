"""What every template may use: the site's name and addresses, and how moments, days and Sides are written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlsplit

from flask import Flask

from newsletter import dates
from newsletter.dates import day as day
from newsletter.feeds.leans import LEAN_NAMES, SIDE_NAMES, SIDES
from newsletter.issues.render import story_phrases
from newsletter.issues.views import ArticleView, StoryView
from newsletter.subscribers.preferences import zone_or
from newsletter.web.http.bot_timing import page_made
from newsletter.web.http.csrf import FIELD, form_token
from newsletter.web.images.assets import asset
from newsletter.web.images.charts import segments
from newsletter.web.services import services


def short_day(value: date) -> str:
    """``2 Mar``."""
    return f"{value.day} {value:%b}"


def moment(value: datetime, zone: str = "") -> str:
    """``2 March 2026, 05:10 EST`` in ``zone`` (a reader's own), or in the newsletter's where that is none or unknown."""
    return dates.moment(value, zone_or(zone, services().settings.EDITION_TZ))


def hour_of_day(hour: int) -> str:
    """``6 am``, ``noon``, ``5 pm``, ``midnight``."""
    if hour in (0, 12):
        return "noon" if hour else "midnight"
    return f"{hour % 12} {'am' if hour < 12 else 'pm'}"


def plural(count: int, one: str, many: str = "") -> str:
    """``1 outlet``, ``9 outlets``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def listed(words: Iterable[str]) -> str:
    """``left``, ``left and center``, ``left, center and right``."""
    parts = list(words)
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1]))) if parts else ""


def start_words(days: int) -> str:
    """What the button to sign up says where a Trial has so many days."""
    if not days:
        return "Sign me up"
    return "Start my free day" if days == 1 else f"Start my {days} free days"


def host(url: str) -> str:
    """The host of an address without ``www.``, to show where a link leads."""
    return (urlsplit(url).hostname or "").removeprefix("www.")


def web_address(url: str) -> str:
    """The address if it is http or https; nothing otherwise (a feed may claim any scheme)."""
    return url if urlsplit(url).scheme in ("http", "https") else ""


def xml_text(text: str) -> str:
    """The text without the control characters that no XML document may hold, escaped or not."""
    return "".join(c for c in text if c in "\t\n\r" or (c >= " " and c not in "\ufffe\uffff"))


def rfc3339(value: datetime) -> str:
    """``2026-03-02T10:00:00Z``, as Atom and sitemaps want it."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def articles_by_tab(story: StoryView) -> list[tuple[str, str, tuple[ArticleView, ...]]]:
    """The Articles in tabs: a word for addresses and styles, the name, and the Articles; no empty tab."""
    tabs = [(side.value, SIDE_NAMES[side], articles) for side, articles in story.by_side().items()]
    rest = tuple(a for a in story.articles if a.side is None)
    return [tab for tab in [*tabs, ("none", story_phrases.NO_SIDE, rest)] if tab[2]]


def _given() -> dict[str, Any]:
    found = services()
    return {
        "site": found.settings.SITE_NAME,
        "settings": found.settings,
        "links": found.links,
        "to": found.paths,
        "asset": asset,
        "form_token": form_token,
        "form_field": FIELD,
        "page_made": page_made,
        "start_words": start_words(found.settings.TRIAL_DAYS),
        "sides": SIDES,
        "side_names": SIDE_NAMES,
        "row_sides": story_phrases.ROW_SIDES,
        "lean_names": LEAN_NAMES,
        "epoch": datetime.fromtimestamp(0, UTC),
    }


FILTERS: tuple[Callable[..., Any], ...] = (
    day,
    short_day,
    moment,
    hour_of_day,
    plural,
    listed,
    host,
    web_address,
    xml_text,
    rfc3339,
    segments,
    articles_by_tab,
    story_phrases.articles_of,
    story_phrases.blind_spot_line,
    story_phrases.cited_runs,
    story_phrases.credit,
    story_phrases.headlines_of,
    story_phrases.parts_of,
    story_phrases.row_name,
    story_phrases.row_note,
)


def install(app: Flask) -> None:
    app.context_processor(_given)
    for function in FILTERS:
        app.jinja_env.filters[function.__name__] = function
