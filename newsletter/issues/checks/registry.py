"""The registry of the pre-flight Checks, which decide whether an Issue may be mailed. Pure.

Each finding passes, warns or blocks, with a reason in one sentence. Checks read the finished bytes, not the templates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from newsletter.issues.checks import accessibility, circumstances, fairness, mail, operators, words
from newsletter.issues.checks.findings import (
    Answer,
    Answers,
    Case,
    CheckContext,
    Finding,
    Level,
    Mail,
    Remedy,
)
from newsletter.issues.checks.mailed_page import read_page
from newsletter.issues.renditions import RenderedIssue
from newsletter.issues.views import IssueView
from newsletter.settings import Settings

__all__ = ["CHECKS", "CheckContext", "Finding", "Level", "Remedy", "check"]

CHECKS: dict[str, Callable[[Case], Answers]] = {
    "renditions": mail.renditions,
    "stories": words.stories,
    "headlines": words.headlines,
    "repeated-stories": circumstances.repeated,
    "both-sides": words.sides,
    "one-sided": fairness.one_sided,
    "balance": fairness.balance,
    "loaded-words": fairness.loaded,
    "citations": words.citations,
    "grounding": fairness.grounding,
    operators.NAME: operators.operators_words,
    "changed-articles": fairness.changed,
    "quotes": words.quotes,
    "subject": words.subject,
    "subject-fits": words.subject_fits,
    "reading-time": mail.reading_time,
    "size": mail.size,
    "text-twin": mail.twin,
    "links": mail.links,
    "links-alive": circumstances.links_alive,
    "alt-text": accessibility.alt_text,
    "contrast": accessibility.contrast,
    "slots": mail.slots,
    "unsubscribe": mail.unsubscribe,
    "postal-address": mail.postal_address,
    "metered-is-locked": mail.metered_is_locked,
    "sample-label": mail.sample,
    "outlets": circumstances.outlets,
    "sender-domain": circumstances.sender_domain,
    "audience": circumstances.audience,
}


def check(
    view: IssueView,
    renditions: Sequence[RenderedIssue],
    *,
    settings: Settings,
    context: CheckContext = CheckContext(),  # noqa: B008 - frozen, and the same for all who know nothing more
) -> list[Finding]:
    """Run all Checks on an Issue. A Check that finds no fault gives one finding that passes, otherwise one for each fault.

    Where nothing is sold, nobody gets the metered Rendition, and it is not looked at.
    """
    mails = tuple(
        Mail(r, read_page(r.html)) for r in renditions if r.kind != "metered" or not settings.is_free
    )
    case = Case(view, mails, settings, context)
    findings = []
    for name, look in CHECKS.items():
        if name == "metered-is-locked" and settings.is_free:
            continue
        answers = [_finding(name, answer) for answer in look(case)]
        findings += (
            [f for f in answers if f.level != "pass"] or answers[:1] or [Finding(name, "pass", "In order.")]
        )
    return findings


def _finding(name: str, answer: Answer) -> Finding:
    level, reason, *remedies = answer
    mends = remedies[0] if remedies else ()
    return Finding(name, level, reason, mends if mends or level == "pass" else _BY_HAND)


_BY_HAND = (Remedy("go", "Edit it by hand", 0, "edit"),)  # no button can fix it
