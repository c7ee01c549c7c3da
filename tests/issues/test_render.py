"""Renditions and Notices: complete, small, the same bytes twice, and a twin in plain text."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from sqlalchemy import select

from newsletter import db
from newsletter.db.models import Issue, Rendition
from newsletter.delivery.mail import slots, templates
from newsletter.delivery.mail.headers import mime
from newsletter.delivery.mail.messages import Message, content_hash
from newsletter.delivery.mail.templates import NOTICE_VALUES, RenderError, notice
from newsletter.feeds.leans import Side
from newsletter.issues.checks.mailed_page import read_page, reading_words
from newsletter.issues.render import render
from newsletter.issues.render.render import rendition
from newsletter.issues.renditions import LARGEST, RenderedIssue
from newsletter.links import Links
from newsletter.settings import Settings
from tests.issues.issue_values import issue, story

SETTINGS = Settings(
    _env_file=None, SITE_URL="https://evenhand.example", POSTAL_ADDRESS="Evenhand, 1 Quay, Port Ellery"
)
LINKS = Links(SETTINGS.SITE_URL)
NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


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
        assert LINKS.story(told.slug) in read_page(made(kind).html).links
        assert LINKS.story(told.slug) in made(kind).text
    assert page.count("Articles (7) · Left (2) · Center (3) · Right (2)") == 6
    assert "Monday, 2 March 2026 · 7 stories" in page
    assert "Sample edition: invented outlets and events" in page
    assert "SAMPLE EDITION: invented outlets and events" in text


def test_the_full_rendition_tells_every_side_or_says_that_it_is_missing() -> None:
    page = read_page(made("full").html).flat
    for told in issue().stories:
        for summary in told.telling.summaries:
            assert summary.sentences[0].text in page
    assert "No right-leaning outlet among the 528 we read carried this." in page
    assert page.count("LEFT") == page.count("RIGHT") == page.count("CENTER") == 7


def test_a_side_that_ran_only_another_outlets_text_is_not_said_to_be_absent() -> None:
    told = story(1)
    copied = tuple(replace(a, wire_copy=a.side is Side.RIGHT) for a in told.articles)
    told = replace(
        told,
        articles=copied,
        coverage=replace(told.coverage, right=0),
        telling=replace(told.telling, summaries=told.telling.summaries[:2]),
    )
    html = rendition(replace(issue(1), stories=(told,)), "full", settings=SETTINGS, links=LINKS).html
    assert "2 right-leaning outlets ran another's text of this and none of their own." in read_page(html).flat


def test_the_metered_rendition_is_headline_lede_and_coverage_only() -> None:
    page, text = read_page(made("metered").html).flat, " ".join(made("metered").text.split())
    for told in issue().stories:
        assert told.telling.lede[0].text in page
        hidden = {s.text for s in told.telling.sentences()} - {s.text for s in told.telling.lede}
        assert not [s for s in hidden if s in page or s in text]
    assert "Get the full edition, $5 a month" in page
    assert LINKS.checkout() in read_page(made("metered").html).links


def test_the_metered_rendition_says_of_a_one_sided_story_that_it_is_one() -> None:
    """There no Side is told, so nobody would hear that one is missing."""
    said = "One-sided so far. No right-leaning outlet among the 528 we read carried this."
    for kind, times in (("metered", 1), ("full", 0)):
        assert read_page(made(kind).html).flat.count(said) == times
        assert " ".join(made(kind).text.split()).count(said) == times
    alone = replace(story(1), coverage=replace(story(1).coverage, left=0, right=0), articles=())
    made_of = rendition(replace(issue(1), stories=(alone,)), "metered", settings=SETTINGS, links=LINKS)
    assert (
        "No left-leaning outlet among the 528 we read carried this. No right-leaning"
        in read_page(made_of.html).flat
    )


@pytest.mark.parametrize("kind", ["full", "metered"])
def test_every_number_in_the_plain_text_points_to_an_article_listed_with_its_address(kind: str) -> None:
    parts = re.split(r"^={20,}$", made(kind).text, flags=re.M)[1:8]
    for told, part in zip(issue().stories, parts, strict=True):
        listed = dict(re.findall(r"^\[(\d+)\] .+ \((?:left|center|right)\)\n +(\S+)$", part, re.M))
        numbers = set(re.findall(r"(?<!^)\[(\d+)\]", part))
        assert numbers
        assert numbers <= listed.keys()
        assert {n: listed[n] for n in numbers} == {
            str(a.number): a.url for a in told.articles if str(a.number) in numbers
        }
        assert kind == "full" or listed.keys() == numbers


@pytest.mark.parametrize("kind", ["full", "metered"])
def test_only_the_issues_slots_are_open(kind: str) -> None:
    r = made(kind)
    assert slots.open_slots(r.html) == slots.open_slots(r.text) == slots.ISSUE_SLOTS
    assert not slots.open_slots(r.subject + r.preheader)
    assert r.subject.startswith("[Sample] ")
    assert SETTINGS.POSTAL_ADDRESS in read_page(r.html).flat
    assert SETTINGS.POSTAL_ADDRESS in r.text


def test_seven_rich_stories_are_small_and_read_in_five_minutes() -> None:
    assert len(made("full").html.encode()) < 70_000
    assert made("full").mailed_bytes < LARGEST
    links = {"unsubscribe_url": LINKS.unsubscribe("t" * 80), "account_url": LINKS.account()}
    copy = Message("delivery:1", "ann@example.com", made("full").template(), links)
    sent = mime(copy, sender="Evenhand <morning@evenhand.example>", date=NOW)
    assert len(sent) <= made("full").mailed_bytes
    assert reading_words(made("full").text) <= 5 * 230
    assert "5 minutes to read" in made("full").text
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
    assert levels.count(2) == 7
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
    chunks = made("full").text.split("=" * 72)[1:]
    for told, chunk in zip(issue().stories, chunks, strict=False):
        words, _, listed = chunk.partition("Read them yourself")
        cited = {int(n) for n in re.findall(r"\[(\d+)\]", words)}
        assert cited
        for article in (a for a in told.articles if a.number in cited):
            assert (
                f"[{article.number}] {article.outlet} ({article.side.value})\n    {article.url}\n" in listed
            )


def test_every_number_leads_to_its_article() -> None:
    cited = re.findall(r'<a class="n" href="([^"]+)"[^>]*>\[(\d+)\]</a>', made("full").html)
    known = {(a.url, str(a.number)) for told in issue().stories for a in told.articles}
    assert len(cited) > 40
    assert set(cited) <= known


def test_an_issue_without_everything_optional_still_renders() -> None:
    bare = replace(
        story(1),
        topic="",
        history=(),
        telling=replace(story(1).telling, questions=(), analysis=(), side_words={}, overview=()),
    )
    view = replace(issue(0), stories=(bare,), is_sample=False, intro="A word first.", preheader="")
    for kind in render.KINDS:
        r = rendition(view, kind, settings=SETTINGS, links=LINKS)
        assert re.search(r"1 story · (1 minute|2 minutes) to read", r.text)
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


def test_a_long_list_of_articles_is_shortened_and_says_so() -> None:
    told = story(1)
    more = tuple(
        replace(a, id=a.id + 50, number=a.number + 7, outlet=f"{a.outlet} II") for a in told.articles
    )
    view = replace(issue(1), stories=(replace(told, articles=(*told.articles, *more)),))
    r = rendition(view, "full", settings=SETTINGS, links=LINKS)
    assert "And 7 more in the whole story." in read_page(r.html).flat
    assert "And 7 more in the whole story." in r.text
    short = replace(issue(1), stories=(replace(told, articles=told.articles[:2]),))
    assert "more in the whole story" not in rendition(short, "full", settings=SETTINGS, links=LINKS).text
