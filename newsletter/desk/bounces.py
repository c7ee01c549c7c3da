"""The bounce mails that could not be booked. These pages exist only where a mailbox for them is set (``BOUNCE_MAILDIR``)."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from flask import Response, make_response, render_template

from newsletter.desk.guard import bp
from newsletter.desk.paging import PAGE_SIZE, page_number
from newsletter.errors import NotFound
from newsletter.subscribers import bounce_reports
from newsletter.web.services import services


def mailbox() -> Path:
    """Return the Maildir. Raises :class:`NotFound` where none is set."""
    folder = services().settings.BOUNCE_MAILDIR
    if folder is None:
        raise NotFound("No mailbox for bounces is set here: BOUNCE_MAILDIR.")
    return folder


@bp.get("/bounces")
def bounces() -> Response:
    site, page = services(), page_number()
    folder = mailbox()
    kept = bounce_reports.list_unread(
        site.sessions, folder, tokens=site.tokens, links=site.links, now=site.now()
    )
    begin = (page - 1) * PAGE_SIZE
    html = render_template(
        "desk/bounces.html",
        kept=kept[begin : begin + PAGE_SIZE],
        reasons=Counter(mail.reason for mail in kept).most_common(),
        folder=folder,
        days=bounce_reports.UNPROVEN_KEPT.days,
        page=page,
        more=len(kept) > begin + PAGE_SIZE,
    )
    return make_response(html)


@bp.get("/bounces/<name>")
def bounce_file(name: str) -> Response:
    """The bytes of one, to open in a mail program."""
    answer = make_response(bounce_reports.unread_file(mailbox(), name))
    answer.headers["Content-Type"] = "message/rfc822"
    answer.headers["Content-Disposition"] = 'attachment; filename="bounce.eml"'
    return answer
