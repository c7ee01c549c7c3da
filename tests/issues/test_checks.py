"""Checks: each one passes a good Issue and finds its own fault."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from newsletter.delivery.mail.messages import content_hash
from newsletter.feeds.leans import Side
from newsletter.issues.checks.mailed_page import reading_words
from newsletter.issues.checks.registry import CHECKS, check
from newsletter.issues.reading_time import LONGEST_READ, WORDS_A_MINUTE
from newsletter.issues.render.render import rendition
from newsletter.issues.renditions import KINDS, LARGEST, RenderedIssue
from newsletter.issues.views import IssueView
from newsletter.links import Links
from newsletter.settings import Settings
from newsletter.summaries.story_text import Citation, Quote, Row, RowKind, StoryKind
from tests.issues.issue_values import issue, sentence, story

SETTINGS = Settings(
    _env_file=None, SITE_URL="https://evenhand.example", POSTAL_ADDRESS="Evenhand, 1 Quay, Port Ellery"
)


def made(view: IssueView, settings: Settings = SETTINGS) -> list[RenderedIssue]:
    return [rendition(view, kind, settings=settings, links=Links(settings.SITE_URL)) for kind in KINDS]


@cache
def good() -> tuple[RenderedIssue, ...]:
    return tuple(made(issue()))


def found(view: IssueView, mails: Any, settings: Settings = SETTINGS) -> dict[str, tuple[str, str]]:
    """What did not pass: name → (worst level, reasons)."""
    faults: dict[str, tuple[str, str]] = {}
    for f in check(view, mails, settings=settings):
        if f.level != "pass":
            assert f.remedies, f"no press mends {f}"
            level, said = faults.get(f.name, ("warn", ""))
            faults[f.name] = ("block" if "block" in (level, f.level) else level, f"{said} {f.reason}")
    return faults


def changed(**parts: Callable[[str], str]) -> list[RenderedIssue]:
    """Good Renditions with ``html`` or ``text`` or ``subject`` altered, honestly hashed."""
    mails = []
    for r in good():
        r = replace(r, **{name: alter(getattr(r, name)) for name, alter in parts.items()})
        mails.append(replace(r, content_hash=content_hash(r.subject, r.html, r.text, r.preheader)))
    return mails


def first(**changes: Any) -> IssueView:
    """The Issue with its first Story's text changed."""
    told = story(1)
    told = replace(told, text=replace(told.text, **changes))
    return replace(issue(), stories=(told, *issue().stories[1:]))


def test_a_good_issue_passes_every_check_with_a_reason() -> None:
    findings = check(issue(), good(), settings=SETTINGS)
    assert [f.name for f in findings] == list(CHECKS)
    assert {f.level for f in findings} == {"pass"}
    assert all(f.reason.endswith(".") and len(f.reason) > 8 for f in findings)


@pytest.mark.parametrize(
    ("count", "level"), [(0, "block"), (2, "block"), (3, "warn"), (4, "warn"), (5, None), (7, None)]
)
def test_stories(count: int, level: str | None) -> None:
    view = issue(count)
    faults = found(view, good())
    assert faults.get("stories", (None, ""))[0] == level


def test_both_renditions_and_honest_hashes() -> None:
    assert not found(issue(), good())
    assert "one metered" in found(issue(), good()[:1])["renditions"][1]
    assert found(issue(), [])["renditions"][0] == "block"
    forged = [replace(good()[0], html=good()[0].html + " "), good()[1]]
    assert "hash differs" in found(issue(), forged)["renditions"][1]


def test_repeated_headlines() -> None:
    same = replace(story(2), text=replace(story(2).text, headline=story(1).headline.upper()))
    view = replace(issue(), stories=(story(1), same, *issue().stories[2:]))
    assert found(view, good())["headlines"][0] == "block"
    near = replace(story(2), text=replace(story(2).text, headline=story(1).headline + " in May"))
    view = replace(issue(), stories=(story(1), near, *issue().stories[2:]))
    assert found(view, good())["headlines"][0] == "warn"
    one = replace(issue(), stories=tuple(replace(s, topic="World") for s in issue().stories))
    assert "one topic" in found(one, good())["headlines"][1]


def test_size() -> None:
    room = LARGEST - good()[0].mailed_bytes
    assert "size" not in found(issue(), changed(html=lambda h: h + "x" * int(room * 0.95)))
    assert found(issue(), changed(html=lambda h: h + "x" * room))["size"][0] == "warn"
    assert found(issue(), changed(html=lambda h: h + "x" * 46_000))["size"][0] == "block"
    # The twin in plain text travels along, so it counts.
    assert found(issue(), changed(text=lambda t: t + "x" * room))["size"][0] == "warn"


def test_reading_time() -> None:
    room = LONGEST_READ * WORDS_A_MINUTE // 60 - reading_words(good()[0].text)
    for more, level in ((-20, None), (30, "warn"), (WORDS_A_MINUTE + 30, "block")):
        longer = changed(text=lambda t, n=room + more: "word " * n + t)
        assert found(issue(), longer).get("reading-time", (None,))[0] == level


@pytest.mark.parametrize("part", ["html", "text"])
def test_the_twin_carries_the_same_stories(part: str) -> None:
    faults = found(issue(), changed(**{part: lambda t: t.replace("Calder Mills to close", "Calder Mills")}))
    assert faults["text-twin"][0] == "block"
    assert "story 2" in faults["text-twin"][1]


