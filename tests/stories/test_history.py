"""History: the earlier Stories of a thread, each linked by two kinds of evidence."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from newsletter import db
from newsletter.db.models import Article, Feed, HistoryLink, Outlet, Story
from newsletter.stories import threads
from newsletter.stories.threads import MOST_LINKS, Link, Thread, links, names_in

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
STRIKE = "Dockers at the port walked out over pay, and the union leader Ines Quillfeather called the offer an insult."
TALKS = (
    "Talks over dockers' pay at the port resumed as the union leader Ines Quillfeather met the harbour board."
)
OTHER_PORT = (
    "Dockers at a northern port walked out over pay, and the union called the offer an insult to all members."
)
LAMPS = (
    "A museum hired Ines Quillfeather, sold lamps of glass in the valley where hail broke barley and bridges."
)
FILLER = (
    "Farmers counted losses after hail flattened barley in the valley.",
    "A museum reopened its wing of glass with a show of lamps.",
    "Engineers tested a bridge of timber over the gorge for lorries.",
    "Chess players from six islands met for a week of blindfold games.",
    "A bakery recalled rye loaves after stones were found in flour.",
)


def thread(number: int, days_ago: float, *texts: str) -> Thread:
    return Thread(number, NOW - timedelta(days=days_ago), texts[:1], texts)


FILLERS = [thread(90 + i, 5 + i, FILLER[i % 5]) for i in range(15)]


def test_a_story_of_the_thread_is_linked_by_its_name() -> None:
    found = links([thread(1, 9, STRIKE), thread(2, 0, TALKS), *FILLERS], frozenset({2}))
    assert [(f.story_id, f.earlier_id, f.shared_name) for f in found] == [(2, 1, "Quillfeather")]
    assert found[0].similarity >= threads.LEAST_SIMILARITY


@pytest.mark.parametrize(
    "stories",
    [
        [thread(1, 9, OTHER_PORT), thread(2, 0, STRIKE)],  # alike, but no name in common
        [thread(1, 0.5, STRIKE), thread(2, 0, TALKS)],  # of the same day
        [thread(1, 0, TALKS), thread(2, 9, STRIKE)],  # later, not earlier
        # a name, nothing alike
        [
            thread(1, 9, LAMPS),
            thread(2, 0, STRIKE),
            thread(3, 0, OTHER_PORT),
            thread(4, 6, LAMPS.replace("Ines", "")),
        ],
    ],
)
def test_one_witness_is_none(stories: list[Thread]) -> None:
    assert links([*stories, *FILLERS], frozenset({2})) == []


def test_a_party_is_no_witness() -> None:
    party = [t.replace("Ines Quillfeather", "Democrats") for t in (STRIKE, TALKS)]
    assert links([thread(1, 9, party[0]), thread(2, 0, party[1]), *FILLERS], frozenset({2})) == []


def worded(number: int, days_ago: float, *runs: tuple[str, int], name: str = "") -> Thread:
    """A Story of made-up words: of each run the first so many, which other Stories of the run say too."""
    words = " ".join(f"{run}{i}" for run, times in runs for i in range(times))
    return thread(number, days_ago, f"{words} then came {name}." if name else f"{words}.")


# Others say the words as well, each half of its run, so that no word belongs to two Stories alone.
SAYING = [worded(100 + i, 50 + i, (run, 24)) for i, run in enumerate([*"pqrs", *"pqrs"])]
CROWD = [worded(200 + i, 90 + i, (f"crowd{i // 2}", 12), name="Ines Quillfeather") for i in range(12)]


def linked(*stories: Thread, among: Sequence[Thread] = (*SAYING, *FILLERS)) -> list[tuple[int, int]]:
    found = links([*stories, *among], frozenset({2, 3}))
    return [(f.story_id, f.earlier_id) for f in found if f.earlier_id < 100]


def alike(shared: int, days: float, name: str) -> list[Thread]:
    """Story 2 of today and Story 1 before, of 24 words each."""
    return [
        worded(n, ago, ("p", shared), (run, 24 - shared), name=name)
        for n, ago, run in ((1, days, "q"), (2, 0, "r"))
    ]


def test_a_name_that_many_carry_is_a_witness_only_where_texts_are_much_alike() -> None:
    others = [*SAYING, *CROWD, *FILLERS]
    assert linked(*alike(9, 3, "Odo Xanthic"), among=others) == [(2, 1)]
    assert linked(*alike(9, 3, "Ines Quillfeather"), among=others) == []
    assert linked(*alike(13, 3, "Ines Quillfeather"), among=others) == [(2, 1)]
    assert linked(*alike(13, 3, ""), among=others) == []


def test_a_thread_fades_as_time_passes() -> None:
    for days, there in ((3, True), (30, True), (390, False)):
        assert (linked(*alike(7, days, "Odo Xanthic")) == [(2, 1)]) is there, days


def test_two_stories_that_belong_with_a_third_belong_together() -> None:
    first = worded(1, 12, ("p", 20), ("r", 3), name="Odo Xanthic")
    between = worded(2, 6, ("p", 9), ("q", 9), name="Odo Xanthic")
    third = worded(3, 0, ("q", 20), ("r", 3), name="Odo Xanthic")
    assert linked(first, third) == []
    assert linked(first, between, third) == [(2, 1), (3, 2), (3, 1)]
    # Also when the third alone is of today and looked at.
    assert {f.earlier_id for f in links([first, between, third, *SAYING, *FILLERS], frozenset({3}))} == {1, 2}


def test_texts_much_alike_may_share_a_name_that_several_stories_carry() -> None:
    several = [thread(10 + i, 20 + i, f"{FILLER[i % 5]} Then came Ines Quillfeather.") for i in range(5)]
    found = links([thread(1, 9, STRIKE), thread(2, 0, TALKS), *several, *FILLERS], frozenset({2}))
    assert [(f.earlier_id, f.shared_name) for f in found] == [(1, "Quillfeather")]


def test_links_do_not_depend_on_order_and_are_few() -> None:
    stories = [thread(i, 30 - i, STRIKE) for i in range(1, 4)] + [thread(9, 0, TALKS), *FILLERS]
    want = links(stories, frozenset({9}))
    assert 1 <= len(want) <= MOST_LINKS
    for seed in range(5):
        mixed = stories[:]
        random.Random(seed).shuffle(mixed)
        assert links(mixed, frozenset({9})) == want


def test_names_are_known_by_their_last_word_and_beginnings_of_sentences_are_not_names() -> None:
    assert set(
        names_in(["Ferries left Cape Tarn as Ines Quillfeather's boat sank. Storms followed."]).values()
    ) == {
        "Tarn",
        "Quillfeather",
    }


def _store(sessions: db.Sessions) -> None:
    with sessions.begin() as session:
        outlet = Outlet(name="The Lantern", homepage="https://lantern.example", lean="center")
        session.add(outlet)
        session.flush()
        feed = Feed(outlet_id=outlet.id, url="https://lantern.example/feed")
        session.add(feed)
        session.flush()
        texts = [(9, STRIKE), (0, TALKS), *((5, text) for text in FILLER)]
        for number, (days, text) in enumerate(texts):
            at = NOW - timedelta(days=days, hours=1)
            story = Story(
                slug=f"s{number}", created_at=at, first_published_at=at, last_published_at=at, grouped_at=at
            )
            session.add(story)
            session.flush()
            session.add(
                Article(
                    outlet_id=outlet.id,
                    feed_id=feed.id,
                    story_id=story.id,
                    url=f"https://lantern.example/{number}",
                    headline=text[:40],
                    excerpt=text,
                    text_hash=f"{number}",
                    published_at=at,
                    gathered_at=at,
                )
            )


def _links(sessions: db.Sessions) -> list[Link]:
    with db.reading(sessions) as session:
        return [
            Link(r.story_id, r.earlier_id, r.similarity, r.shared_name)
            for r in session.scalars(select(HistoryLink))
        ]


def test_history_is_kept_once_and_forgotten_with_its_reason(each_sessions: db.Sessions) -> None:
    _store(each_sessions)
    assert threads.run(each_sessions, now=NOW) == 1
    (first,) = _links(each_sessions)
    assert (first.shared_name, first.story_id - first.earlier_id) == ("Quillfeather", 1)
    assert threads.run(each_sessions, now=NOW) == 1
    assert _links(each_sessions) == [first]
    with each_sessions.begin() as session:
        session.scalars(select(Article).where(Article.story_id == first.earlier_id)).one().excerpt = FILLER[1]
    assert threads.run(each_sessions, now=NOW) == 0
    assert _links(each_sessions) == []
