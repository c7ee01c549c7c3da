"""Requests the addresses that an Issue links to, and stores whether they still answer.

It uses the client that fetches feeds, which refuses private networks and has a deadline. Only the ``check`` Step and the button
"Check again" make requests; everything else reads the stored answers.
"""

from __future__ import annotations

import http.client
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from newsletter import db
from newsletter.db.models import Article, ArticlePage, LinkStatus, Outlet
from newsletter.feeds.fetcher import FetchError, PoliteFetcher
from newsletter.issues.checks.findings import LinkState
from newsletter.settings import Settings

KEEPS = timedelta(hours=6)  # how long an answer is used
ONE = 4.0  # seconds for one address, redirects included
ALL = 15.0  # seconds for all of them; an address without an answer by then counts as mute
FORGOTTEN_AFTER = timedelta(days=7)  # after that no Issue links there any more
AT_ONCE = 8  # connections
MOST = 200  # addresses of one Issue


class StatusFetcher(PoliteFetcher):
    """Reads the status and the headers of an answer, and not its body."""

    def _body(self, response: http.client.HTTPResponse) -> bytes:
        response.will_close = True  # the body stays unread, so the connection cannot be used again
        return b""


MUTE = LinkState(None, "It did not answer in time.")
OFFLINE = LinkState(None, "Not asked: none of the first addresses answered, so this machine may be offline.")

Ask = Callable[[str], LinkState]


def requester(settings: Settings) -> Ask:
    """Return a function that requests one address and returns its answer."""
    fetch = StatusFetcher(settings, deadline=ONE)

    def ask(url: str) -> LinkState:
        try:
            return LinkState(fetch(url).status)
        except FetchError as error:
            return LinkState(None, str(error))

    return ask


def request_all(addresses: Mapping[int, str], ask: Ask) -> dict[int, LinkState]:
    """Request each Article's address, at most :data:`MOST`, and return the answers that came within :data:`ALL` seconds.

    One address of each of some hosts is requested first: when none of them answers, the others are not waited for.
    """
    chosen = dict(list(addresses.items())[:MOST])
    first = _of_different_hosts(chosen, AT_ONCE)
    answers = _request(first, ask, ALL)
    rest = {number: url for number, url in chosen.items() if number not in first}
    if len(first) == AT_ONCE and not any(state.status for state in answers.values()):
        return answers | dict.fromkeys(rest, OFFLINE)
    return answers | _request(rest, ask, ALL - ONE)


def _of_different_hosts(addresses: Mapping[int, str], most: int) -> dict[int, str]:
    by_host: dict[str, tuple[int, str]] = {}
    for number, url in addresses.items():
        by_host.setdefault(urlsplit(url).netloc, (number, url))
    return dict(list(by_host.values())[:most])


def _request(addresses: Mapping[int, str], ask: Ask, seconds: float) -> dict[int, LinkState]:
    pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="links")
    asked = {number: pool.submit(ask, url) for number, url in addresses.items()}
    done, _ = wait(asked.values(), timeout=seconds)
    pool.shutdown(wait=False, cancel_futures=True)
    return {number: job.result() if job in done else MUTE for number, job in asked.items()}


def unanswered(session: Session, addresses: Mapping[int, str], *, now: datetime) -> dict[int, str]:
    """Return the addresses that may be requested and were not requested lately.

    A page that was refused to us, and every page of an Outlet with ``policy = "feed"``, is never requested.
    """
    closed = set(
        session.scalars(
            select(Article.id)
            .join(Outlet, Outlet.id == Article.outlet_id)
            .outerjoin(ArticlePage, ArticlePage.article_id == Article.id)
            .where(
                Article.id.in_(addresses),
                (Outlet.policy == "feed") | (ArticlePage.verdict == "refused"),
            )
        )
    )
    fresh = set(
        session.scalars(
            select(LinkStatus.article_id).where(
                LinkStatus.article_id.in_(addresses), LinkStatus.checked_at > now - KEEPS
            )
        )
    )
    return {number: url for number, url in addresses.items() if number not in fresh | closed}


def store(session: Session, answers: Mapping[int, LinkState], *, now: datetime) -> None:
    """Store the answers. The caller commits."""
    known = {
        row.article_id: row
        for row in session.scalars(select(LinkStatus).where(LinkStatus.article_id.in_(answers)))
    }
    new = []
    for number, state in sorted(answers.items()):
        if (row := known.get(number)) is not None:
            row.checked_at, row.status, row.reason = now, state.status, state.reason
        else:
            new.append(
                {"article_id": number, "checked_at": now, "status": state.status, "reason": state.reason}
            )
    db.insert_new(session, LinkStatus, new)


def stored_answers(session: Session, article_ids: Mapping[int, str]) -> dict[int, LinkState]:
    """Return the latest stored answer, by Article id."""
    rows = session.scalars(select(LinkStatus).where(LinkStatus.article_id.in_(article_ids)))
    return {row.article_id: LinkState(row.status, row.reason) for row in rows}


def delete_old(sessions: db.Sessions, *, now: datetime) -> int:
    """Delete the answers that no Issue needs any more; return how many."""
    with sessions.begin() as session:
        return db.changed(session, delete(LinkStatus).where(LinkStatus.checked_at < now - FORGOTTEN_AFTER))
