"""Pre-flight Checks: is this Issue fit to be mailed? Pure.

Each finding passes, warns or blocks, with a reason in one sentence. Everything is looked for in the finished bytes,
not in what the templates meant.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from newsletter.mailroom import mail_checks, word_checks
from newsletter.mailroom.findings import Answers, Case, Finding, Level, Mail
from newsletter.mailroom.mailed_page import read_page
from newsletter.mailroom.renditions import RenderedIssue
from newsletter.newsroom.editions import IssueView
from newsletter.settings import Settings

__all__ = ["CHECKS", "Finding", "Level", "check"]

CHECKS: dict[str, Callable[[Case], Answers]] = {
    "renditions": mail_checks.renditions,
    "stories": word_checks.stories,
    "headlines": word_checks.headlines,
    "both-sides": word_checks.sides,
    "citations": word_checks.citations,
    "quotes": word_checks.quotes,
    "subject": word_checks.subject,
    "reading-time": mail_checks.reading_time,
    "size": mail_checks.size,
    "text-twin": mail_checks.twin,
    "links": mail_checks.links,
    "slots": mail_checks.slots,
    "unsubscribe": mail_checks.unsubscribe,
    "postal-address": mail_checks.postal_address,
    "metered-is-locked": mail_checks.metered_is_locked,
    "sample-label": mail_checks.sample,
}


def check(view: IssueView, renditions: Sequence[RenderedIssue], *, settings: Settings) -> list[Finding]:
    """Look an Issue over. A Check without fault gives one finding that passes, otherwise one for each fault."""
    case = Case(view, tuple(Mail(r, read_page(r.html)) for r in renditions), settings)
    findings = []
    for name, look in CHECKS.items():
        answers = list(look(case))
        findings += [Finding(name, level, reason) for level, reason in answers if level != "pass"] or [
            Finding(name, "pass", next((r for _, r in answers), "In order."))
        ]
    return findings
