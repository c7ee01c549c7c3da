"""What supplies no facts is grouped but not told. All outlets and events are invented."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from newsletter import db
from newsletter.db.models import Article, Outlet, Story, StoryRevision
from newsletter.summaries import summarize
from newsletter.summaries.extractive.summarizer import Extractive

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
NEWS = "The council of Port Orla voted 6-3 on Sunday to close the old bridge. Repairs will cost 4 million dollars."
VIEW = "Closing the bridge of Port Orla is a shabby trick on the poor. The council should resign in shame."


def story(sessions: db.Sessions, kinds: list[str]) -> int:
    """One Story of an Article of each kind, each of an Outlet of its own."""
    with sessions.begin() as session:
        told = Story(
            slug="bridge", created_at=NOW, first_published_at=NOW, last_published_at=NOW, grouped_at=NOW
        )
        session.add(told)
        session.flush()
        for n, kind in enumerate(kinds):
            outlet = Outlet(name=f"Outlet {n}", homepage=f"https://o{n}.example", lean="center")
            session.add(outlet)
            session.flush()
            session.add(
                Article(
                    outlet_id=outlet.id,
                    story_id=told.id,
                    url=f"https://o{n}.example/{n}",
                    headline=f"Council of Port Orla closes the old bridge, part {n}",
                    excerpt=NEWS if kind == "news" else VIEW,
                    kind=kind,
                    published_at=NOW - timedelta(hours=n + 1),
                    gathered_at=NOW,
                    text_hash=str(n),
                )
            )
        return told.id


def test_an_opinion_piece_supplies_no_sentence(sessions: db.Sessions) -> None:
    story(sessions, ["news", "opinion", "news", "opinion"])
    assert summarize.run(sessions, Extractive(), now=NOW).written == 1
    with db.reading(sessions) as session:
        words = str(session.scalars(select(StoryRevision)).one().words)
    assert "voted 6-3" in words
    assert "shabby" not in words
    assert "resign" not in words


def test_a_story_that_one_outlet_reports_and_others_comment_on_is_not_told(sessions: db.Sessions) -> None:
    story(sessions, ["news", "opinion", "analysis"])
    assert summarize.run(sessions, Extractive(), now=NOW).stories == 0
