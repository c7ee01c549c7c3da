"""Help for operators: the morning in order, what each Check looks at, what the words mean."""

from __future__ import annotations

from flask import Response, make_response, render_template

from newsletter.delivery.events import BLOCKED_SHARE, MIN_SURGE, SURGE_SHARE
from newsletter.desk.guard import bp
from newsletter.desk.issue.evidence import WEAK
from newsletter.jobs.alerts import MOST_A_DAY
from newsletter.jobs.due import GRACE


@bp.get("/help")
def help_page() -> Response:
    """The page, with the limits that the program uses."""
    html = render_template(
        "desk/help.html",
        grace=int(GRACE.total_seconds()) // 60,
        surge_from=MIN_SURGE,
        surge_share=round(100 * SURGE_SHARE),
        blocked_share=round(100 * BLOCKED_SHARE),
        most_alerts=MOST_A_DAY,
        weak=WEAK,
    )
    return make_response(html)
