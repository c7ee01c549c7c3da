"""Renditions and Notices: complete, small, the same bytes twice, and a twin in plain text."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from markupsafe import escape
from sqlalchemy import select

from newsletter import db
from newsletter.db.models import Issue, Rendition
from newsletter.delivery.mail import slots, templates
from newsletter.delivery.mail.headers import mime
from newsletter.delivery.mail.messages import Message, content_hash
from newsletter.delivery.mail.templates import NOTICE_VALUES, RenderError, notice
from newsletter.feeds.leans import SIDE_NAMES, Side
from newsletter.issues.checks.mailed_page import read_page, reading_words
from newsletter.issues.render import render
from newsletter.issues.render.render import rendition
from newsletter.issues.render.story_phrases import row_name
from newsletter.issues.renditions import LARGEST, RenderedIssue
from newsletter.issues.views import IssueView, StoryView
from newsletter.links import Links
from newsletter.settings import Settings
from newsletter.summaries.story_text import StoryKind, StoryText, Verdict
from tests.issues.issue_values import issue as whole_issue
from tests.issues.issue_values import story

SETTINGS = Settings(
    _env_file=None, SITE_URL="https://evenhand.example", POSTAL_ADDRESS="Evenhand, 1 Quay, Port Ellery"
)
LINKS = Links(SETTINGS.SITE_URL)
NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


def issue(stories: int = 7, **changes: object) -> IssueView:
    """The invented Issue with its last Story told as one without sides."""
    view = whole_issue(stories, **changes)
    if stories < 7:
        return view
    last = view.stories[-1]
    brief = replace(last, text=StoryText(last.headline, StoryKind.NO_SIDES, last.text.lede))
    return replace(view, stories=(*view.stories[:-1], brief))


def shown(kind: str) -> tuple[StoryView, ...]:
    """The Stories of this kind."""
    return issue().of_kind(StoryKind(kind))


@cache  # compiling MJML takes a third of a second
def made(kind: str) -> RenderedIssue:
    return rendition(issue(), kind, settings=SETTINGS, links=LINKS)  # type: ignore[arg-type]


class Outline(HTMLParser):
    """Tags with their attributes, and the headings in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


@pytest.mark.parametrize("kind", ["full", "metered"])
def test_every_story_stands_in_html_and_text(kind: str) -> None:
    page, text = read_page(made(kind).html).flat, " ".join(made(kind).text.split())
    for told in issue().stories:
        assert told.headline in page
        assert told.headline in text
        assert f"{LINKS.story(told.slug)}?pass=%%pass%%" in read_page(made(kind).html).links
        assert f"{LINKS.story(told.slug)}?pass=%%pass%%" in made(kind).text
    for words in (page, text):
        assert words.count("Articles (7) · Left (2) · Center (3) · Right (2)") == 5, (
            "coverage is said once a story"
        )
        assert re.search(r"Monday, 2 March 2026 · \d minutes to read", words)
        assert "In brief" in words or "IN BRIEF" in words
        assert words.count("2 left · 0 right") == 1
    assert "Sample edition: invented outlets and events" in page
    assert "SAMPLE EDITION: invented outlets and events" in text


def test_the_full_rendition_lists_its_stories_with_bars_that_are_also_words() -> None:
    top = made("full").html.partition(">In this issue<")[2].partition("Articles (")[0]
    links = re.findall(r'<a class="plain" href="([^"]+)"', top)
    order = [*shown("with_sides"), *shown("no_sides"), *shown("blind_spot")]
    assert sorted(links) == sorted(f"{LINKS.story(told.slug)}?pass=%%pass%%" for told in order)
    assert top.count('aria-label="2 left, 3 center, 2 right"') == 5
    assert top.count('aria-label="2 left, 3 center, 0 right"') == 1
    assert top.count('role="img"') == 6
    assert "<img" not in made("full").html
    text = made("full").text.partition("IN THIS ISSUE")[2].partition("=====")[0]
    assert " ".join(text.split()).count("(2 · 3 · 2)") == 5


def test_two_headlines_stand_side_by_side_verbatim_linked_and_marked_without_colour() -> None:
    html, text = made("full").html, " ".join(made("full").text.split())
    for told in shown("with_sides"):
        for side in (Side.LEFT, Side.RIGHT):
            picked = next(h for h in told.text.headlines if h.side is side)
            assert picked.text in read_page(html).flat
            article = told.article(picked.article_id)
            assert article
            assert f'href="{article.url}"' in html
            assert f"{SIDE_NAMES[side]}: {picked.text} {article.outlet}" in read_page(html).flat
            assert f"{SIDE_NAMES[side]}, {article.outlet} [{article.number}]:" in text
        assert f"<b><u>{escape(told.headline)}</u></b>" in html
    assert html.count("appear only in that side’s headlines") == 1, "the marks are explained once"
    assert text.count("appear only in that side's headlines") == 1


