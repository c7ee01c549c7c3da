"""What is done on PostgreSQL only: the server itself torn down in the middle, and several schedulers and workers at once."""

from __future__ import annotations

import signal
import time

from tests.prove.deployment import Child
from tests.prove.morning import LEASE_AND_MORE, Morning
from tests.prove.postgres import Postgres

RATE = 60.0  # so many seconds in one: a lease runs out in ten


def restarted(morning: Morning, server: Postgres, times: int) -> None:
    """PostgreSQL restarted (immediate) while a dispatch runs: it ends with a sentence, and the next one goes on."""
    deployment, tally = morning.deployment, morning.tally
    morning.approve()
    for _ in range(times):
        if not morning.wake():
            break
        before = deployment.claims()
        child = deployment.fork("step", "dispatch", provider=morning.provider)
        child.wait_begun()
        time.sleep(morning.chance.uniform(0.0, 0.15))
        server.restart()
        code = child.wait()
        tally.done["PostgreSQL restarts (immediate)"] += 1
        tally.done["PostgreSQL restarts that hit a batch"] += bool(deployment.claims() - before)
        # 0: it had just finished; 4: the database could not be reached.
        tally.expect(code in (0, 4), f"{morning.day}: a restart of PostgreSQL ended a dispatch with {code}")
        morning.resume_if_held()
        deployment.later(LEASE_AND_MORE)
    morning.finish()


def crowd(morning: Morning, kills: int) -> None:
    """Two schedulers and two workers of two hands each; one after the other is killed and started anew."""
    deployment, tally, chance = morning.deployment, morning.tally, morning.chance
    deployment.faults(0.1, delay=0.2)
    morning.approve()
    deployment.clock.set(deployment.clock.now(), rate=RATE)

    def start(kind: str) -> Child:
        words = ("schedule",) if kind == "schedule" else ("work", "--concurrency", "2")
        return deployment.fork(*words, provider=morning.provider, tick=1.0, grace=15.0)

    kinds = ("schedule", "schedule", "work", "work")
    hands = [start(kind) for kind in kinds]
    time.sleep(3.0)
    for _ in range(kills):
        time.sleep(chance.uniform(0.2, 0.6))
        morning.resume_if_held()
        which = chance.choice((0, 1, 2, 3, 2, 3))
        hands[which].kill()
        hands[which].wait()
        orphans = deployment.claims()
        hands[which] = start(kinds[which])
        time.sleep(
            1.3
        )  # a living hand is done with its batch by then; what is still claimed was the dead one's
        tally.killed_at[f"{kinds[which]} among four"] += 1
        tally.hit_at[f"{kinds[which]} among four"] += bool(orphans & deployment.claims())
    deployment.faults(0.0)
    ends = time.monotonic() + 180
    while time.monotonic() < ends:
        morning.resume_if_held()
        due, in_hand, next_due, _ = deployment.open_lines(morning.day)
        if not due and not in_hand:
            if next_due is None:
                break
            deployment.clock.set(next_due, rate=RATE)  # the night passes
        time.sleep(0.5)
    else:
        tally.faults.append(f"{morning.day}: the four did not finish")
    for child in hands:
        child.kill(signal.SIGTERM)
    for child in hands:
        tally.expect(child.wait(30) == 0, f"{morning.day}: one of the four did not drain")
    deployment.clock.set(deployment.clock.now())
    tally.done["issues sent by two schedulers and two workers"] += 1
    deployment.later(LEASE_AND_MORE)
    morning.finish()
