"""The variables and filters of the site's templates: the site's name and addresses, form fields, and formatting."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parseaddr
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
    """Return "2 March 2026, 05:10 EST" in ``zone`` (a reader's own), or in the newsletter's zone when ``zone`` is empty or
    unknown."""
    return formatting.moment(value, zone_or(zone, services().settings.EDITION_TZ))


def segments(coverage: Coverage) -> dict[Side, int]:
    """Return the number of segments of the coverage bar for each Side: one for each Outlet.

    Above MOST_SEGMENTS the numbers are scaled down, and a Side with any Outlet keeps at least one.
    """
    if coverage.outlets <= MOST_SEGMENTS:
        return {side: coverage.of(side) for side in SIDES}
    share = MOST_SEGMENTS / coverage.outlets
    return {side: max(1, round(coverage.of(side) * share)) if coverage.of(side) else 0 for side in SIDES}


def start_words(days: int) -> str:
    """Return the text of the sign-up button for a Trial of ``days`` days."""
    if not days:
        return "Sign me up"
    return "Start my free day" if days == 1 else f"Start my {days} free days"


def host(url: str) -> str:
    """Return the host of an address without ``www.``, to show where a link leads."""
    return (urlsplit(url).hostname or "").removeprefix("www.")


def web_address(url: str) -> str:
    """Return the address if it is http or https, otherwise an empty string: a feed may contain any scheme."""
    return url if urlsplit(url).scheme in ("http", "https") else ""


def xml_text(text: str) -> str:
    """Return the text without the characters that XML does not allow, not even escaped."""
    return "".join(c for c in text if c in "\t\n\r" or (c >= " " and c not in "\ufffe\uffff"))


def articles_by_tab(story: StoryView) -> list[tuple[str, str, tuple[ArticleView, ...]]]:
    """Return the tabs of a Story's Articles, without empty ones: a word for addresses and styles, the name, and the Articles."""
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
        "start_words": start_words(site.settings.trial_days),
        "sides": SIDES,
        "side_names": SIDE_NAMES,
        "row_sides": story_phrases.ROW_SIDES,
        "lean_names": LEAN_NAMES,
        "disclosure": authorship.disclosure,
        "digital_source": authorship.DIGITAL_SOURCE,
        "reviewed_line": authorship.REVIEWED,
        "issues_from": parseaddr(site.settings.MAIL_FROM)[1],
        "epoch": datetime.fromtimestamp(0, UTC),
    }


FILTERS: tuple[Callable[..., Any], ...] = (
    formatting.day,
    formatting.short_day,
    formatting.hour_of_day,
    formatting.hour_in_zone,
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
    """Register the variables and the filters, each under its function's name, for the templates of ``app``."""
    app.context_processor(_variables)
    for function in FILTERS:
        app.jinja_env.filters[function.__name__] = function
