"""The Topic of a Story, from invented headlines."""

from __future__ import annotations

import random
import tomllib
from pathlib import Path

import pytest

from newsletter.stories import topics
from newsletter.stories.topic_words import TOPICS, WORDS
from newsletter.stories.topics import topic_of, votes

SAMPLE = Path(topics.__file__).parents[1] / "feeds" / "sample" / "events"


@pytest.mark.parametrize(
    ("topic", "headline", "excerpt"),
    [
        ("Politics", "Senate votes down the spending bill", "Republicans and Democrats blamed each other."),
        ("World", "Kremlin rejects ceasefire offer", "Ukrainian troops held the bridge, the ministry said."),
        ("Business", "Central bank cuts interest rates", "Investors had expected it; shares rose."),
        ("Justice", "Jury finds baker guilty of arson", "The judge will sentence him in May."),
        ("Health", "New measles vaccine approved", "Hospitals will give it to patients from June."),
        ("Science", "Telescope finds a planet of ice", "Astronomers saw it orbit two suns."),
        ("Technology", "Chatbot maker says hackers read its logs", "The app has four million users."),
        ("Environment", "Hurricane floods three towns", "Forecasters expect more rain."),
        ("Sport", "Late goal wins the cup", "The striker scored in extra time; the coach wept."),
        ("Culture", "Debut film takes best picture", "The actress thanked her director."),
    ],
)
def test_each_topic_is_found_by_its_words(topic: str, headline: str, excerpt: str) -> None:
    assert topic_of([(1, headline, excerpt)]) == topic


def test_the_ten_topics_are_all_tried_above() -> None:
    assert set(WORDS) == set(TOPICS)


@pytest.mark.parametrize("headline", ["Paris, Lagos and Lima", "A quiet Tuesday", ""])
def test_places_alone_and_unknown_words_are_world(headline: str) -> None:
    assert topic_of([(1, headline, "")]) == "World"


def test_no_article_at_all_is_world() -> None:
    assert topic_of([]) == "World"


def test_a_court_abroad_is_world_and_at_home_justice() -> None:
    assert topic_of([(1, "Court in Thailand frees banker after appeal", "")]) == "World"
    assert topic_of([(1, "Court in Texas frees banker after appeal", "")]) == "Justice"


def test_an_outlet_has_one_vote_however_much_it_prints() -> None:
    loud = [(1, f"Stocks fall on Wall Street, part {n}", "Investors sold shares.") for n in range(20)]
    others = [(2, "Hurricane floods three towns", ""), (3, "Flooding after the hurricane", "")]
    assert topic_of(loud + others) == "Environment"
    assert sum(votes(loud).values()) < 1


def test_the_order_of_the_articles_does_not_matter() -> None:
    rows = [
        (n % 4, h, "") for n, h in enumerate(["Court rules", "Stocks fall", "Court sits", "Rain", "Vaccine"])
    ]
    expected = votes(rows)
    for seed in range(5):
        random.Random(seed).shuffle(rows)
        assert votes(rows) == pytest.approx(expected)


def test_the_sample_edition_has_several_topics() -> None:
    found = {}
    for path in SAMPLE.glob("*.toml"):
        rows = tomllib.loads(path.read_text())["article"]
        found[path.stem] = topic_of((r["outlet"], r["headline"], r["excerpt"]) for r in rows)
    assert len(set(found.values())) >= 5
    assert found["vaccine"] == "Health"
    assert found["cup"] == "Sport"
    assert found["storm"] == "Environment"
    assert found["bank"] == "Business"