@pytest.mark.parametrize("part", ["html", "text"])
def test_unknown_slots_and_a_missing_way_out(part: str) -> None:
    assert "first_name" in found(issue(), changed(**{part: lambda t: t + "%%first_name%%"}))["slots"][1]
    faults = found(issue(), changed(**{part: lambda t: t.replace("%%unsubscribe_url%%", "")}))
    assert faults["unsubscribe"][0] == "block"
    assert "slot" in found(issue(), changed(subject=lambda s: s + "%%account_url%%"))["slots"][1]


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/x",
        "javascript:alert(1)",
        "https://evenhand.example.evil.example/",
        "mailto:a@b.example",
        "//evil.example",
    ],
)
def test_links_lead_home_or_to_a_cited_article(address: str) -> None:
    faults = found(issue(), changed(html=lambda h: h.replace("</body>", f'<a href="{address}">x</a></body>')))
    assert faults["links"][0] == "block"


@pytest.mark.parametrize(
    "markup",
    ["<script>x</script>", '<img src="https://evenhand.example/x.png">', "<form></form>", '<p onclick="x">'],
)
def test_active_parts_are_found(markup: str) -> None:
    faults = found(issue(), changed(html=lambda h: h.replace("</body>", f"{markup}</body>")))
    assert faults["links"][0] == "block"


def test_a_foreign_address_in_the_text_is_found() -> None:
    assert "links" in found(issue(), changed(text=lambda t: t + "\nhttps://evil.example/x\n"))


def test_a_story_with_sides_shows_both() -> None:
    rows = tuple(r for r in story(1).text.rows if r.kind is not RowKind.RIGHT_STRESSES)
    one_side = first(rows=rows, headlines=story(1).text.headlines[:1])
    level, said = found(one_side, good())["both-sides"]
    assert (level, "carried by the right and shows nothing of it" in said) == ("warn", True)
    assert "both-sides" not in found(first(rows=rows), good())  # its headline stands there


def test_a_side_that_did_not_carry_the_story_is_not_told() -> None:
    third = issue().stories[2]  # the right did not carry it
    told = Row(RowKind.RIGHT_STRESSES, (sentence("Invented.", 301),))
    third = replace(third, text=replace(third.text, kind=StoryKind.WITH_SIDES, rows=(told,)))
    view = replace(issue(), stories=(*issue().stories[:2], third, *issue().stories[3:]))
    level, said = found(view, good())["both-sides"]
    assert (level, "tells the right, which did not carry it" in said) == ("block", True)


def test_mostly_one_sided_issues_are_a_warning() -> None:
    view = replace(issue(), stories=tuple(story(n, sides=(Side.LEFT, Side.CENTER)) for n in range(1, 6)))
    assert "5 of 5 stories are" in found(view, made(view))["one-sided"][1]


def test_every_sentence_cites_an_article_of_the_story() -> None:
    assert found(first(lede=(sentence("Bare."),)), good())["citations"][0] == "block"
    assert found(first(lede=(sentence("Elsewhere.", 999),)), good())["citations"][0] == "block"
    assert found(first(lede=()), good())["citations"][0] == "warn"


def test_quotes_and_headlines_stand_in_their_articles() -> None:
    for words, passage, level in (
        ("It is not done", "He said it is done", "block"),
        ("Not a promise", "said it was not a promise, but", None),
        ("“It’s done”", 'He said: "It’s done" at last', None),
    ):
        view = first(quotes=(Quote(words, "", Side.LEFT, Citation(101, passage)),))
        assert found(view, good()).get("quotes", (None,))[0] == level
    gone = first(quotes=(Quote("here", "", Side.LEFT, Citation(999, "here")),))
    assert "does not have" in found(gone, good())["quotes"][1]
    shown = story(1).text.headlines[0]
    other = first(headlines=(replace(shown, text="Words of ours"),))
    assert "does not bear" in found(other, good())["quotes"][1]


@pytest.mark.parametrize(
    ("subject", "preheader", "level"),
    [("", "p" * 50, "block"), ("x" * 120, "p" * 50, "warn"), ("News", "p" * 50, "warn"), ("A fine subject", "", "warn"),
     ("A fine subject line", "A fine subject line, and more of it", None), ("The same line as here", "The same line as here", "warn")],
)  # fmt: skip
def test_subject_and_preheader(subject: str, preheader: str, level: str | None) -> None:
    faults = found(issue(subject=subject, preheader=preheader), good())
    assert faults.get("subject", (None,))[0] == level


def test_the_postal_address() -> None:
    faults = found(issue(), changed(text=lambda t: t.replace(SETTINGS.POSTAL_ADDRESS, "")))
    assert faults["postal-address"][0] == "block"
    unset = Settings(_env_file=None, SITE_URL=SETTINGS.SITE_URL)
    view = issue()
    assert found(view, made(view, unset), unset)["postal-address"][0] == "warn"
    production = unset.model_copy(update={"ENVIRONMENT": "production"})
    assert found(view, made(view, unset), production)["postal-address"][0] == "block"


def test_the_metered_rendition_holds_nothing_locked() -> None:
    full, metered = good()
    faults = found(issue(), [full, replace(full, kind="metered")])
    assert faults["metered-is-locked"][0] == "block"
    assert metered.kind == "metered"


def test_a_sample_edition_is_labelled() -> None:
    plain = made(issue(is_sample=False))
    assert found(issue(), plain)["sample-label"][0] == "block"
    assert "sample-label" not in found(issue(is_sample=False), plain)
