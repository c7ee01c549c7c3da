"""The mail in the Outbox. These pages do not exist with another email provider."""

from __future__ import annotations

from pathlib import Path

from flask import Response, make_response, render_template

from newsletter.delivery.providers.outbox.send import list_outbox, read_outbox
from newsletter.desk.guard import bp
from newsletter.desk.issue.preview import frame_response
from newsletter.desk.paging import PAGE_SIZE, page_number
from newsletter.errors import NotFound
from newsletter.web.services import services


def folder() -> Path:
    """Return the folder of the Outbox. Raises :class:`NotFound` with another email provider."""
    settings = services().settings
    if settings.MAIL_PROVIDER != "outbox":
        raise NotFound("Mail is not kept here: an email provider takes it.")
    return settings.OUTBOX_DIR


@bp.get("/outbox")
def outbox() -> Response:
    page = page_number()
    found = list_outbox(folder(), PAGE_SIZE + 1, skip=(page - 1) * PAGE_SIZE)
    html = render_template("desk/outbox.html", kept=found[:PAGE_SIZE], page=page, more=len(found) > PAGE_SIZE)
    return make_response(html)


@bp.get("/outbox/<name>")
def kept_mail(name: str) -> Response:
    return make_response(render_template("desk/mail.html", mail=read_outbox(folder(), name)))


@bp.get("/outbox/<name>/frame")
def kept_frame(name: str) -> Response:
    return frame_response(read_outbox(folder(), name).html)


@bp.get("/outbox/<name>/file")
def kept_file(name: str) -> Response:
    """The stored bytes, to open in a mail program."""
    answer = make_response(read_outbox(folder(), name).raw)
    answer.headers["Content-Type"] = "message/rfc822"
    # read_outbox has checked the letters of the name.
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
