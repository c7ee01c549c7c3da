"""Pre-flight Checks: is this Issue fit to be mailed? Pure.

Each finding passes, warns or blocks, with a reason in one sentence. Everything is looked for in the finished bytes,
not in what the templates meant.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from newsletter.mailroom import fairness_checks, look_checks, mail_checks, outside_checks, word_checks
from newsletter.mailroom.findings import Answer, Answers, Around, Case, Finding, Level, Mail, Remedy
from newsletter.mailroom.mailed_page import read_page
from newsletter.mailroom.renditions import RenderedIssue
from newsletter.newsroom.editions import IssueView
from newsletter.settings import Settings

__all__ = ["CHECKS", "Around", "Finding", "Level", "Remedy", "check"]

CHECKS: dict[str, Callable[[Case], Answers]] = {
    "renditions": mail_checks.renditions,
    "stories": word_checks.stories,
    "headlines": word_checks.headlines,
    "repeated-stories": outside_checks.repeated,
    "both-sides": word_checks.sides,
    "one-sided": fairness_checks.one_sided,
    "balance": fairness_checks.balance,
    "loaded-words": fairness_checks.loaded,
    "citations": word_checks.citations,
    "grounding": fairness_checks.grounding,
    "changed-articles": fairness_checks.changed,
    "quotes": word_checks.quotes,
    "subject": word_checks.subject,
    "subject-fits": word_checks.subject_fits,
    "reading-time": mail_checks.reading_time,
    "size": mail_checks.size,
    "text-twin": mail_checks.twin,
    "links": mail_checks.links,
    "links-alive": outside_checks.links_alive,
    "alt-text": look_checks.alt_text,
    "contrast": look_checks.contrast,
    "slots": mail_checks.slots,
    "unsubscribe": mail_checks.unsubscribe,
    "postal-address": mail_checks.postal_address,
    "metered-is-locked": mail_checks.metered_is_locked,
    "sample-label": mail_checks.sample,
    "outlets": outside_checks.outlets,
    "sender-domain": outside_checks.sender_domain,
    "audience": outside_checks.audience,
}


def check(
    view: IssueView,
    renditions: Sequence[RenderedIssue],
    *,
    settings: Settings,
    around: Around = Around(),  # noqa: B008 - frozen, and the same for all who know nothing more
) -> list[Finding]:
    """Look an Issue over. A Check without fault gives one finding that passes, otherwise one for each fault."""
    case = Case(view, tuple(Mail(r, read_page(r.html)) for r in renditions), settings, around)
    findings = []
    for name, look in CHECKS.items():
        answers = [_finding(name, answer) for answer in look(case)]
        findings += (
            [f for f in answers if f.level != "pass"] or answers[:1] or [Finding(name, "pass", "In order.")]
        )
    return findings


def _finding(name: str, answer: Answer) -> Finding:
    level, reason, *remedies = answer
    mends = remedies[0] if remedies else ()
    return Finding(name, level, reason, mends if mends or level == "pass" else _BY_HAND)


_BY_HAND = (Remedy("go", "Edit it by hand", 0, "edit"),)  # where no press of a button mends it
