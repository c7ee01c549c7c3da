"""What a newcomer to the desk asks: the morning in order, what each Check looks at, what the words mean."""

from __future__ import annotations

from flask import Response, make_response, render_template

from newsletter.alerts import MOST_A_DAY
from newsletter.due import GRACE
from newsletter.mailroom.settle import BLOCKED_SHARE, SURGE_FROM, SURGE_SHARE
from newsletter.web.desk.grounds import WEAK
from newsletter.web.desk.guard import bp


@bp.get("/help")
def help_page() -> Response:
    """The numbers in it are those the program goes by."""
    html = render_template(
        "desk/help.html",
        grace=int(GRACE.total_seconds()) // 60,
        surge_from=SURGE_FROM,
        surge_share=round(100 * SURGE_SHARE),
        blocked_share=round(100 * BLOCKED_SHARE),
        most_alerts=MOST_A_DAY,
        weak=WEAK,
    )
    return make_response(html)
