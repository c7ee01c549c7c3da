"""Stories are told from their articles' own pages: gathered, read and told over real HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from sqlalchemy import select

from newsletter import db
from newsletter.db.models import Article, ArticlePage, StoryRevision
from newsletter.feeds.catalogue import parse_catalogue
from newsletter.issues.reading_list import reading_list
from newsletter.jobs import pipeline
from newsletter.jobs.pipeline import Parts
from newsletter.summaries.story_text import from_json
from tests.clocks import Hands
from tests.conftest import MORNING
from tests.feeds.test_page_text import HEADLINE, PARAGRAPHS, page
from tests.servers.embedding_server import EmbeddingServer
from tests.servers.feed_server import FeedServer
from tests.servers.llm_server import LlmServer
from tests.web.sample_site import service_with

OUTLETS = ("left", "lean_left", "center", "lean_right", "right")
SAID = [
    f"{who} told {who[:3]}ville of {who[4:]}ton that {who[:3]}s and {who[4:]}s had seen the bridge close too late."
    for who in ("Ann Lee", "Bo Hart", "Cy Dunn", "Di Moss", "Ed Pike")
]

WORDS = ("Crane", "Girder", "Ferry", "Lorry", "Pier", "Signal")


@pytest.fixture
def server() -> Iterator[FeedServer]:
    """Five outlets' feeds with a headline and nothing more, and their pages."""
    with FeedServer() as running:
        for n, lean in enumerate(OUTLETS):
            url = running.says(
                f"/{lean}/bridge.html", page([*PARAGRAPHS, SAID[n]]), kind="text/html; charset=utf-8"
            )
            date = format_datetime(MORNING - timedelta(hours=2 + n))
            item = f"<item><title>{HEADLINE} after cracks {n}</title><link>{url}</link><pubDate>{date}</pubDate></item>"
            running.says(
                f"/{lean}/feed",
                f"<rss version='2.0'><channel><title>{lean}</title>{item}</channel></rss>",
            )
        yield running


def parts_for(server: FeedServer, sessions: db.Sessions, settings: Any, *, policy: str = "page") -> Parts:
    blocks = "\n".join(
        f'[[outlet]]\nname = "The {lean} Paper"\nhomepage = "https://{n}.example/"\nlean = "{lean}"\n'
        f'policy = "{policy}"\nfeeds = ["{server.url(f"/{lean}/feed")}"]'
        for n, lean in enumerate(OUTLETS)
    )
    service = service_with(sessions, settings, Hands(MORNING))
    return Parts(service, catalogue=parse_catalogue(blocks, "c.toml"))


def run(parts: Parts, *names: str) -> dict[str, Any]:
    return {name: pipeline.STEPS[name](parts) for name in names}


def words_of(sessions: db.Sessions) -> str:
    with db.reading(sessions) as session:
        newest = session.scalars(select(StoryRevision).order_by(StoryRevision.revision.desc())).first()
        story = from_json(newest.words) if newest else None
    return " ".join(s.text for s in story.lede + story.overview) if story else ""


def test_a_story_is_told_from_pages_where_feeds_give_headlines_only(
    sessions: db.Sessions, server: FeedServer, make_settings: Callable[..., Any]
) -> None:
    parts = parts_for(server, sessions, make_settings(FETCH_ALLOW_PRIVATE=server.place))
    done = run(parts, "gather", "group", "read", "summarize")
    assert (done["read"]["asked"], done["read"]["read"]) == (5, 5)
    assert any(p in words_of(sessions) for p in PARAGRAPHS)
    again = run(parts, "read", "summarize")
    assert (again["read"]["asked"], again["summarize"]["written"]) == (0, 0)


def test_the_gathered_excerpt_stays_what_the_feed_gave(
    sessions: db.Sessions, server: FeedServer, make_settings: Callable[..., Any]
) -> None:
    parts = parts_for(server, sessions, make_settings(FETCH_ALLOW_PRIVATE=server.place))
    run(parts, "gather", "group", "read")
    with db.reading(sessions) as session:
        assert set(session.scalars(select(Article.excerpt))) == {""}


