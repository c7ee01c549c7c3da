"""Social cards: the pictures that other sites show beside a link to ours. They are drawn here, so no other server learns of a
reader."""

from __future__ import annotations

from flask import Blueprint, Response, abort, make_response

from newsletter import db, formatting
from newsletter.feeds.leans import SIDES
from newsletter.formatting import counted
from newsletter.issues import archive
from newsletter.issues.views import StoryView, issue_view, story_view
from newsletter.web.http.headers import public
from newsletter.web.issues import day_in_address
from newsletter.web.services import services
from newsletter.web.social_card_drawing import draw_card

bp = Blueprint("social_cards", __name__)
HOUR = 3600  # seconds


@bp.get("/picture.png")
def home() -> Response:
    """The picture of the landing page."""
    return _card("Read both sides in 5 minutes each day.", (), "One email each morning, every sentence cited")


@bp.get("/stories/<slug>/picture.png")
def story(slug: str) -> Response:
    site = services()
    with db.reading(site.sessions) as session:
        row = archive.story_at(session, slug) if "\x00" not in slug else None
        view = story_view(session, row, now=site.now()) if row else None
    if view is None:
        abort(404, "There is no story at this address.")
    return _card(
        view.headline, _counts(view), f"{counted(view.coverage.outlets, 'outlet')}, told from each side"
    )


@bp.get("/issues/<day>/picture.png")
def issue(day: str) -> Response:
    site = services()
    with db.reading(site.sessions) as session:
        row = archive.issue_on(session, day_in_address(day))
        view = issue_view(session, row, now=site.now()) if row else None
    if view is None:
        abort(404, "There is no issue of that day.")
    line = f"{formatting.day(view.issued_on)} · {counted(len(view.stories), 'story', 'stories')} in {view.reading_minutes} min"
    return _card(view.subject, _counts(view.stories[0]) if view.stories else (), line)


def _counts(view: StoryView) -> tuple[int, ...]:
    return tuple(view.coverage.of(side) for side in SIDES)


def _card(headline: str, counts: tuple[int, ...], line: str) -> Response:
    answer = make_response(draw_card(services().settings.SITE_NAME, headline, counts, line))
    answer.headers["Content-Type"] = "image/png"
    # Other sites' previews show it, which the site's own policy for its resources must allow.
    answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return public(answer, max_age=HOUR)
