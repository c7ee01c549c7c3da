"""Links are asked a host at a time first, and a machine without a network does not keep the morning waiting."""

from __future__ import annotations

import threading
from datetime import timedelta

from sqlalchemy import select

from newsletter import db
from newsletter.db.models import Article, ArticlePage, LinkStatus, Outlet
from newsletter.issues.checks import link_status
from newsletter.issues.checks.findings import LinkState
from tests.delivery.mailing import MORNING

ADDRESSES = {n: f"https://outlet-{n % 20}.example/{n}" for n in range(60)}


class Asked:
    """Remembers what was asked for; ``answers`` says what comes."""

    def __init__(self, answers) -> None:
        self.urls: list[str] = []
        self._answers = answers
        self._lock = threading.Lock()

    def __call__(self, url: str) -> LinkState:
        with self._lock:
            self.urls.append(url)
        return self._answers(url)


def test_each_address_is_asked_once_and_gets_its_own_answer() -> None:
    ask = Asked(lambda url: LinkState(404 if url.endswith("/7") else 200))
    answers = link_status.request_all(ADDRESSES, ask)
    assert sorted(ask.urls) == sorted(ADDRESSES.values())
    assert {n for n, state in answers.items() if state.status == 404} == {7}
    assert set(answers) == set(ADDRESSES)


def test_when_none_of_the_first_hosts_answers_the_others_are_not_asked() -> None:
    ask = Asked(lambda _: LinkState(None, "The name was not found."))
    answers = link_status.request_all(ADDRESSES, ask)
    assert len(ask.urls) == link_status.AT_ONCE
    assert len({url.split("/")[2] for url in ask.urls}) == link_status.AT_ONCE
    assert set(answers) == set(ADDRESSES)
    assert sum(state == link_status.OFFLINE for state in answers.values()) == 60 - link_status.AT_ONCE


def test_one_host_that_answers_is_enough_to_go_on() -> None:
    ask = Asked(lambda url: LinkState(200) if "outlet-3." in url else LinkState(None, "No."))
    link_status.request_all(ADDRESSES, ask)
    assert len(ask.urls) == 60


def test_few_hosts_are_all_asked_even_when_they_are_mute() -> None:
    ask = Asked(lambda _: LinkState(None, "No."))
    link_status.request_all(dict(list(ADDRESSES.items())[:5]), ask)
    assert len(ask.urls) == 5


def test_answers_that_no_issue_needs_any_more_lapse(each_sessions) -> None:
    old = MORNING - link_status.FORGOTTEN_AFTER - timedelta(seconds=1)
    with each_sessions.begin() as session:
        outlet = Outlet(name="Harbour", homepage="https://h.example", lean="center", lean_basis="invented")
        for n, at in ((1, old), (2, MORNING - timedelta(days=1))):
            url = f"https://h.example/{n}"
            article = Article(
                outlet=outlet,
                url=url,
                headline="A ferry",
                excerpt="",
                published_at=at,
                gathered_at=at,
                text_hash=url,
            )
            session.add(article)
            session.flush()
            link_status.store(session, {article.id: LinkState(200)}, now=at)
    assert link_status.delete_old(each_sessions, now=MORNING) == 1
    assert link_status.delete_old(each_sessions, now=MORNING) == 0
    with db.reading(each_sessions) as session:
        assert [x.checked_at for x in session.scalars(select(LinkStatus))] == [MORNING - timedelta(days=1)]


def test_a_refused_page_and_an_outlet_of_feeds_only_are_left_alone(each_sessions) -> None:
    said = {}
    with each_sessions.begin() as session:
        for policy, verdict in (("", None), ("page", "read"), ("page", "refused"), ("feed", None)):
            outlet = Outlet(
                name=f"{policy} {verdict}", homepage="https://p.example/", lean="center", policy=policy
            )
            session.add(outlet)
            session.flush()
            url = f"https://p.example/{outlet.id}"
            article = Article(
                outlet_id=outlet.id,
                url=url,
                headline="A bridge",
                published_at=MORNING,
                gathered_at=MORNING,
                text_hash=url,
            )
            session.add(article)
            session.flush()
            said[policy, verdict] = article.id
            if verdict:
                session.add(
                    ArticlePage(article_id=article.id, fetched_at=MORNING, verdict=verdict, reason="x.")
                )
    addresses = {number: "https://p.example/" for number in said.values()}
    with db.reading(each_sessions) as session:
        found = link_status.unanswered(session, addresses, now=MORNING)
    assert set(found) == {said["", None], said["page", "read"]}