def test_rows_are_named_and_say_whose_words_they_are() -> None:
    view = replace(issue(1), stories=(story(1),))
    r = rendition(view, "full", settings=SETTINGS, links=LINKS)
    page, text = read_page(r.html).flat, " ".join(r.text.replace("\n| ", " ").split())
    for row in story(1).text.rows:
        sentence = row.sentences[0]
        named = min(
            filter(None, (story(1).article(c.article_id) for c in sentence.citations)), key=lambda a: a.number
        )
        assert f"{row_name(row)}" in page
        assert row_name(row).upper() in text
        assert re.search(rf"{re.escape(sentence.text)}\s*{re.escape(named.outlet)}", page)
        assert f"{sentence.text} ({named.outlet} [{named.number}]" in text
    assert "Only the right reports (in none of the 2 articles we read from the left):" in page


def test_nothing_is_printed_twice_in_a_story() -> None:
    for told in shown("with_sides"):
        r = rendition(replace(issue(0), stories=(told,)), "full", settings=SETTINGS, links=LINKS)
        for words in (read_page(r.html).flat, " ".join(r.text.split())):
            assert not [s for s in told.text.sentences() if words.count(s.text) > 1]


def test_an_issue_says_who_wrote_it() -> None:
    ours = read_page(made("full").html).flat
    assert "Every sentence is quoted from the outlet named beside it; no AI wrote any of this." in ours
    told = story(1)
    model = replace(told.text.lede[0], text="Nobody printed these invented words.")
    written = {
        "An AI model wrote this summary, and every sentence was checked against the articles it cites.": model,
        "no AI wrote any of this, and our editors changed some sentences.": replace(
            model, verdict=Verdict.OPERATOR
        ),
    }
    for line, sentence in written.items():
        other = replace(told, text=replace(told.text, lede=(sentence,)))
        for kind in render.KINDS:
            r = rendition(replace(issue(1), stories=(other,)), kind, settings=SETTINGS, links=LINKS)
            assert line in read_page(r.html).flat
            assert line in " ".join(r.text.split())
            assert "As reported by" not in r.html, "no outlet is credited with what it did not write"


def test_the_metered_rendition_is_headline_lede_and_coverage_only() -> None:
    page, text = read_page(made("metered").html).flat, " ".join(made("metered").text.split())
    for told in issue().stories:
        lede = {s.text for s in told.text.lede}
        assert told.text.lede[0].text in page
        hidden = {s.text for s in told.text.sentences()} - lede
        hidden |= {h.text for h in told.text.headlines} | {q.words for q in told.text.quotes}
        assert not [s for s in hidden if s in page or s in text]
    assert "Get the full edition, $5 a month" in page
    assert LINKS.checkout() in read_page(made("metered").html).links


@pytest.mark.parametrize("kind", ["full", "metered"])
def test_a_blind_spot_is_shown_with_its_counts_and_one_line(kind: str) -> None:
    (blind,) = shown("blind_spot")
    for words in (read_page(made(kind).html).flat, " ".join(made(kind).text.split())):
        _, _, part = words.partition("Blind spots" if "Blind spots" in words else "BLIND SPOTS")
        assert "Stories that one side reports far more than the other." in part
        assert blind.headline in part
        assert "2 left · 0 right" in part
        assert part.count(blind.text.lede[0].text) == 1


def test_a_story_without_sides_has_no_bar_and_no_columns() -> None:
    (brief,) = shown("no_sides")
    assert brief.coverage.outlets, "it could have a bar"
    alone = replace(issue(0), stories=(brief,))
    html = rendition(alone, "full", settings=SETTINGS, links=LINKS).html
    assert "In brief" in html
    assert 'bgcolor="#1f5a96"' not in html
    assert "Articles (" not in html
    assert "As reported by" in html


@pytest.mark.parametrize("kind", ["full", "metered"])
def test_every_number_in_the_plain_text_points_to_an_article_listed_with_its_address(kind: str) -> None:
    parts = re.split(r"^={20,}$", made(kind).text, flags=re.M)[1:6]
    for told, part in zip(shown("with_sides"), parts, strict=True):
        assert told.headline in part
        listed = dict(re.findall(r"^\[(\d+)\] .+ \((?:left|center|right)\)\n +(\S+)$", part, re.M))
        numbers = set(re.findall(r"(?<!^)\[(\d+)\]", part))
        assert numbers
        assert numbers == listed.keys()
        assert listed == {str(a.number): a.url for a in told.articles if str(a.number) in numbers}


