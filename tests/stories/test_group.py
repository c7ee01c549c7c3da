"""Grouping: the same Stories in any order, an identity that stays, wire copies known, and nothing to do the second time."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from newsletter import db
from newsletter.db.models import Article, Outlet, Story, StoryChange
from newsletter.feeds.kinds import ArticleKind
from newsletter.stories import grouping
from newsletter.stories.clustering import Piece, cluster

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
FERRY = (
    "Ferry Maribel runs aground off Cape Tarn",
    "The ferry Maribel ran aground in fog off Cape Tarn and all 214 passengers were rescued by helicopter.",
)
FERRY_LEFT = (
    "Unions blame cuts as ferry Maribel grounds off Cape Tarn",
    "Seafarers' unions blamed crew cuts after the ferry Maribel ran aground off Cape Tarn with 214 passengers.",
)
FERRY_RIGHT = (
    "Captain of ferry Maribel praised after Cape Tarn grounding",
    "Passengers praised the captain of the ferry Maribel, which ran aground in fog off Cape Tarn.",
)
BANK = (
    "Bank of Halvern cuts interest rate",
    "The Bank of Halvern cut its interest rate by a quarter point to 3.75 percent, citing slower prices.",
)
BANK_RIGHT = (
    "Savers lose as Bank of Halvern cuts interest rate to 3.75 percent",
    "Savers will earn less after the Bank of Halvern cut its interest rate to 3.75 percent.",
)
CHEESE = (
    "Village fair crowns a cheese of nineteen kilos",
    "A wheel of goat cheese weighing nineteen kilos won the fair.",
)
FILLERS = tuple(
    (f"{a} {b} at {c}", f"{a} workers {b} near {c} after a long dispute.")
    for a, b, c in zip(
        ("Glass", "Barley", "Timber", "Copper", "Lantern", "Velvet", "Walnut", "Quartz", "Saffron", "Kettle"),
        ("celebrate", "march", "assemble", "compete", "sing", "plant", "race", "paint", "bake", "dig"),
        (
            "Ardmoor",
            "Belwick",
            "Corran",
            "Dunmere",
            "Eskdale",
            "Farrow",
            "Glaston",
            "Hollin",
            "Ivel",
            "Jarrow",
        ),
        strict=True,
    )
)
ALL = (FERRY, FERRY_LEFT, BANK, CHEESE, FERRY_RIGHT, BANK_RIGHT)


def piece(number: int, told: tuple[str, str]) -> Piece:
    return Piece(number, *told, NOW - timedelta(hours=number))


def partition(pieces: list[Piece]) -> set[frozenset[int | str]]:
    groups: dict[int, set[int | str]] = {}
    for p, label in zip(pieces, cluster(pieces), strict=True):
        groups.setdefault(label, set()).add(p.id)
    return {frozenset(g) for g in groups.values()}


def test_three_happenings_are_three_groups_in_any_order() -> None:
    pieces = [piece(n, told) for n, told in enumerate(ALL)]
    wanted = {frozenset({0, 1, 4}), frozenset({2, 5}), frozenset({3})}
    for seed in range(20):
        mixed = pieces[:]
        random.Random(seed).shuffle(mixed)
        assert partition(mixed) == wanted


def test_the_same_words_weeks_apart_are_two_happenings() -> None:
    first = [piece(n, told) for n, told in enumerate(ALL)]
    later = [Piece(10 + n, *told, NOW - timedelta(days=30)) for n, told in enumerate(ALL)]
    mixed = {frozenset(str(i) for i in g) for g in partition([*first, *later])}
    assert {"0", "10"} not in [set(g) & {"0", "10"} for g in mixed]


@pytest.fixture
def press(each_sessions: db.Sessions) -> db.Sessions:
    with each_sessions.begin() as session:
        for n in range(20):
            session.add(Outlet(name=f"Outlet {n}", homepage=f"https://o{n}.example", lean="center"))
    return each_sessions


def arrive(sessions: db.Sessions, number: int, told: tuple[str, str], kind: str = "news") -> None:
    with sessions.begin() as session:
        outlets = session.scalars(select(Outlet.id).order_by(Outlet.id)).all()
        session.add(
            Article(
                outlet_id=outlets[number],
                url=f"https://o{number}.example/{number}",
                headline=told[0],
                excerpt=told[1],
                kind=kind,
                published_at=NOW - timedelta(hours=number + 1),
                gathered_at=NOW,
                text_hash=str(number),
            )
        )


def stories(sessions: db.Sessions) -> dict[int, tuple[int | None, str | None]]:
    """For each Outlet's place, the Story and the wire key of its Article."""
    with db.reading(sessions) as session:
        rows = session.execute(select(Article.url, Article.story_id, Article.wire_key)).all()
    return {int(url.rsplit("/", 1)[1]): (story, key) for url, story, key in rows}


