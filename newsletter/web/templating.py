"""What every template of the site may use: the site's name and addresses, form fields, and filters."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from flask import Flask

from newsletter import formatting
from newsletter.feeds.leans import LEAN_NAMES, SIDE_NAMES, SIDES, Coverage, Side
from newsletter.issues.render import authorship, story_phrases
from newsletter.issues.views import ArticleView, StoryView
from newsletter.subscribers.preferences import zone_or
from newsletter.web.http.bot_timing import page_made
from newsletter.web.http.csrf import FIELD, form_token
from newsletter.web.services import services
from newsletter.web.static_files import asset

MOST_SEGMENTS = 80  # of the coverage bar; above this a segment stands for several Outlets


def moment(value: datetime, zone: str = "") -> str:
    """``2 March 2026, 05:10 EST`` in ``zone`` (a reader's own), or in the newsletter's where that is none or unknown."""
    return formatting.moment(value, zone_or(zone, services().settings.EDITION_TZ))


def segments(coverage: Coverage) -> dict[Side, int]:
    """How many segments of the coverage bar each Side gets: one for each Outlet.

    Past MOST_SEGMENTS they are scaled down, and a Side that has any Outlet keeps at least one.
    """
    if coverage.outlets <= MOST_SEGMENTS:
        return {side: coverage.of(side) for side in SIDES}
    share = MOST_SEGMENTS / coverage.outlets
    return {side: max(1, round(coverage.of(side) * share)) if coverage.of(side) else 0 for side in SIDES}


def start_words(days: int) -> str:
    """The words on the button to sign up, for a Trial of so many days."""
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


def articles_by_tab(story: StoryView) -> list[tuple[str, str, tuple[ArticleView, ...]]]:
    """The Articles in tabs: a word for addresses and styles, the name, and the Articles; no empty tab."""
    tabs = [(side.value, SIDE_NAMES[side], articles) for side, articles in story.by_side().items()]
    rest = tuple(a for a in story.articles if a.side is None)
    return [tab for tab in [*tabs, ("none", story_phrases.NO_SIDE, rest)] if tab[2]]


def _variables() -> dict[str, Any]:
    site = services()
    return {
        "site": site.settings.SITE_NAME,
        "settings": site.settings,
        "links": site.links,
        "to": site.paths,
        "asset": asset,
        "form_token": form_token,
        "form_field": FIELD,
        "page_made": page_made,
        "start_words": start_words(site.settings.TRIAL_DAYS),
        "sides": SIDES,
        "side_names": SIDE_NAMES,
        "row_sides": story_phrases.ROW_SIDES,
        "lean_names": LEAN_NAMES,
        "disclosure": authorship.disclosure,
        "digital_source": authorship.DIGITAL_SOURCE,
        "reviewed_line": authorship.REVIEWED,
        "epoch": datetime.fromtimestamp(0, UTC),
    }


FILTERS: tuple[Callable[..., Any], ...] = (
    formatting.day,
    formatting.short_day,
    formatting.hour_of_day,
    formatting.country_name,
    formatting.counted,
    formatting.listed,
    formatting.rfc3339,
    moment,
    host,
    web_address,
    xml_text,
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
    authorship.written_line,
)


def install(app: Flask) -> None:
    """Give the variables and the filters, each by its function's name, to the templates of ``app``."""
    app.context_processor(_variables)
    for function in FILTERS:
        app.jinja_env.filters[function.__name__] = function