@pytest.mark.parametrize("kind", ["full", "metered"])
def test_only_the_issues_slots_are_open(kind: str) -> None:
    r = made(kind)
    assert slots.open_slots(r.html) == slots.open_slots(r.text) == slots.ISSUE_SLOTS
    assert not slots.open_slots(r.subject + r.preheader)
    assert r.subject.startswith("[Sample] ")
    assert SETTINGS.POSTAL_ADDRESS in read_page(r.html).flat
    assert SETTINGS.POSTAL_ADDRESS in r.text


def test_seven_rich_stories_are_small_and_read_in_five_minutes() -> None:
    assert len(made("full").html.encode()) < 60_000
    assert len(read_page(made("full").html).links) <= 85
    assert made("full").mailed_bytes < LARGEST
    links = {
        "unsubscribe_url": LINKS.unsubscribe("t" * 80),
        "account_url": LINKS.account(),
        "pass": "x" * 115,
    }
    copy = Message("delivery:1", "ann@example.com", made("full").template(), links)
    sent = mime(copy, sender="Evenhand <morning@evenhand.example>", date=NOW)
    assert len(sent) <= made("full").mailed_bytes
    assert reading_words(made("full").text) <= 5 * 230
    assert re.search(r"[45] minutes to read", made("full").text)
    assert reading_words(made("metered").text) < reading_words(made("full").text) * 2 / 3


def test_the_same_view_is_the_same_bytes_and_another_word_another_hash() -> None:
    templates._environments.cache_clear()
    again = rendition(issue(), "full", settings=SETTINGS, links=LINKS)
    assert again == made("full")
    r = made("full")
    assert r.content_hash == content_hash(r.subject, r.html, r.text, r.preheader)
    other = rendition(issue(preheader="Another line"), "full", settings=SETTINGS, links=LINKS)
    assert other.content_hash != r.content_hash


