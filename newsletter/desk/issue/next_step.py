"""The next step with an Issue, in one sentence. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from newsletter.jobs.due import GRACE


@dataclass(frozen=True)
class IssueFacts:
    """The facts of an Issue that decide its next step."""

    state: str
    changed_at: datetime  # when it was composed, or last rendered
    hold_reason: str
    audience: int  # 0 until the Audience is frozen
    accepted: int
    uncertain: int
    checked: bool
    blocks: tuple[str, ...]  # the reasons of the Checks that block
    warns: int
    auto: bool  # APPROVAL=auto
    waits_for: str = (
        ""  # why the email provider takes nothing at present, and what goes on or must be done; sentences
    )
    refused_us: bool = False  # it refuses our key or password


@dataclass(frozen=True)
class NextStep:
    """The next step. ``tone`` is "calm" (nothing to do), "look" (a decision is useful) or "stop" (nothing continues without one).

    ``until`` is a time with which the sentence ends, or None. ``place`` is the address of the page for this step, relative to
    the Issue's, and ``label`` the text of the link; both are empty when there is nothing to do.
    """

    tone: str
    sentence: str
    until: datetime | None = None
    place: str = ""
    label: str = ""


_UNCERTAIN, _DECIDE = "/dispatch#uncertain", "Decide about them"


def next_step(facts: IssueFacts) -> NextStep:
    """Return the next step, which the Issue's page shows at its top."""
    match facts.state:
        case "draft":
            return _for_draft(facts)
        case "approved":
            return NextStep(
                "calm", "Approved. The first copies go out at their readers' hour; nothing to do."
            )
        case "dispatching":
            return _for_dispatching(facts)
        case "held":
            because = f": {_with_full_stop(facts.hold_reason)}" if facts.hold_reason else "."
            return NextStep("stop", f"Held{because} Nothing goes out until you resume or withdraw it.")
        case "withdrawn":
            because = f": {_with_full_stop(facts.hold_reason)}" if facts.hold_reason else "."
            return NextStep("calm", f"Withdrawn{because} It stays withdrawn.")
    if facts.uncertain:
        return NextStep(
            "look", f"Dispatched, but {_copies(facts.uncertain)} uncertain.", place=_UNCERTAIN, label=_DECIDE
        )
    return NextStep(
        "calm", f"Dispatched: {facts.accepted:,} of {facts.audience:,} copies were accepted. Nothing to do."
    )


def _for_draft(facts: IssueFacts) -> NextStep:
    if not facts.checked:
        return NextStep("look", "Not checked yet: wait a minute, or check it now.")
    if facts.blocks:
        more = f" (And {len(facts.blocks) - 1} more.)" if len(facts.blocks) > 1 else ""
        said = f"It waits for you. {_with_full_stop(facts.blocks[0])}{more}"
        return NextStep("stop", said, place="#checks", label="See what mends it")
    warned, to = (f" {facts.warns} to look at.", ("#checks", "See what")) if facts.warns else ("", ("", ""))
    if facts.auto:
        return NextStep(
            "look",
            f"No check blocks.{warned} Unless you hold it, it approves itself at",
            facts.changed_at + GRACE,
            *to,
        )
    return NextStep("look", f"No check blocks.{warned} Look it over, then approve it.", None, *to)


def _for_dispatching(facts: IssueFacts) -> NextStep:
    done = f"On its way: {facts.accepted:,} of {facts.audience:,} copies accepted."
    if facts.waits_for:
        tone = "stop" if facts.refused_us else "look"
        return NextStep(
            tone, f"{done} {facts.waits_for}", place="/dispatch", label="See where the copies are"
        )
    if facts.uncertain:
        return NextStep(
            "look",
            f"{done} {_copies(facts.uncertain).capitalize()} uncertain.",
            place=_UNCERTAIN,
            label=_DECIDE,
        )
    return NextStep("calm", f"{done} Nothing to do.")


def _copies(count: int) -> str:
    return "one copy is" if count == 1 else f"{count:,} copies are"


def _with_full_stop(reason: str) -> str:
    return reason if reason.endswith((".", "!", "?")) else f"{reason}."
