"""The pages anybody may open: what stands on them, who may keep them, and that strangers' text stays text."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from pathlib import Path
from xml.etree import ElementTree

import feedparser
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from newsletter import db
from newsletter.db.models import Article, Issue, Outlet, Placement, Story, Subscriber
from tests.web.sample_site import HOSTILE, opened

PAGES = ["/", "/issues", "/about", "/privacy", "/terms", "/signup"]


def test_every_page_has_one_heading_a_title_and_no_foreign_request(
    browser: FlaskClient, published: Issue
) -> None:
    story = browser.get(f"/issues/{published.issued_on}").text
    slug = re.search(r'href="(/stories/[a-z0-9-]+)"', story)
    assert slug
    for address in [*PAGES, f"/issues/{published.issued_on}", slug[1], f"{slug[1]}/report"]:
        page = browser.get(address)
        assert page.status_code == 200, address
        assert len(re.findall(r"<h1[ >]", page.text)) == 1, address
        assert re.search(r"<title>[^<]{5,}</title>", page.text), address
        assert not re.findall(
            r'<(?:script|link|img|iframe)[^>]+(?:src|href)="https?://(?!127\.0\.0\.1)', page.text
        )
        assert not re.search(r"<script(?![^>]*(?:\bsrc=|ld\+json))|\son[a-z]+=|style=", page.text), address
        assert "script-src 'self'" in page.headers["Content-Security-Policy"]


def test_outlets_that_reprinted_a_wire_story_are_listed_and_not_counted(
    browser: FlaskClient, sessions: db.Sessions, published: Issue
) -> None:
    with sessions.begin() as session:
        placed = session.scalars(select(Placement).order_by(Placement.rank)).first()
        assert placed is not None
        articles = session.scalars(select(Article).where(Article.story_id == placed.story_id)).all()
        first = next(a for a in articles if a.outlet.lean == "center")
        first.published_at = first.gathered_at = min(a.published_at for a in articles) - timedelta(hours=1)
        first.wire_key = "w"
        copied = {a.outlet.name for a in articles if a.outlet.lean.endswith("right")}
        for one in articles:
            if one.outlet.name in copied:
                one.wire_key = "w"
        slug = session.get_one(Story, placed.story_id).slug
    assert copied
    told = unescape(opened(browser, f"/stories/{slug}"))
    assert f"{len(copied)} more outlets reprinted a wire story and are not counted." in told
    assert "Right (0)" in told
    assert told.count("· reprinted a wire story") == len(copied)
    assert all(name in told for name in copied)


def test_the_front_page_boasts_of_no_balance_that_is_not_there(
    make_site: Callable[..., Flask], sessions: db.Sessions, published: Issue
) -> None:
    boast = "As many on the left as on the right"
    assert boast in make_site().test_client().get("/").text
    with sessions.begin() as session:
        one = session.scalars(select(Outlet).where(Outlet.lean == "left")).first()
        assert one is not None
        one.enabled = False
    page = make_site().test_client().get("/").text
    assert boast not in page
    assert "On the left, on the right and in between, through the feeds" in page


def test_the_front_page_sets_two_headlines_side_by_side(browser: FlaskClient, published: Issue) -> None:
    page = browser.get("/").text
    assert "From the sample edition: invented outlets and events" in page
    shown = page[page.index("Same event, two headlines") :]
    shown = shown[: shown.index("</ul>")]
    for side in ("Left", "Right"):
        assert f'<span class="side-name">{side}</span>' in shown
    assert shown.count("<p>") == 2
    assert '<mark class="only">' in shown


@pytest.mark.parametrize("few", [0, 1])
def test_no_page_promises_no_days_or_one_stories(
    make_site: Callable[..., Flask], published: Issue, few: int
) -> None:
    browser = make_site(TRIAL_DAYS=few, FREE_STORIES=few).test_client()
    issue = browser.get(f"/issues/{published.issued_on}").text
    story = re.search(r'href="(/stories/[^"#]+)"', issue)
    assert story
    for address in ("/", "/signup", "/checkout", "/terms", story[1]):
        words = " ".join(re.sub(r"<[^>]+>", " ", browser.get(address).text).split())
        assert not re.search(r"\b0 (free|full|day|stor)|\b1 (free |full )?(days|stories)", words), address
        assert few or "free days" not in words, address


def test_what_costs_nothing_is_in_no_currency(make_site: Callable[..., Flask]) -> None:
    page = make_site(PRICE="5 €").test_client().get("/").text
    assert "5 € <small>a month" in page
    assert "$" not in page


def test_the_front_page_stands_before_the_first_issue(browser: FlaskClient) -> None:
    page = browser.get("/")
    assert page.status_code == 200
    assert "told__sides" not in page.text
    assert "The first issue is on its way" in browser.get("/issues").text


def test_the_list_of_outlets_gives_lean_and_reason(browser: FlaskClient, published: Issue) -> None:
    page = browser.get("/about").text
    assert "The 16 outlets we read" in page
    assert page.count('<th scope="row">') == 16


def test_pages_say_who_owns_an_outlet_and_why_it_counts_for_no_side(
    browser: FlaskClient, sessions: db.Sessions, published: Issue
) -> None:
    with sessions.begin() as session:
        story = session.scalars(
            select(Story).join(Placement, Placement.story_id == Story.id).order_by(Placement.rank)
        ).first()
        assert story is not None
        for article in story.articles:
            article.headline, article.excerpt = f"Kenya votes: {article.headline}", "Kenya voted on Sunday."
        outlets = {a.outlet.id: a.outlet for a in story.articles}.values()
        run_by_state = next(o for o in outlets if o.lean == "left")
        foreign = next(o for o in outlets if o.lean == "right")
        run_by_state.owner, run_by_state.country = "Ministry of Ports", "MW"
        run_by_state.state_run, run_by_state.state_run_basis = True, "The minister names its editor."
        foreign.country, foreign.lean_basis = "NZ", "Its editorials back the party of farmers."
        slug, of_state, of_another = story.slug, run_by_state.name, foreign.name
    page = _words(opened(browser, f"/stories/{slug}"))
    no_side = page[page.index("Articles by side") :]
    no_side = no_side[no_side.rindex("No side") :]
    for name, reason in ((of_state, "State-run"), (of_another, "From outside this story’s countries")):
        assert re.search(
            rf"{re.escape(name)} · \d+ \w+ {reason}: counts for no side About this outlet", no_side
        )
    for words in (page, _words(browser.get("/about").text)):
        assert (
            "Owner: Ministry of Ports · Country: Malawi State-run, counts for no side: The minister names"
            in words
        )
        assert "Country: New Zealand Right: Its editorials back the party of farmers." in words


def _words(page: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


def test_the_issue_tells_a_story_without_sides_in_its_lede_and_one_sentence_more(
    browser: FlaskClient, published: Issue
) -> None:
    words = _words(browser.get(f"/issues/{published.issued_on}").text)
    assert (
        "from its Hearth speakers without consent. Between 2022 and 2025 the company kept 2.1 billion"
        in words
    )


def test_a_reader_finds_the_articles_behind_every_sentence(browser: FlaskClient, published: Issue) -> None:
    issue = browser.get(f"/issues/{published.issued_on}").text
    for address in set(re.findall(r'href="(/stories/[a-z0-9-]+)"', issue)):
        browser.delete_cookie("meter")
        page = opened(browser, address)
        cited = set(re.findall(r'class="cite" href="#(article-\d+)"', page))
        assert cited
        assert cited <= set(re.findall(r'id="(article-\d+)"', page))


def test_what_feeds_say_is_text(browser: FlaskClient, sessions: db.Sessions, published: Issue) -> None:
    with sessions.begin() as session:
        session.execute(update(Article).values(headline=HOSTILE))
        slugs = session.scalars(select(Story.slug)).all()
    told = [page for slug in slugs if "Articles by side" in (page := opened(browser, f"/stories/{slug}"))]
    assert len(told) >= 5
    for page in told:
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
        assert "{{ 7*7 }}" in page
        assert "%%unsubscribe_url%%" in page


def test_public_pages_may_be_kept_and_forms_may_not(browser: FlaskClient, published: Issue) -> None:
    for address in ("/issues", "/about", f"/issues/{published.issued_on}", "/issues.atom"):
        page = browser.get(address)
        assert page.headers["Cache-Control"].startswith("public"), address
        assert "Set-Cookie" not in page.headers
        again = browser.get(address, headers={"If-None-Match": page.headers["ETag"]})
        assert again.status_code == 304


def test_the_atom_feed_is_whole(browser: FlaskClient, published: Issue) -> None:
    atom = "{http://www.w3.org/2005/Atom}"
    feed = ElementTree.fromstring(browser.get("/issues.atom").data)
    assert feed.find(f"{atom}id") is not None
    assert feed.find(f"{atom}updated") is not None
    entry = feed.find(f"{atom}entry")
    assert entry is not None
    assert (entry.findtext(f"{atom}id") or "").startswith("http://")
    topics = [category.get("term") for category in entry.findall(f"{atom}category")]
    assert len(topics) > 2
    assert len(topics) == len(set(topics))
    read = feedparser.parse(browser.get("/issues.atom").data)
    assert not read.bozo
    for one in (read.feed, *read.entries):
        assert {"id", "title", "updated", "links"} <= set(one)
    assert read.entries[0].content[0].type == "application/xhtml+xml"
    self_link = [link.href for link in read.feed.links if link.rel == "self"]
    assert self_link == ["http://127.0.0.1:8000/issues.atom"]


@pytest.mark.slow
def test_looking_changes_nothing(browser: FlaskClient, sessions: db.Sessions, published: Issue) -> None:
    with db.reading(sessions) as session:
        before = (session.scalars(select(Subscriber.id)).all(), session.scalar(select(Issue.state)))
    for address in [*PAGES, f"/issues/{published.issued_on}", "/issues.atom", "/unsubscribe/x", "/confirm/x"]:
        browser.get(address)
        browser.head(address)
    with db.reading(sessions) as session:
        assert before == (session.scalars(select(Subscriber.id)).all(), session.scalar(select(Issue.state)))


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/nowhere", 404),
        ("/stories/no-such-story", 404),
        ("/issues/2031-01-01", 404),
        ("/issues/yesterday", 404),
    ],
)
def test_what_is_not_there_has_a_page_of_ours(browser: FlaskClient, address: str, status: int) -> None:
    page = browser.get(address)
    assert page.status_code == status
    assert "Page not found" in page.text
    assert "Werkzeug" not in page.text


def test_other_methods_and_great_bodies_are_refused_politely(browser: FlaskClient) -> None:
    refused = browser.put("/")
    assert refused.status_code == 405
    assert "GET" in refused.headers["Allow"]
    assert browser.post("/signup", data={"address": "a" * 600_000}).status_code == 413


def test_a_forged_host_reaches_no_link(browser: FlaskClient, published: Issue) -> None:
    for address in ("/", f"/issues/{published.issued_on}", "/issues.atom", "//evil.example/"):
        page = browser.get(address, headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"})
        assert "evil.example" not in page.text
        assert "evil.example" not in page.headers.get("Location", "")


def test_a_fault_of_ours_says_nothing_of_the_program(make_site: Callable[..., Flask], tmp_path: Path) -> None:
    site = make_site()
    site.add_url_rule("/broken", view_func=lambda: 1 // 0)
    page = site.test_client().get("/broken")
    assert page.status_code == 500
    assert "Something broke on our side" in page.text
    assert "ZeroDivision" not in page.text


def test_the_latest_issue_has_an_address_of_its_own(browser: FlaskClient, published: Issue) -> None:
    answer = browser.get("/issues/latest")
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/issues/{published.issued_on}")


def test_without_an_issue_its_address_leads_to_the_archive(browser: FlaskClient) -> None:
    assert browser.get("/issues/latest").headers["Location"] == "/issues"