def test_tables_are_for_layout_and_headings_are_headings() -> None:
    tags = Outline(made("full").html).tags
    tables = [a for t, a in tags if t == "table"]
    assert tables
    assert all(a.get("role") == "presentation" for a in tables)
    levels = [int(t[1]) for t, _ in tags if re.fullmatch(r"h[1-6]", t)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert levels.count(2) == 9, "the list, five stories, those without sides, blind spots, the end"
    assert all(b - a <= 1 for a, b in pairwise(levels))
    assert dict(tags)["html"]["lang"] == "en"
    assert not [t for t, _ in tags if t in ("img", "script", "form", "iframe", "link")]


def test_links_say_where_they_lead() -> None:
    words = re.findall(r"<a [^>]*>(.*?)</a>", made("full").html)
    said = {re.sub(r"<[^>]+>", "", w).strip().lower() for w in words}
    assert not said & {"", "here", "click here", "link", "more", "read more"}


def test_light_and_dark_are_both_declared() -> None:
    html = made("full").html
    assert '<meta content="light dark" name="color-scheme">' in html
    assert "@media (prefers-color-scheme:dark)" in html
    assert "[data-ogsc] .card" in html


def test_the_preheader_is_hidden_and_padded() -> None:
    hidden = re.search(r'<div style="display:none[^"]*">(.*?)</div>', made("full").html)
    assert hidden
    assert hidden.group(1).startswith("Also: a reopened mountain road")
    assert hidden.group(1).count("\u034f") >= 50


def test_text_lines_are_short_and_addresses_whole() -> None:
    for line in made("full").text.splitlines():
        assert len(line) <= 72 or "://" in line
        assert line == line.rstrip()
    assert "\n\n\n" not in made("full").text


def test_every_citation_leads_to_its_article() -> None:
    """A number of its own, or the name of the outlet with its number behind it."""
    html = rendition(issue(2), "full", settings=SETTINGS, links=LINKS).html
    known = {(a.url, str(a.number), a.outlet) for told in issue().stories for a in told.articles}
    numbers = re.findall(r'<a class="n" href="([^"]+)"[^>]*>\[(\d+)\]</a>', html)
    names = re.findall(r'<a class="n" href="([^"]+)"[^>]*>([^<[]+)</a>&nbsp;\[(\d+)\]', html)
    assert numbers
    assert len(names) >= 8
    assert {(u, n) for u, n in numbers} <= {(u, n) for u, n, _ in known}
    assert {(u, n, o) for u, o, n in names} <= known


def test_an_issue_without_everything_optional_still_renders() -> None:
    bare = replace(
        story(1),
        topic="",
        history=(),
        text=StoryText(story(1).headline, lede=story(1).text.lede),
    )
    view = replace(issue(0), stories=(bare,), is_sample=False, intro="A word first.", preheader="")
    for kind in render.KINDS:
        r = rendition(view, kind, settings=SETTINGS, links=LINKS)
        assert re.search(r"2026 · (1 minute|2 minutes) to read", r.text)
        assert "A word first." in read_page(r.html).flat
        assert "ample edition" not in r.html


def test_a_development_is_said() -> None:
    view = replace(issue(1), stories=(replace(story(1), development="2 more outlets"),))
    r = rendition(view, "full", settings=SETTINGS, links=LINKS)
    assert "New since we last told it: 2 more outlets" in read_page(r.html).flat
    assert "New since we last told it: 2 more outlets" in r.text


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(RenderError):
        rendition(issue(), "weekly", settings=SETTINGS, links=LINKS)  # type: ignore[arg-type]


def test_renditions_are_kept_once_and_replaced_when_they_change(sessions: db.Sessions) -> None:
    with sessions.begin() as session:
        row = Issue(issued_on=issue().issued_on, subject="s", composed_at=NOW)
        session.add(row)
        session.flush()
        render.save_renditions(session, row, [made("metered"), made("full")], NOW)
        number = row.id
    with sessions.begin() as session:
        row = session.get_one(Issue, number)
        assert render.rendered(row) == [made("full"), made("metered")]
        other = replace(made("full"), html="<p>other</p>", content_hash="other")
        render.save_renditions(session, row, [other, made("metered")], NOW)
    with db.reading(sessions) as session:
        kept = session.scalars(select(Rendition).order_by(Rendition.kind)).all()
        assert [(r.kind, r.content_hash) for r in kept] == [
            ("full", "other"),
            ("metered", made("metered").content_hash),
        ]


@pytest.mark.parametrize("kind", sorted(NOTICE_VALUES))
def test_every_notice_renders_with_its_slots_and_one_button(kind: str) -> None:
    told = notice(kind, {}, settings=SETTINGS, links=LINKS)
    assert slots.open_slots(told.html) == slots.open_slots(told.text) == slots.NOTICE_SLOTS[kind]
    assert told.subject
    assert "\n" not in told.subject
    assert SETTINGS.POSTAL_ADDRESS in told.text
    assert told.content_hash == content_hash(told.subject, told.html, told.text)
    tags = Outline(told.html).tags
    assert sum(1 for _, a in tags if a.get("class") == "pad go") == 1
    assert sum(1 for t, _ in tags if t == "h1") == 1
    assert len(told.html) < 20_000


def test_a_notice_says_what_it_is_told() -> None:
    over = notice("trial_ending", {"days_left": 0}, settings=SETTINGS, links=LINKS)
    assert over.subject == "Your Evenhand trial has ended"
    assert "From now on" in over.text
    paid = notice(
        "receipt",
        {"amount": "$5.00", "paid_on": "Monday, 2 March 2026", "paid_until": "Thursday, 2 April 2026"},
        settings=SETTINGS,
        links=LINKS,
    )
    assert (
        "We received $5.00 on Monday, 2 March 2026 for the full edition of Evenhand. It is paid until Thursday, 2 April 2026."
        in " ".join(paid.text.split())
    )
    alert = notice("alert", {"what": "The issue <is> held, %%confirm_url%%"}, settings=SETTINGS, links=LINKS)
    assert "&lt;is&gt;" in alert.html
    assert not slots.open_slots(alert.html + alert.text)


def test_a_notice_is_compiled_once_for_all_who_are_told_the_same() -> None:
    ours = notice("signin", {}, settings=SETTINGS, links=LINKS)
    assert notice("signin", {"minutes_valid": 30}, settings=SETTINGS, links=LINKS) is ours
    assert "for 29 minutes" in notice("signin", {"minutes_valid": 29}, settings=SETTINGS, links=LINKS).text
    elsewhere = SETTINGS.model_copy(update={"POSTAL_ADDRESS": "2 Other Street"})
    assert "2 Other Street" in notice("signin", {}, settings=elsewhere, links=LINKS).html


def test_a_notice_refuses_what_it_has_no_place_for() -> None:
    with pytest.raises(RenderError, match="address"):
        notice("confirm", {"address": "ann@example.com"}, settings=SETTINGS, links=LINKS)
    with pytest.raises(RenderError, match="no notice"):
        notice("issue", {}, settings=SETTINGS, links=LINKS)


def test_of_many_further_outlets_a_few_of_each_side_are_named() -> None:
    told = story(1)
    more = tuple(
        replace(a, id=a.id + 50, number=a.number + 7, outlet=f"{a.outlet} II") for a in told.articles
    )
    view = replace(issue(1), stories=(replace(told, articles=(*told.articles, *more)),))
    r = rendition(view, "full", settings=SETTINGS, links=LINKS)
    for words in (read_page(r.html).flat, " ".join(r.text.split())):
        also = words.rpartition("Also: ")[2]
        assert [also.count(f"({side.value})") for side in Side] == [1, 1, 1]
        assert also.count(" II") == 3
