"""The desk: the pages of those who run the service. Every page stands behind the guard in ``guard.py``."""

from newsletter.desk import (
    help,
    operators,
    outbox,
    outlets,
    readers,
    records,
    regrouping,
    reports,
    signin,
    stories,
)
from newsletter.desk.guard import bp
from newsletter.desk.issue import acts, corrections, deliveries, edits, frame
from newsletter.desk.issue import pages as issue_pages
from newsletter.desk.metrics import pages as metrics_pages

# Each of these modules adds its addresses to the blueprint.
_PAGES = (
    issue_pages, acts, corrections, deliveries, edits, frame, metrics_pages,
    help, operators, outbox, outlets, readers, records, regrouping, reports, signin, stories,
)  # fmt: skip
__all__ = ["bp"]