def test_without_the_right_to_read_a_story_has_its_headlines_only(
    sessions: db.Sessions, server: FeedServer, make_settings: Callable[..., Any]
) -> None:
    parts = parts_for(server, sessions, make_settings(FETCH_ALLOW_PRIVATE=server.place), policy="feed")
    done = run(parts, "gather", "group", "read", "summarize")
    assert done["read"]["asked"] == 0
    assert words_of(sessions) == ""
    assert not [a for a in server.asked if a.path.endswith(".html") or a.path == "/robots.txt"]


@pytest.mark.slow
def test_what_an_outlet_keeps_from_models_never_reaches_one(
    sessions: db.Sessions, server: FeedServer, make_settings: Callable[..., Any]
) -> None:
    for n, lean in enumerate(OUTLETS):
        own = [f"The {w}{n} and a {w}er{n} of {w}ish{n} were not at {w}ing{n} for long{n}." for w in WORDS]
        headers = {"Content-Usage": "ai-input=n"} if lean == "left" else {}
        body = page([SAID[n], *own])
        server.says(f"/{lean}/bridge.html", body, kind="text/html", headers=headers)
    with LlmServer(lambda _number, _body: 500) as model:
        settings = make_settings(
            FETCH_ALLOW_PRIVATE=server.place,
            LLM_MODEL="openai:some-model",
            LLM_BASE_URL=model.url,
            LLM_API_KEY="k",
            LLM_TIMEOUT=5,
        )
        parts = parts_for(server, sessions, settings)
        run(parts, "gather", "group", "read", "summarize")
        with db.reading(sessions) as session:
            allowed = session.scalars(
                select(ArticlePage.models_allowed).order_by(ArticlePage.article_id)
            ).all()
        pipeline._write_shortlist(parts)
        asked = str(model.asked)
    assert sorted(allowed) == [False, True, True, True, True]
    assert SAID[0] not in asked
    assert sum(said in asked for said in SAID) == 4


def test_an_embedder_is_a_model_too(
    sessions: db.Sessions, server: FeedServer, make_settings: Callable[..., Any]
) -> None:
    settings = make_settings(FETCH_ALLOW_PRIVATE=server.place)
    run(parts_for(server, sessions, settings), "gather", "group", "read")
    with sessions.begin() as session:
        pages = session.scalars(select(ArticlePage).order_by(ArticlePage.article_id)).all()
        pages[0].models_allowed = False
        for n, kept in enumerate(pages):
            session.get_one(Article, kept.article_id).excerpt = f"The excerpt of feed {n}."
    with EmbeddingServer({"bridge": 0}) as model:
        asked = make_settings(
            FETCH_ALLOW_PRIVATE=server.place, EMBEDDING_MODEL="small", EMBEDDING_BASE_URL=model.base_url
        )
        run(parts_for(server, sessions, asked), "group")
        texts = str(model.asked)
    assert [f"The excerpt of feed {n}." in texts for n in range(5)] == [False, True, True, True, True]


def test_wire_copies_are_known_by_their_pages_and_counted_once(
    sessions: db.Sessions, server: FeedServer, make_settings: Callable[..., Any]
) -> None:
    parts = parts_for(server, sessions, make_settings(FETCH_ALLOW_PRIVATE=server.place))
    run(parts, "gather", "group", "read", "group")
    with db.reading(sessions) as session:
        keys = session.scalars(select(Article.wire_key)).all()
    assert len(keys) == 5
    assert len(set(keys)) == 1
    assert keys[0] is not None


def test_the_reading_list_has_each_wire_text_once_first_and_no_long_text(
    sessions: db.Sessions, server: FeedServer, make_settings: Callable[..., Any]
) -> None:
    parts = parts_for(server, sessions, make_settings(FETCH_ALLOW_PRIVATE=server.place))
    run(parts, "gather", "group")
    with sessions.begin() as session:
        one, two, three, *_ = session.scalars(select(Article).order_by(Article.id))
        one.excerpt = "A long text. " * 100
        two.wire_key = three.wire_key = "wire"
        numbers = [one.id, two.id, three.id]
    found = reading_list(sessions, now=MORNING)
    assert len(found) == 4
    assert numbers[0] not in found
    assert set(found[-1:]) < set(numbers[1:]), "the second copy of a wire text comes last"
    assert reading_list(sessions, now=MORNING + timedelta(days=3)) == []
