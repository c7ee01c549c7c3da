"""The choice of left and right headlines that put one event differently. Outlets and events are invented."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from newsletter.lab.evaluate.contrast import contrast, fitted
from newsletter.summaries.contrast import Chosen, Headline, pair, ranked

NOON = datetime(2031, 4, 2, 12, tzinfo=UTC)
OUTLETS = {"left": "Fennel Courier", "center": "Quarry Wire", "right": "Harbor Ledger"}


def story(*lines: tuple[str, str]) -> list[Headline]:
    return [
        Headline(number, f"{OUTLETS[side]} {number}", side, text, NOON + timedelta(minutes=number))
        for number, (side, text) in enumerate(lines, start=1)
    ]


def bridge() -> list[Headline]:
    return story(
        ("left", "Senate passes bridge toll bill in Varland"),
        ("left", "Varland senate rams punishing bridge toll through despite commuters' fury"),
        ("center", "Varland senate passes bridge toll bill"),
        ("center", "Bridge toll bill passes senate in Varland"),
        ("right", "Varland senate passes bridge toll bill"),
        ("right", "Varland senate finally makes freeloading drivers pay with bridge toll"),
    )


def marked(chosen: Chosen) -> list[str]:
    return [chosen.headline.text[start:end] for start, end in chosen.marked]


def test_the_headlines_that_differ_are_set_beside_each_other() -> None:
    found = pair(bridge())
    assert found is not None
    assert [c.headline.article_id for c in found.left] == [2]
    assert [c.headline.article_id for c in found.right] == [6]


def test_only_words_of_one_side_are_marked() -> None:
    found = pair(bridge())
    assert found is not None
    assert marked(found.left[0]) == ["rams punishing", "despite commuters", "fury"]
    assert marked(found.right[0]) == ["finally makes freeloading drivers pay"]


def test_the_outlets_own_name_and_site_are_not_marked() -> None:
    lines = bridge()
    lines[1] = replace(
        lines[1],
        outlet="furyherald.example",
        text=f"{lines[1].text.replace('senate', 'Senate')} | Fury Herald",
    )
    found = pair(lines)
    assert found is not None
    assert marked(found.left[0]) == ["rams punishing", "despite commuters"]


def test_the_same_word_in_another_spelling_is_not_marked() -> None:
    found = pair(
        story(
            ("left", "U.S. recognises Varland in a reckless gift to the generals"),
            ("center", "Washington recognises Varland"),
            ("right", "US recognizes Varland, a brave step against piracy"),
        )
    )
    assert found is not None
    assert marked(found.left[0]) == ["reckless gift", "generals"]
    assert marked(found.right[0]) == ["brave step", "piracy"]


def test_alike_headlines_are_no_pair() -> None:
    alike = [h for h in bridge() if h.article_id in (1, 3, 4, 5)]
    assert pair(alike) is None


def test_a_synonym_alone_is_no_contrast() -> None:
    lines = story(
        ("left", "Storm kills nine in Orvel harbor"),
        ("center", "Nine dead in Orvel as storm hits harbor"),
        ("right", "Gale fells nine in Orvel harbor"),
    )
    assert pair(lines) is None


@pytest.mark.parametrize("side", ["left", "right"])
def test_one_side_alone_is_no_pair(side: str) -> None:
    assert pair([h for h in bridge() if h.side != side]) is None


def test_nothing_is_no_pair() -> None:
    assert pair([]) is None
    assert ranked([], "left") == []


@pytest.mark.parametrize(
    "text",
    [
        "Varland senate rams punishing bridge toll through despite commuters ...",
        "Varland senate rams punishing bridge toll through despite comm…",
        "Will the Varland senate's punishing bridge toll ruin commuters?",
        "Varland senate live updates: punishing bridge toll rammed through",
        "Opinion: Varland senate's punishing bridge toll robs commuters",
        "What the Varland senate's punishing bridge toll means for commuters",
        "We will all regret the Varland senate's punishing bridge toll",
        "Varland senate bridge toll: five takeaways from a punishing night",
        "Stocks to watch after Varland senate passes punishing bridge toll",
        "Governor Hale statement on Varland senate's punishing bridge toll",
        "Morning briefing: Varland senate rams punishing bridge toll through",
        "Varland senate bridge toll passes, flood drowns nine miners near Orvel coast, chess master Tolle retires",
        "El senado de Varland aprueba el peaje del puente con furia de los vecinos",
        "Сенат Варланда ввёл плату за мост Varland senate",
        "Nine miners drown as a flood hits the Orvel coast",
    ],
)
def test_what_is_no_whole_report_of_the_event_is_never_chosen(text: str) -> None:
    lines = [*bridge(), Headline(7, "Fennel Post", "left", text, NOON)]
    assert 7 not in [h.article_id for h, _ in ranked(lines, "left")]


@pytest.mark.parametrize("end", ["in a harsh vote desp", "for every bridge-tol", "p"])
def test_a_headline_cut_off_in_a_word_is_never_chosen(end: str) -> None:
    lines = [*bridge(), Headline(7, "Fennel Post", "left", f"Varland senate robs drivers {end}", NOON)]
    assert 7 not in [h.article_id for h, _ in ranked(lines, "left")]


def test_a_stale_headline_is_not_paired() -> None:
    lines = bridge()
    lines[1] = replace(lines[1], published_at=NOON - timedelta(days=5))
    assert 2 in [h.article_id for h, _ in ranked(lines, "left")]
    assert pair(lines) is None


def test_a_headline_without_a_time_counts_as_new() -> None:
    assert pair([replace(h, published_at=None) for h in bridge()]) is not None


def test_a_second_headline_is_another_outlets_and_no_copy() -> None:
    more = [
        *bridge(),
        Headline(
            7,
            "Fennel Post",
            "left",
            "Cruel bridge toll cleared by Varland senate, crushing poor nurses",
            NOON,
        ),
        Headline(
            8,
            "Harbor Sun",
            "right",
            "Varland senate ends free ride on bridge toll, rewarding thrifty towns",
            NOON,
        ),
        Headline(
            9,
            "Copy Sun",
            "right",
            "Varland senate finally makes freeloading drivers pay with bridge toll",
            NOON,
        ),
    ]
    found = pair(more)
    assert found is not None
    assert {c.headline.article_id for c in found.left} == {2, 7}
    assert {c.headline.article_id for c in found.right} in ({6, 8}, {9, 8})


def test_the_order_of_the_articles_does_not_matter() -> None:
    assert pair(bridge()) == pair(bridge()[::-1])


def test_spans_are_in_order_and_apart() -> None:
    found = pair(bridge())
    assert found is not None
    for chosen in (*found.left, *found.right):
        flat = [position for span in chosen.marked for position in span]
        assert flat == sorted(set(flat))


@pytest.fixture
def picks(tmp_path: Path) -> Path:
    rows = [
        {
            "n": h.article_id,
            "side": h.side,
            "outlet": h.outlet,
            "headline": h.text,
            "text": "",
            "published": None,
        }
        for h in bridge()
    ]
    path = tmp_path / "stories.jsonl"
    told = {"articles": rows, "answer": {"headlines": {"left": 2, "right": 5}}}
    untold = {"articles": rows, "answer": {"headlines": None}}
    path.write_text(f"{json.dumps(told)}\n{json.dumps(untold)}\n")
    return path


@pytest.mark.slow
def test_the_measure_is_the_mean_reciprocal_rank_of_the_picks(picks: Path) -> None:
    result = CliRunner().invoke(contrast, [str(picks)])
    assert json.loads(result.output) == {"mrr": 0.75, "n": 2, "chance": 0.75}


def test_fitted_weights_follow_the_picks(picks: Path) -> None:
    row = json.loads(picks.read_text().splitlines()[0])
    row["answer"]["headlines"]["right"] = 6
    picks.write_text(json.dumps(row))
    assert fitted(picks)["own_words"] > 0
