"""A Story's page, and the form to report a problem in it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request
from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter import db
from newsletter.db.models import Article, Outlet, Story
from newsletter.issues import archive
from newsletter.issues.length import metered
from newsletter.issues.sections import METERED, STORY, sections_for
from newsletter.issues.views import StoryView, story_view
from newsletter.stories import reports
from newsletter.web import metering
from newsletter.web.http.csrf import check_form, is_same_origin, is_valid
from newsletter.web.http.headers import personal, public
from newsletter.web.services import services

bp = Blueprint("stories", __name__)
_SLUG = re.compile(r"[\w-]{1,200}")
REPORT_FORM = "report"
SHOWN = "shown"  # the token of the picture that counts a Read
_DOT = b'<svg xmlns="http://www.w3.org/2000/svg"/>'
REPORT_CAP = 16 * 1024  # bytes of a report's body
MOST_LISTED = 30  # Articles of one Side on a page; a large Story has hundreds


class Visibility(StrEnum):
    """How much of a Story this request may see."""

    FULL = "full"
    LOCKED = "locked"  # headline, lede and coverage; the response does not contain the rest


@dataclass(frozen=True)
class StoryPage:
    """The data of a Story's page that are the same for all readers."""

    story_id: int
    view: StoryView
    printed: archive.Printed | None
    outlets: dict[str, Outlet]  # the Outlets of its Articles, by name, with their owners


@bp.get("/stories/<slug>")
def story(slug: str) -> Response:
    """The Story, or its public part for who has read this month's free ones. The page's last picture counts the Read."""
    found = _load_or_redirect(slug)
    if isinstance(found, Response):
        return found
    access = metering.story_access(found.story_id)
    html = render_template(
        "story.html",
        # The template does not get the locked text.
        story=found.view if access.full else _locked(found.view),
        printed=found.printed,
        shown=sections_for(STORY if access.full else METERED, found.view),
        sight=Visibility.FULL if access.full else Visibility.LOCKED,
        access=access,
        signed_in=access.signed_in,
        reasons=reports.REASONS,
        outlets=found.outlets,
        most_listed=MOST_LISTED,
    )
    # The page differs between readers, so no cache may keep it. It contains no secret, so it may be compressed.
    return personal(make_response(html), secret=False)


def _locked(story: StoryView) -> StoryView:
    """Return the public part of the Story, with only the credited one of its Articles."""
    shown = metered(story)
    return replace(shown, articles=tuple(a for a in story.articles if a == story.credit))


@bp.get("/stories/<slug>/shown.svg")
def shown(slug: str) -> Response:
    """The picture at the end of an open Story, which browsers load when they show the page: it counts the Read.

    A browser that loads the page ahead of its reader says so (``Sec-Purpose``), and counts nothing.
    """
    answer = make_response(_DOT)
    answer.mimetype = "image/svg+xml"
    ahead = "prefetch" in request.headers.get("Sec-Purpose", "")
    if not ahead and is_same_origin() and is_valid(request.args.get("seen", ""), SHOWN, slug):
        found = _load_or_redirect(slug)
        if not isinstance(found, Response):
            metering.count_read(found.story_id, answer)
    return personal(answer)


@bp.get("/stories/<slug>/report")
def report_page(slug: str) -> Response:
    """The form on its own page, to which the mail links, and thanks after it was sent."""
    found = _load_or_redirect(slug, then="report")
    if isinstance(found, Response):
        return found
    thanks = request.args.get("kept") == "yes"
    html = render_template("report.html", story=found.view, reasons=reports.REASONS, thanks=thanks)
    return public(make_response(html))


@bp.post("/stories/<slug>/report")
def send_report(slug: str) -> Response:
    request.max_content_length = REPORT_CAP
    check_form(REPORT_FORM)
    found = _load_or_redirect(slug, then="report")
    if isinstance(found, Response):
        return found
    reason = request.form.get("reason", "")
    if reason not in reports.REASONS:
        abort(400, "Please say what kind of problem it is.")
    if not request.form.get("website"):  # a honeypot: only bots fill it
        site = services()
        words = request.form.get("words", "")
        try:
            reports.run(site.sessions, found.story_id, reason=reason, words=words, now=site.now())
        except reports.TooManyReports:
            abort(
                429, "We have had many reports within the hour and are reading them. Please try again later."
            )
    return _redirect(f"{services().paths.report(found.view.slug)}?kept=yes", 303)


def _load_or_redirect(slug: str, then: str = "") -> StoryPage | Response:
    """Return the Story at this address, or a redirect to the Story it was merged into. Aborts with 404."""
    if not _SLUG.fullmatch(slug):
        abort(404)
    site = services()
    story_page: StoryPage | None = site.page_cache.get_or_make(("story", slug), lambda: _load(slug))
    if story_page is None:
        abort(404, "There is no story at this address.")
    if story_page.view.slug != slug:
        path = site.paths.report(story_page.view.slug) if then else site.paths.story(story_page.view.slug)
        asked = request.query_string.decode("ascii", "ignore")
        return _redirect(f"{path}?{asked}" if asked else path, 308)
    return story_page


def _load(slug: str) -> StoryPage | None:
    """Return the Story at this address, or the one it was merged into, which has another slug; None without any."""
    with db.reading(services().sessions) as session:
        row = archive.story_at(session, slug)
        return _story_page(session, row) if row is not None else None


def _story_page(session: Session, row: Story) -> StoryPage | None:
    printed_in = archive.printed(session, row.id)
    if printed_in is None and (newest := archive.latest_issue(session)):
        outlets_read = newest.outlets_read
    else:
        outlets_read = printed_in.outlets_read if printed_in else 0
    view = story_view(session, row, now=services().now(), outlets_read=outlets_read)
    if view is None:
        return None
    # The number of outlets read in an older Issue may be smaller than today's Coverage.
    view = replace(view, outlets_read=max(outlets_read, view.coverage.outlets) if outlets_read else 0)
    outlets = session.scalars(
        select(Outlet).where(Outlet.id.in_(select(Article.outlet_id).where(Article.story_id == row.id)))
    )
    return StoryPage(row.id, view, printed_in, {outlet.name: outlet for outlet in outlets})


def _redirect(path: str, status: int) -> Response:
    answer = make_response(redirect(path, status))
    if status == 308:
        answer.headers["Cache-Control"] = "public, max-age=60"
    return answer
