"""The desk: the pages of those who run the service. Every page stands behind the guard in ``guard.py``."""

from newsletter.web.desk import (  # noqa: F401 - each adds its addresses to the blueprint
    acts,
    corrections,
    deliveries,
    edits,
    figures,
    frame,
    help,
    issues,
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
from newsletter.web.desk.guard import bp

__all__ = ["bp"]
