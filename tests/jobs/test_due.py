"""What is due: a year of days in eight zones, whatever the rhythm of the ticks and whatever the clock does."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from newsletter.jobs.due import (
    DEAD_AFTER,
    GATHER_EVERY,
    GRACE,
    RETRY_AFTER,
    DueStep,
    Facts,
    IssueFact,
    Rhythm,
    RunFact,
    compose_moment,
    due,
    floor,
    latest_compose,
)

NEW_YORK = Rhythm("America/New_York", (4, 30), True, timedelta(hours=18))
NOON = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)
# Zone, first day, and times of day of which some lie in a gap, some in a repeated hour, and one in neither.
YEARS = [
    ("America/New_York", date(2026, 1, 1), [(4, 30), (2, 30), (1, 30)]),
    ("Europe/London", date(2026, 1, 1), [(4, 30), (1, 30)]),
    ("Australia/Sydney", date(2026, 1, 1), [(4, 30), (2, 30)]),
    ("Australia/Lord_Howe", date(2026, 1, 1), [(4, 30), (2, 15), (1, 45)]),
    ("America/Sao_Paulo", date(2018, 1, 1), [(4, 30), (0, 30), (23, 30)]),
    ("Asia/Kolkata", date(2026, 1, 1), [(4, 30)]),
    ("Pacific/Apia", date(2011, 1, 1), [(4, 30), (3, 30)]),
    ("UTC", date(2026, 1, 1), [(4, 30), (0, 0)]),
]
CASES = [(zone, first, at) for zone, first, times in YEARS for at in times]


@cache
def by_the_wall_clock(zone: str, first: date, at: tuple[int, int]) -> dict[date, datetime]:
    """The same moments found without arithmetic: walk through the year and look at the clock on the wall.

    For each local day, the first moment of it at which that clock shows ``at`` or later.
    """
    tz = ZoneInfo(zone)
    found: dict[date, datetime] = {}
    moment = datetime(first.year, first.month, first.day, tzinfo=UTC) - timedelta(days=2)
    for _ in range(370 * 96):
        wall = moment.astimezone(tz)
        if (wall.hour, wall.minute) >= at and wall.date() not in found:
            found[wall.date()] = moment
        moment += timedelta(minutes=15)  # every time of day asked for is a multiple of it
    return {day: m for day, m in found.items() if first <= day < first + timedelta(days=365)}


def telling_days(zone: str, moments: dict[date, datetime]) -> dict[date, datetime]:
    """The days around a change of the clocks, and one in a fortnight: the others are like these."""

    def changes(moment: datetime) -> bool:
        around = (moment + timedelta(days=n) for n in (-3, 0, 3))
        return len({m.astimezone(ZoneInfo(zone)).utcoffset() for m in around}) > 1

    return {d: m for n, (d, m) in enumerate(moments.items()) if n % 14 == 0 or changes(m)}


@dataclass
class World:
    """The database as the Steps leave it, without one: Runs unique on their moment, Issues moving on."""

    rhythm: Rhythm
    runs: dict[tuple[str, datetime], RunFact] = field(default_factory=dict)
    issues: dict[date, IssueFact] = field(default_factory=dict)
    did: Counter[tuple[str, datetime | date]] = field(default_factory=Counter)
    composed_at: dict[date, datetime] = field(default_factory=dict)

    def facts(self, now: datetime) -> Facts:
        recent = [
            r for r in self.runs.values() if r.due_at >= now - timedelta(hours=12) or r.step == "compose"
        ]
        return Facts(
            recent[-300:], [i for d, i in self.issues.items() if d >= (now - timedelta(days=4)).date()]
        )

    def due(self, now: datetime) -> list[DueStep]:
        return due(now, self.rhythm, self.facts(now))

    def do(self, now: datetime, steps: Iterable[DueStep]) -> None:
        """Each Step succeeds at once, unless its Run says that it was done or is in hand."""
        for step in steps:
            run = self.runs.get((step.step, step.due_at))
            dead = run is not None and run.outcome == "running" and abs(now - run.started_at) > DEAD_AFTER
            if run is not None and run.outcome != "failed" and not dead:
                continue
            self.runs[step.step, step.due_at] = RunFact(step.step, step.due_at, now, "done")
            self.did[step.step, step.day or step.due_at] += 1
            if step.day is not None:
                self._move(now, step.step, step.day)

    def _move(self, now: datetime, step: str, day: date) -> None:
        if step == "compose":
            self.issues.setdefault(day, IssueFact(day, "draft", changed_at=now))
            self.composed_at.setdefault(day, now)
            return
        after = {
            "check": {"checked": True},
            "approve": {"state": "approved"},
            "dispatch": {"state": "dispatched", "frozen": True},
        }[step]
        self.issues[day] = replace(self.issues[day], **after)  # type: ignore[arg-type]

    def tick(self, now: datetime) -> None:
        for _ in range(12):
            steps = self.due(now)
            if not steps:
                return
            self.do(now, steps)
        raise AssertionError(f"a tick at {now} never came to rest: {steps}")


@pytest.mark.parametrize(("zone", "first", "at"), CASES)
def test_the_compose_moment_is_what_the_wall_clock_shows(zone: str, first: date, at: tuple[int, int]) -> None:
    expected = by_the_wall_clock(zone, first, at)
    for offset in range(365):
        day = first + timedelta(days=offset)
        assert compose_moment(day, at, zone) == expected.get(day), day


def test_the_year_has_the_cases_it_is_for() -> None:
    """Without a day that is missing, a gap and an hour repeated, the year above would show little."""
    assert date(2011, 12, 30) not in by_the_wall_clock("Pacific/Apia", date(2011, 1, 1), (4, 30))
    gap = by_the_wall_clock("America/New_York", date(2026, 1, 1), (2, 30))[date(2026, 3, 8)]
    assert gap.astimezone(ZoneInfo("America/New_York")).strftime("%H:%M") == "03:00"
    twice = by_the_wall_clock("America/New_York", date(2026, 1, 1), (1, 30))[date(2026, 11, 1)]
    assert twice == datetime(2026, 11, 1, 5, 30, tzinfo=UTC), "the first of the two"
    midnight = by_the_wall_clock("America/Sao_Paulo", date(2018, 1, 1), (0, 30))[date(2018, 11, 4)]
    assert midnight.astimezone(ZoneInfo("America/Sao_Paulo")).strftime("%H:%M") == "01:00"


@pytest.mark.parametrize(("zone", "first", "at"), CASES)
def test_one_compose_a_day_at_the_first_tick_from_its_moment_on(
    zone: str, first: date, at: tuple[int, int]
) -> None:
    """Ticks at any rhythm, from half a minute to some hours, in the telling days of a year."""
    rhythm = Rhythm(zone, at, True, timedelta(hours=18))
    chance = random.Random(f"{zone}{at}")
    moments = telling_days(zone, by_the_wall_clock(zone, first, at))
    world = World(rhythm)
    for day, moment in moments.items():
        ticks = sorted(moment + timedelta(seconds=chance.randint(-7_000, 17 * 3600)) for _ in range(3))
        near = [moment - timedelta(seconds=1), moment + timedelta(seconds=chance.choice([0, 1, 29, 600]))]
        for now in sorted([*near, *ticks]):
            world.tick(now)
        world.runs = {key: run for key, run in world.runs.items() if run.due_at >= moment - timedelta(days=5)}
        assert day in world.composed_at, day
        after = [now for now in sorted([*near, *ticks]) if now >= moment]
        assert world.composed_at[day] == after[0], day
    assert set(world.composed_at) == set(moments)
    assert all(n == 1 for (step, _), n in world.did.items() if step == "compose")


STEPS_OF_TIME = st.one_of(
    st.integers(1, 90),  # seconds: the usual tick
    st.integers(60, 7_200),
    st.integers(3 * 3600, 5 * 86_400),  # asleep, for hours or days
    st.integers(-30 * 3600, -1),  # the clock was set back
)


@settings(max_examples=60, deadline=None)
@given(
    case=st.sampled_from(CASES),
    start=st.integers(86_400, 360 * 86_400),
    steps=st.lists(STEPS_OF_TIME, min_size=1, max_size=40),
)
@example(case=("America/New_York", date(2026, 1, 1), (4, 30)), start=86_400, steps=[-1, -73_800])
@example(case=("America/New_York", date(2026, 1, 1), (4, 30)), start=30_706_200, steps=[432_000] * 40)
def test_whatever_the_clock_does_a_day_has_one_issue(
    case: tuple[str, date, tuple[int, int]], start: int, steps: list[int]
) -> None:
    """Exactly the days have an Issue that some tick saw while their news was fresh; and nothing is done twice."""
    zone, first, at = case
    rhythm = Rhythm(zone, at, True, timedelta(hours=18))
    world = World(rhythm)
    expected = set()
    now = datetime(first.year, first.month, first.day, tzinfo=UTC) + timedelta(seconds=start)
    for step in steps:
        now += timedelta(seconds=step)
        world.tick(now)
        day, moment = max(_moments_before(zone, first, at, now), key=lambda known: known[1])
        if now < moment + rhythm.stale_after:
            expected.add(day)
        assert set(world.composed_at) == expected, now
    assert max(world.did.values()) == 1


def _moments_before(
    zone: str, first: date, at: tuple[int, int], now: datetime
) -> list[tuple[date, datetime]]:
    # A clock set back may stand days before the first, and one that slept long days after the last.
    years = (by_the_wall_clock(zone, first + timedelta(days=n), at) for n in (-365, 0, 365))
    known = [(d, m) for year in years for d, m in year.items() if m <= now]
    return known or [(date.min, datetime(1900, 1, 1, tzinfo=UTC))]


@settings(max_examples=40, deadline=None)
@given(
    skew=st.integers(-1200, 1200),
    turns=st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(1, 3600)), min_size=5, max_size=60),
)
def test_two_schedulers_interleaved_do_each_step_once(skew: int, turns: list[tuple[bool, bool, int]]) -> None:
    """They read the same facts before either acts, their clocks differ, and one may act on what it read long ago."""
    world = World(NEW_YORK)
    now = datetime(2026, 3, 8, 6, 0, tzinfo=UTC)  # the night the clocks go forward
    held: dict[bool, list[DueStep]] = {True: [], False: []}
    for who, acts, seconds in turns:
        now += timedelta(seconds=seconds)
        mine = now + timedelta(seconds=skew if who else 0)
        if acts:
            world.do(mine, held[who])
            held[who] = []
        else:
            held[who] = world.due(mine)
    now = max(now, datetime(2026, 3, 8, 9, 0, tzinfo=UTC))  # so that an Issue is due whatever was drawn
    for _ in range(12):
        both = world.due(now), world.due(now + timedelta(seconds=skew))
        for steps in both:
            world.do(now, steps)
    # dispatch may be begun by both: what it hands over is claimed in the ledger, copy by copy.
    assert max(n for (step, _), n in world.did.items() if step != "dispatch") == 1
    late = now + timedelta(seconds=max(skew, 0))
    day, moment = latest_compose(late, NEW_YORK) or (date.min, late)
    if late < moment + NEW_YORK.stale_after:
        assert world.did["compose", day] == 1, "the step that is due is done"


def test_gather_is_due_at_each_half_hour_once_and_missed_ones_are_gone() -> None:
    world = World(NEW_YORK)
    now = NOON
    while now < NOON + timedelta(hours=3):
        world.tick(now)
        now += timedelta(seconds=30)
    gathered = [due_at for (step, due_at) in world.did if step == "gather"]
    assert gathered == [NOON + n * GATHER_EVERY for n in range(6)]
    world.tick(now + timedelta(days=2, minutes=11))
    gathered = [due_at for (step, due_at) in world.did if step == "gather"]
    assert len(gathered) == 7
    assert gathered[-1] == NOON + timedelta(days=2, hours=3)


def test_what_is_gathered_is_grouped_then_told_and_only_then_composed() -> None:
    at = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)  # 04:30 in New York
    world = World(NEW_YORK)
    order = []
    for _ in range(12):
        steps = [s for s in world.due(at) if s.step not in ("settle", "lapse")]
        if not steps:
            break
        order.append([s.step for s in steps])
        world.do(at, world.due(at))
    assert order == [["gather"], ["group"], ["read"], ["summarize"], ["compose"], ["check"]]


def test_compose_waits_for_a_gather_in_another_process_but_not_for_a_dead_one() -> None:
    at = datetime(2026, 3, 2, 9, 31, tzinfo=UTC)
    gathering = RunFact("gather", floor(at, GATHER_EVERY), at, "running")
    for later, expected in ((timedelta(minutes=1), False), (DEAD_AFTER, False)):
        assert ("compose" in _names(due(at + later, NEW_YORK, Facts([gathering])))) is expected
    dead = due(at + DEAD_AFTER + timedelta(seconds=1), NEW_YORK, Facts([gathering]))
    assert "gather" in _names(dead), "and so it is taken over first"


def test_a_failed_gather_does_not_keep_the_issue_from_being_composed() -> None:
    at = datetime(2026, 3, 2, 9, 31, tzinfo=UTC)
    failed = RunFact("gather", floor(at, GATHER_EVERY), at, "failed")
    assert "compose" in _names(due(at + timedelta(seconds=5), NEW_YORK, Facts([failed])))


@pytest.mark.parametrize("state", ["draft", "approved", "dispatching", "dispatched", "held", "withdrawn"])
def test_a_day_that_has_an_issue_is_not_composed_again(state: str) -> None:
    now = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
    there = IssueFact(date(2026, 3, 2), state, changed_at=now)
    assert "compose" not in _names(due(now, NEW_YORK, _made(now, issues=[there])))
    assert "compose" in _names(due(now, NEW_YORK, _made(now)))


def test_stale_news_is_not_composed() -> None:
    moment = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    last = moment + NEW_YORK.stale_after
    assert "compose" in _names(due(last - timedelta(seconds=1), NEW_YORK, _made(last - timedelta(seconds=1))))
    assert "compose" not in _names(due(last, NEW_YORK, _made(last)))


@pytest.mark.parametrize(
    ("change", "auto", "after", "expected"),
    [
        ({}, True, GRACE, ["approve"]),
        ({}, True, GRACE - timedelta(seconds=1), []),
        ({}, False, timedelta(hours=3), []),
        ({"blocked": True}, True, timedelta(hours=3), []),
        ({"checked": False}, True, timedelta(0), ["check"]),
        ({"checked": False, "blocked": True}, True, timedelta(hours=3), ["check"]),
        ({"state": "held"}, True, timedelta(hours=3), []),
        ({"state": "withdrawn"}, True, timedelta(hours=3), []),
        ({"state": "dispatched"}, True, timedelta(hours=3), []),
        ({}, True, NEW_YORK.stale_after, []),
        ({"state": "approved"}, False, timedelta(0), ["dispatch"]),
        ({"state": "approved", "frozen": True}, True, timedelta(0), []),
    ],
)
def test_an_issue_moves_on_when_it_may(
    change: dict[str, object], auto: bool, after: timedelta, expected: list[str]
) -> None:
    composed = datetime(2026, 3, 2, 9, 31, tzinfo=UTC)
    issue = replace(IssueFact(date(2026, 3, 2), "draft", composed, checked=True), **change)  # type: ignore[arg-type]
    now = composed + after
    steps = due(now, replace(NEW_YORK, auto_approval=auto), _made(now, issues=[issue]))
    assert _names(steps, of_issue=True) == expected
    assert all(s.day == date(2026, 3, 2) for s in steps if s.step in expected)


def test_approving_is_offered_again_after_an_edit() -> None:
    """An edit makes another moment to approve at: the Run of the first does not stand in its way."""
    edited = NOON - GRACE
    before = RunFact("approve", NOON - timedelta(hours=2), NOON - timedelta(hours=2), "done")
    issue = IssueFact(date(2026, 3, 2), "draft", edited, checked=True)
    facts = _made(NOON, issues=[issue])
    assert "approve" in _names(due(NOON, NEW_YORK, replace(facts, runs=[*facts.runs, before])))


@pytest.mark.parametrize(("waits", "expected"), [(-1, True), (0, True), (1, False)])
def test_dispatch_is_due_when_a_delivery_is(waits: int, expected: bool) -> None:
    going = IssueFact(
        date(2026, 3, 2), "dispatching", NOON, frozen=True, next_delivery_at=NOON + timedelta(seconds=waits)
    )
    assert ("dispatch" in _names(due(NOON, NEW_YORK, _made(NOON, issues=[going])))) is expected


def test_dispatch_is_due_for_yesterday_too_and_in_the_order_of_days() -> None:
    going = [
        IssueFact(date(2026, 3, day), "dispatching", NOON, frozen=True, next_delivery_at=NOON)
        for day in (2, 1)
    ]
    assert [s.day for s in due(NOON, NEW_YORK, _made(NOON, issues=going)) if s.step == "dispatch"] == [
        date(2026, 3, 1),
        date(2026, 3, 2),
    ]


@pytest.mark.parametrize("step", ["gather", "settle", "lapse"])
@pytest.mark.parametrize(
    ("outcome", "started", "expected"),
    [
        ("running", timedelta(0), False),
        ("running", DEAD_AFTER, False),
        ("running", DEAD_AFTER + timedelta(seconds=1), True),
        (
            "running",
            -DEAD_AFTER - timedelta(seconds=1),
            True,
        ),  # begun "later" than now: the clock was set back
        ("failed", RETRY_AFTER - timedelta(seconds=1), False),
        ("failed", RETRY_AFTER, True),
        ("failed", -RETRY_AFTER - timedelta(seconds=1), True),
        ("done", timedelta(minutes=25), False),
        ("nothing", timedelta(minutes=25), False),
    ],
)
def test_the_dead_and_the_failed_are_taken_over(
    step: str, outcome: str, started: timedelta, expected: bool
) -> None:
    every = {"gather": GATHER_EVERY, "settle": timedelta(minutes=10), "lapse": timedelta(hours=1)}[step]
    run = RunFact(step, floor(NOON, every), NOON - started, outcome)
    assert (step in _names(due(NOON, NEW_YORK, Facts([run])))) is expected


def test_a_waiting_notice_goes_at_the_next_tick() -> None:
    settled = RunFact("settle", NOON, NOON, "done")
    now = NOON + timedelta(minutes=1)
    assert "settle" not in _names(due(now, NEW_YORK, Facts([settled])))
    assert "settle" in _names(due(now, NEW_YORK, Facts([settled], next_notice_at=now)))
    assert "settle" not in _names(
        due(now, NEW_YORK, Facts([settled], next_notice_at=now + timedelta(seconds=1)))
    )


def _names(steps: list[DueStep], *, of_issue: bool = False) -> list[str]:
    return [s.step for s in steps if not of_issue or s.step in ("check", "approve", "dispatch")]


def _made(now: datetime, *, issues: Iterable[IssueFact] = ()) -> Facts:
    """The half hour's Stories are made: nothing but Issues is left to do."""
    at = floor(now, GATHER_EVERY)
    return Facts([RunFact(s, at, at, "done") for s in ("gather", "group", "read", "summarize")], list(issues))
