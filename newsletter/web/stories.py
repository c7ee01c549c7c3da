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
from newsletter.web.http.csrf import check_form
from newsletter.web.http.headers import personal, public
from newsletter.web.services import services

bp = Blueprint("stories", __name__)
_SLUG = re.compile(r"[\w-]{1,200}")
REPORT_FORM = "report"
READ_FORM = "read"
REPORT_CAP = 16 * 1024  # bytes of a report's body
MOST_LISTED = 30  # Articles of one Side on a page; a large Story has hundreds


class Sight(StrEnum):
    """How much of a Story this reader may see now."""

    FULL = "full"
    LOCKED = "locked"  # headline, lede and coverage; the rest is not in the answer at all


@dataclass(frozen=True)
class Opened:
    """A Story found at the address asked for."""

    story_id: int
    view: StoryView
    printed: archive.Printed | None
    outlets: dict[str, Outlet]  # those of its Articles, by name: the page says who owns them


@bp.get("/stories/<slug>")
def story(slug: str) -> Response:
    """The Story, or what everybody may see of it and a button that opens it. Counts nothing."""
    found = _open(slug)
    if isinstance(found, Response):
        return found
    seen = metering.story_access(found.story_id)
    html = render_template(
        "story.html",
        # Locked words are not even given to the template.
        story=found.view if seen.full else _locked(found.view),
        printed=found.printed,
        shown=sections_for(STORY if seen.full else METERED, found.view),
        sight=Sight.FULL if seen.full else Sight.LOCKED,
        allowance=seen.allowance,
        signed_in=seen.signed_in,
        reasons=reports.REASONS,
        outlets=found.outlets,
        most_listed=MOST_LISTED,
    )
    # No cache may keep it: the address answers each reader differently. It holds no secret of the reader, so it is compressed.
    return personal(make_response(html), secret=False)


def _locked(story: StoryView) -> StoryView:
    """What everybody may see of the Story; of its Articles the one that is credited."""
    shown = metered(story)
    return replace(shown, articles=tuple(a for a in story.articles if a == story.credit))


@bp.post("/stories/<slug>")
def read_story(slug: str) -> Response:
    """The button "Read this story": count one of the month's free Stories, then redirect to the page."""
    check_form(READ_FORM)
    found = _open(slug)
    if isinstance(found, Response):
        return found
    answer = _to(services().paths.story(found.view.slug), 303)
    if not metering.count_read(found.story_id, answer):
        abort(
            429,
            "Many new readers came from your network today. Sign in, or start your free days, to read on now.",
        )
    return answer


@bp.get("/stories/<slug>/report")
def report_page(slug: str) -> Response:
    """The form on its own page, to which the mail links; thanks, once it was sent."""
    found = _open(slug, then="report")
    if isinstance(found, Response):
        return found
    thanks = request.args.get("kept") == "yes"
    html = render_template("report.html", story=found.view, reasons=reports.REASONS, thanks=thanks)
    return public(make_response(html))


@bp.post("/stories/<slug>/report")
def send_report(slug: str) -> Response:
    request.max_content_length = REPORT_CAP
    check_form(REPORT_FORM)
    found = _open(slug, then="report")
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
    return _to(f"{services().paths.report(found.view.slug)}?kept=yes", 303)


def _open(slug: str, then: str = "") -> Opened | Response:
    """The Story at this address, or a redirect to the one it was merged into. Aborts with 404."""
    if not _SLUG.fullmatch(slug):
        abort(404)
    site = services()
    opened: Opened | None = site.page_cache.get_or_make(("story", slug), lambda: _found(slug))
    if opened is None:
        abort(404, "There is no story at this address.")
    if opened.view.slug != slug:
        return _to(site.paths.report(opened.view.slug) if then else site.paths.story(opened.view.slug), 308)
    return opened


def _found(slug: str) -> Opened | None:
    """The Story as everybody may see it; under another slug than asked for when it was merged."""
    with db.reading(services().sessions) as session:
        row = archive.story_at(session, slug)
        return _look(session, row) if row is not None else None


def _look(session: Session, row: Story) -> Opened | None:
    placed = archive.printed(session, row.id)
    if placed is None and (newest := archive.latest_issue(session)):
        read = newest.outlets_read
    else:
        read = placed.outlets_read if placed else 0
    view = story_view(session, row, now=services().now(), outlets_read=read)
    if view is None:
        return None
    # No more can have carried it than we read: an older Issue's number may be smaller than today's Coverage.
    view = replace(view, outlets_read=max(read, view.coverage.outlets) if read else 0)
    outlets = session.scalars(
        select(Outlet).where(Outlet.id.in_(select(Article.outlet_id).where(Article.story_id == row.id)))
    )
    return Opened(row.id, view, placed, {outlet.name: outlet for outlet in outlets})


def _to(path: str, status: int) -> Response:
    answer = make_response(redirect(path, status))
    if status == 308:
        answer.headers["Cache-Control"] = "public, max-age=60"
    return answer
