"""The desk: the operators' pages. ``guard.py`` requires a Sign-in on every page except those for signing in."""

from newsletter.desk import (
    audit,
    bounces,
    figures,
    help,
    operators,
    outbox,
    outlets,
    readers,
    regrouping,
    reports,
    runs,
    signin,
    stories,
)
from newsletter.desk.guard import bp
from newsletter.desk.issue import corrections, decisions, deliveries, edits, issue_page, preview

# Each of these modules adds its addresses to the blueprint.
_PAGES = (
    audit, bounces, corrections, decisions, deliveries, edits, figures, help, issue_page, operators, outbox, outlets, preview,
    readers, regrouping, reports, runs, signin, stories,
)  # fmt: skip
__all__ = ["bp"]
