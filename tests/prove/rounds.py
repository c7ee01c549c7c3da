"""The faults of one dispatch: kills at named places and at random moments, freezes, withdrawals, SIGTERM."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Mapping

from tests.prove.deployment import Deployment
from tests.prove.morning import LEASE_AND_MORE, Morning

# Where to die, and how often in comparison. "far:…": the far side kills us at that point; "random": at any moment after the dispatch
# began; "early": at any moment since the process began.
PLACES: dict[str, int] = {
    "before-claim": 2,
    "claimed": 12,
    "submitting": 12,
    "handed-over": 10,
    "recorded": 3,
    "closing": 1,
    "far:before-acceptance": 15,
    "far:after-acceptance": 15,
    "far:answered": 6,
    "random": 20,
    "early": 2,
}
SURE = {place: PLACES[place] for place in ("claimed", "submitting", "handed-over", "far:before-acceptance")}
OPENINGS = ("approved", "freezing", "frozen-uncommitted", "frozen")
COLD_EACH = 40  # of so many kills one is of a command with a cold start


def kills(
    morning: Morning, most: int, enough: Callable[[], bool], places: Mapping[str, int] = PLACES
) -> None:
    """Kill dispatch after dispatch of this Issue, at most ``most`` times, as long as somebody is owed something."""
    chance, deployment = morning.chance, morning.deployment
    morning.approve(die_at="approved" if chance.random() < 0.5 else "")
    for place in OPENINGS[1:]:
        if chance.random() < 0.5:
            before = deployment.claims()
            child = deployment.fork("step", "dispatch", provider=morning.provider, die_at=place)
            morning.ended(child.wait(), place, before)
    for n in range(most):
        if enough():
            break
        morning.resume_if_held()
        if not morning.wake():
            break
        kill_once(morning, places)
        if n % 5 == 4 and deployment.site:
            morning.reader_leaves()
        if n % 9 == 8 and deployment.site:
            morning.settle()
        # Mostly the dead one's lease runs out before the next one comes; sometimes it still runs, and its batch must be left alone.
        deployment.later(LEASE_AND_MORE if chance.random() < 0.8 else 5)
    morning.finish()
    if morning.provider == "sendgrid" and deployment.site:
        morning.settle()
        morning.finish()


def kill_once(morning: Morning, places: Mapping[str, int]) -> None:
    chance, deployment = morning.chance, morning.deployment
    before = deployment.claims()
    place = chance.choices(list(places), list(places.values()))[0]
    if morning.provider == "smtp" and place == "far:answered":
        place = "far:after-acceptance"
    nth = chance.choice((1, 1, 2))
    if place in ("random", "early"):
        child = deployment.fork("step", "dispatch", provider=morning.provider)
        if place == "random" and not child.wait_begun():
            morning.ended(child.wait(), place, before)
            return
        time.sleep(chance.uniform(0.0, 0.12 if place == "random" else 0.6))
        child.kill()
        code = child.wait()
    elif place.startswith("far:"):
        if morning.provider == "smtp":
            nth = chance.randint(1, 9)
        order = f"{place.removeprefix('far:')}.{nth}"
        if morning.provider == "sendgrid" and morning.tally.kills % COLD_EACH == COLD_EACH - 1:
            place, code = f"{place} (cold)", deployment.cold(order, "step", "dispatch").wait(90)
        else:
            code = deployment.fork("step", "dispatch", provider=morning.provider, order=order).wait()
    else:
        child = deployment.fork("step", "dispatch", provider=morning.provider, die_at=place, nth=nth)
        code = child.wait()
    morning.ended(code, place, before)


def frozen(morning: Morning, place: str) -> None:
    """SIGSTOP past the lease: another takes over, an operator has the batch sent once more, then the frozen one wakes.

    It must submit nothing of what it held: its claim is over.
    """
    deployment, tally = morning.deployment, morning.tally
    morning.approve()
    # Frozen while it writes, a process keeps everybody else from writing to SQLite, and nobody can take over before it wakes.
    at_once = 1 if deployment.url.startswith("sqlite") else 0
    late = deployment.fork("step", "dispatch", provider=morning.provider, freeze_at=place, at_once=at_once)
    tally.expect(late.wait_frozen(), f"{morning.day}: was not frozen at {place}")
    deployment.later(LEASE_AND_MORE)
    deployment.fork("step", "dispatch", provider=morning.provider).wait()
    morning.decide()
    for _ in range(3):
        morning.resume_if_held()
        deployment.fork("step", "dispatch", provider=morning.provider).wait()
        deployment.later(61)
    late.kill(signal.SIGCONT)
    tally.expect(late.wait() == 0, f"{morning.day}: the frozen one did not end well")
    tally.done["frozen past the lease"] += 1
    morning.finish()


def withdrawn(morning: Morning) -> None:
    """Withdrawn by command while it is being dispatched: what has not left never leaves."""
    deployment = morning.deployment
    deployment.faults(0.1, delay=0.05)
    morning.approve()
    child = deployment.fork("step", "dispatch", provider=morning.provider)
    child.wait_begun()
    code, _ = deployment.do("issue", "withdraw", morning.day)
    morning.tally.expect(code == 0 or deployment.state(morning.day) == "dispatched", "withdraw failed")
    morning.tally.done["withdrawn on the way"] += code == 0
    child.wait()
    morning.roll.withdrawn = True
    deployment.later(LEASE_AND_MORE)
    before = len(deployment.taken())
    deployment.fork("step", "dispatch", provider=morning.provider).wait()
    morning.tally.expect(len(deployment.taken()) == before, f"{morning.day}: mailed after it was withdrawn")


def told_to_leave(morning: Morning, *, stubborn: bool) -> None:
    """SIGTERM: the batch in hand is finished and nothing is left in anybody's hands; past the grace we leave all the same."""
    deployment, tally = morning.deployment, morning.tally
    deployment.faults(0.0)
    morning.approve()
    if stubborn:  # the provider takes longer than the grace
        deployment.faults(0.0, delay=2.0)
        child = deployment.fork("step", "dispatch", provider=morning.provider, grace=0.5, patience=20.0)
        child.wait_begun()
        time.sleep(0.5)
        child.kill(signal.SIGTERM)
        code = child.wait()
        tally.expect(code == 75, f"{morning.day}: SIGTERM while the provider was silent ended with {code}")
        tally.done["left when the grace was over"] += 1
        time.sleep(2.0)  # what it had handed over is taken after its end
        deployment.faults(0.0)
    else:
        child = deployment.fork("step", "dispatch", provider=morning.provider, grace=10.0)
        child.wait_begun()
        time.sleep(morning.chance.uniform(0.0, 0.15))
        since = time.monotonic()
        child.kill(signal.SIGTERM)
        code = child.wait()
        took = time.monotonic() - since
        tally.expect(code == 0, f"{morning.day}: SIGTERM ended with {code}")
        tally.expect(took < 10.0, f"{morning.day}: draining took {took:.1f} s")
        tally.expect(deployment.open_lines(morning.day)[1] == 0, f"{morning.day}: left a batch in its hands")
        tally.done["drained on SIGTERM"] += 1
    deployment.later(LEASE_AND_MORE)
    morning.finish()


def judged(morning: Morning, *, decide: bool) -> None:
    """The verdict as it is; and once more after an operator decided what was uncertain: then nothing may be left open at all."""
    tally = morning.tally
    tally.take(first := morning.judge())
    if not decide or not first.is_sound:
        return
    deployment: Deployment = morning.deployment
    deployment.faults(0.0)
    morning.decide()
    deployment.later(1)
    morning.finish()
    second = morning.judge()
    tally.faults += second.faults
    tally.expect(second.counts["state uncertain"] == 0, f"{morning.day}: still uncertain after the decision")
    tally.done["issues decided to the last copy"] += 1