def slugs(sessions: db.Sessions) -> dict[int, str]:
    with db.reading(sessions) as session:
        return {s.id: s.slug for s in session.scalars(select(Story))}


def test_a_story_keeps_its_identity_and_address_as_articles_arrive(press: db.Sessions) -> None:
    for number in (0, 1, 2, 3):
        arrive(press, number, ALL[number])
    arrive(press, 5, ALL[5])
    assert grouping.run(press, now=NOW).new_stories == 2
    before, addresses = stories(press), slugs(press)
    assert before[0][0] == before[1][0] != before[2][0] == before[5][0]
    assert before[3][0] is None, "one Article alone is no Story yet"
    again = grouping.run(press, now=NOW + timedelta(minutes=30))
    assert (again.new_stories, again.moved, again.split, again.merged) == (0, 0, 0, 0)
    assert stories(press) == before
    arrive(press, 4, ALL[4])
    assert grouping.run(press, now=NOW + timedelta(hours=1)).new_stories == 0
    after = stories(press)
    assert after[4][0] == before[0][0]
    assert {n: s for n, s in after.items() if n != 4} == before
    assert slugs(press) == addresses
    with db.reading(press) as session:
        assert session.scalars(select(StoryChange)).all() == []


def test_copies_of_one_wire_text_share_a_key_and_a_telling_of_its_own_has_none(press: db.Sessions) -> None:
    for number in range(3):
        arrive(press, number, FERRY)
    arrive(press, 3, FERRY_LEFT)
    arrive(press, 4, BANK)
    arrive(press, 5, BANK_RIGHT)
    arrive(press, 6, CHEESE)
    for n, told in enumerate(FILLERS):
        arrive(press, 7 + n, told)
    grouping.run(press, now=NOW)
    found = stories(press)
    assert len({found[n] for n in range(3)}) == 1
    assert found[0][1] is not None
    assert found[3][0] == found[0][0]
    assert found[3][1] != found[0][1]


@pytest.mark.parametrize("kind", list(ArticleKind))
def test_only_news_opinion_and_analysis_are_grouped(press: db.Sessions, kind: ArticleKind) -> None:
    arrive(press, 0, FERRY)
    arrive(press, 1, FERRY_LEFT)
    arrive(press, 4, FERRY_RIGHT, kind=kind.value)
    grouping.run(press, now=NOW)
    placed = stories(press)
    assert placed[0][0] == placed[1][0] is not None
    grouped = kind in (ArticleKind.NEWS, ArticleKind.OPINION, ArticleKind.ANALYSIS)
    assert placed[4][0] == (placed[0][0] if grouped else None)


def test_an_article_that_becomes_a_live_blog_stays_where_it_was_told(press: db.Sessions) -> None:
    arrive(press, 0, FERRY)
    arrive(press, 1, FERRY_LEFT)
    grouping.run(press, now=NOW)
    before = stories(press)
    with press.begin() as session:
        session.scalars(select(Article)).first().kind = "live_blog"  # type: ignore[union-attr]
    grouping.run(press, now=NOW)
    assert stories(press) == before
