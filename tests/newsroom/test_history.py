"""History: the earlier Stories of a thread, with two witnesses, and never a wrong one for a look."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from newsletter import db
from newsletter.models import Article, Feed, HistoryLink, Outlet, Story
from newsletter.newsroom import history
from newsletter.newsroom.history import MOST_LINKS, Link, Thread, links, names_in

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
    assert found[0].similarity >= history.ALIKE


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


def test_a_name_that_everybody_carries_is_no_witness() -> None:
    crowd = [thread(10 + i, 20 + i, f"{FILLER[i % 5]} Then came Ines Quillfeather.") for i in range(8)]
    assert links([thread(1, 9, STRIKE), thread(2, 0, TALKS), *crowd], frozenset({2})) == []


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
    assert history.run(each_sessions, now=NOW) == 1
    (first,) = _links(each_sessions)
    assert (first.shared_name, first.story_id - first.earlier_id) == ("Quillfeather", 1)
    assert history.run(each_sessions, now=NOW) == 1
    assert _links(each_sessions) == [first]
    with each_sessions.begin() as session:
        session.scalars(select(Article).where(Article.story_id == first.earlier_id)).one().excerpt = FILLER[1]
    assert history.run(each_sessions, now=NOW) == 0
    assert _links(each_sessions) == []
