"""The next step with an Issue, in one sentence. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from newsletter.jobs.due import GRACE


@dataclass(frozen=True)
class IssueFacts:
    """The facts of an Issue that decide its next step."""

    state: str
    changed_at: datetime  # composed, or last rendered anew
    hold_reason: str
    audience: int  # 0 until the Audience is frozen
    accepted: int
    uncertain: int
    checked: bool
    blocks: tuple[str, ...]  # the reasons of the Checks that do
    warns: int
    auto: bool  # APPROVAL=auto


@dataclass(frozen=True)
class NextStep:
    """``tone``: "calm" (nothing to do), "look" (a decision is wanted), "stop" (nothing goes on without one).

    ``until`` is the moment the sentence ends with, or None. ``place`` is the page, or the part of this one, where to do
    it, behind the Issue's own address, and ``label`` the words of the link; both empty when there is nothing to do.
    """

    tone: str
    sentence: str
    until: datetime | None = None
    place: str = ""
    label: str = ""


_UNCERTAIN, _DECIDE = "/dispatch#uncertain", "Decide about them"


def next_step(now: IssueFacts) -> NextStep:
    """The next step, shown at the top of the Issue's page."""
    match now.state:
        case "draft":
            return _of_draft(now)
        case "approved":
            return NextStep(
                "calm", "Approved. The first copies go out at their readers' hour; nothing to do."
            )
        case "dispatching":
            return _of_dispatching(now)
        case "held":
            because = f": {_ended(now.hold_reason)}" if now.hold_reason else "."
            return NextStep("stop", f"Held{because} Nothing goes out until you resume or withdraw it.")
        case "withdrawn":
            because = f": {_ended(now.hold_reason)}" if now.hold_reason else "."
            return NextStep("calm", f"Withdrawn{because} It stays withdrawn.")
    if now.uncertain:
        return NextStep(
            "look", f"Dispatched, but {_copies(now.uncertain)} uncertain.", place=_UNCERTAIN, label=_DECIDE
        )
    return NextStep(
        "calm", f"Dispatched: {now.accepted:,} of {now.audience:,} copies were accepted. Nothing to do."
    )


def _of_draft(now: IssueFacts) -> NextStep:
    if not now.checked:
        return NextStep("look", "Not checked yet: wait a minute, or check it now.")
    if now.blocks:
        more = f" (And {len(now.blocks) - 1} more.)" if len(now.blocks) > 1 else ""
        said = f"It waits for you. {_ended(now.blocks[0])}{more}"
        return NextStep("stop", said, place="#checks", label="See what mends it")
    warned, to = (f" {now.warns} to look at.", ("#checks", "See what")) if now.warns else ("", ("", ""))
    if now.auto:
        return NextStep(
            "look",
            f"No check blocks.{warned} Unless you hold it, it approves itself at",
            now.changed_at + GRACE,
            *to,
        )
    return NextStep("look", f"No check blocks.{warned} Look it over, then approve it.", None, *to)


def _of_dispatching(now: IssueFacts) -> NextStep:
    done = f"On its way: {now.accepted:,} of {now.audience:,} copies accepted."
    if now.uncertain:
        return NextStep(
            "look",
            f"{done} {_copies(now.uncertain).capitalize()} uncertain.",
            place=_UNCERTAIN,
            label=_DECIDE,
        )
    return NextStep("calm", f"{done} Nothing to do.")


def _copies(count: int) -> str:
    return "one copy is" if count == 1 else f"{count:,} copies are"


def _ended(reason: str) -> str:
    return reason if reason.endswith((".", "!", "?")) else f"{reason}."
