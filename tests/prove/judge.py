"""The judge compares what arrived, from the servers' own logs, with who should have got it, from the proof's own list."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from newsletter import db
from newsletter.db.models import Delivery, Issue, LeftOut, Subscriber
from tests.prove.deployment import Deployment


@dataclass
class Roll:
    """What the proof knows by itself of one Issue: who was there when it was frozen, and what was done since."""

    day: str
    subject: str
    readers: frozenset[str]  # addresses that were confirmed and not unsubscribed at the freeze
    left: dict[str, float] = field(default_factory=dict)  # unsubscribed since, and when (seconds since 1970)
    withdrawn: bool = False  # the Issue was withdrawn by command


@dataclass
class Verdict:
    """``faults`` are what must not be: each in words."""

    faults: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def is_sound(self) -> bool:
        return not self.faults


def judge(deployment: Deployment, roll: Roll, *, known_away: frozenset[str] = frozenset()) -> Verdict:
    """``known_away``: addresses of which a provider's event ended in a Suppression, or who unsubscribed before."""
    verdict = Verdict()
    mails = [m for m in deployment.taken() if m["subject"] == roll.subject]
    copies = Counter(m["to"] for m in mails)
    lines, left_out = _ledger(deployment, roll.day)
    shown, doubted = _as_shown(deployment, roll.day)

    def wrong(kind: str, who: list[str]) -> None:
        if who:
            verdict.counts[kind] += len(who)
            verdict.faults.append(f"{roll.day}: {len(who)} {kind} (such as {sorted(who)[0]})")

    wrong("duplicate", [to for to, times in copies.items() if times > 1])
    wrong("to strangers", [to for to in copies if to not in roll.readers])
    states: dict[str, str] = {}
    missing, twice_named = [], []
    for who in roll.readers:
        named = [state for state, _ in lines.get(who, [])] + ["left out"] * (who in left_out)
        if not named:
            missing.append(who)
        elif len(named) > 1:
            twice_named.append(who)
        states[who] = named[0] if named else ""
    wrong("unaccounted", missing)
    wrong("accounted twice", twice_named)
    by_state: dict[str, list[str]] = defaultdict(list)
    for who, state in states.items():
        by_state[state].append(who)
    wrong(
        "lost (said to be accepted, and the provider has none)",
        [w for w in by_state["accepted"] if not copies[w]],
    )
    for state in ("pending", "failed", "withdrawn", "left out"):
        wrong(f"taken by the provider and {state}", [w for w in by_state[state] if copies[w]])
    wrong("in nobody's hands at the end", by_state["submitting"])
    wrong(
        "hidden (uncertain, and not listed)",
        [w for w in by_state["uncertain"] if lines[w][0][1] not in doubted],
    )
    wrong("failed although not refused", [w for w in by_state["failed"] if not w.startswith("refused")])
    away = known_away | set(roll.left)
    if not roll.withdrawn:
        wrong("withdrawn without a reason we know", [w for w in by_state["withdrawn"] if w not in away])
    wrong("left out without a reason we know", [w for w in by_state["left out"] if w not in away])
    wrong(
        "mailed after they had left",
        [m["to"] for m in mails if m["to"] in roll.left and m["at"] > roll.left[m["to"]]],
    )
    total = sum(shown[s] for s in ("pending", "submitting", "accepted", "failed", "uncertain", "withdrawn"))
    if not (shown["adds_up"] and shown["audience"] == total == len(roll.readers) - len(by_state["left out"])):
        wrong("sum that does not add up", [json.dumps(shown)])
    if shown["uncertain"] != len(doubted):
        wrong("number of uncertain ones that differs between show and uncertain", [json.dumps(shown)])
    verdict.counts.update({f"state {state}": len(who) for state, who in by_state.items()})
    verdict.counts["audience"] += len(roll.readers)
    verdict.counts["copies taken"] += len(mails)
    verdict.counts["uncertain and arrived"] += sum(copies[w] == 1 for w in by_state["uncertain"])
    return verdict


def _ledger(deployment: Deployment, day: str) -> tuple[dict[str, list[tuple[str, int]]], dict[str, str]]:
    """What the ledger says, by address: (state, number) of each line; and the reasons of those left out."""
    lines: dict[str, list[tuple[str, int]]] = defaultdict(list)
    with db.reading(deployment.sessions) as session:
        issue = session.scalars(select(Issue.id).where(Issue.issued_on == _date(day))).one()
        owed = select(Subscriber.address, Delivery.state, Delivery.id).join(
            Delivery, Delivery.subscriber_id == Subscriber.id
        )
        for address, state, number in session.execute(owed.where(Delivery.issue_id == issue)):
            lines[address].append((state, number))
        left = select(Subscriber.address, LeftOut.reason).join(
            LeftOut, LeftOut.subscriber_id == Subscriber.id
        )
        reasons = {address: why for address, why in session.execute(left.where(LeftOut.issue_id == issue))}
    return lines, reasons


def _as_shown(deployment: Deployment, day: str) -> tuple[dict[str, Any], set[int]]:
    """What an operator is shown: the sum of ``issue show``, and the numbers that ``issue uncertain`` lists."""
    code, said = deployment.do("issue", "show", day, "--json", mutant="")
    assert code == 0, f"issue show: {code} {said}"
    shown = json.loads(said)["ledger"]
    code, said = deployment.do("issue", "uncertain", day, "--json", mutant="")
    assert code == 0, f"issue uncertain: {code} {said}"
    return shown, {one["delivery_id"] for one in json.loads(said)}


def _date(day: str) -> Any:
    from datetime import date

    return date.fromisoformat(day)
