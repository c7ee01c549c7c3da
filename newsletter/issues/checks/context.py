"""Gathers the Checks' context: other Issues, Outlets, links, the Sender, the Audience."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta

from sqlalchemy import Select, case, delete, func, select
from sqlalchemy.orm import Session, joinedload

from newsletter import db
from newsletter.db.models import Article, Check, Feed, Issue, Outlet, Placement, Story, StoryRevision
from newsletter.delivery import providers
from newsletter.delivery.mail import sender_domain
from newsletter.feeds.leans import SIDES, side_of
from newsletter.issues.checks import link_status
from newsletter.issues.checks.findings import (
    Answering,
    CheckContext,
    Earlier,
    Finding,
    Judged,
    Level,
    Offered,
)
from newsletter.issues.render import render
from newsletter.issues.renditions import RenderedIssue
from newsletter.issues.views import IssueView, article_texts
from newsletter.settings import Settings
from newsletter.stories.sides import coverage_of
from newsletter.subscribers import audience

EARLIER = timedelta(days=3)  # Issues whose Stories should not be placed again
LATELY = timedelta(days=2)  # Stories that are offered as replacements, at most
ANSWERED = timedelta(days=1)
OFFERED = 12
FEWEST_OUTLETS = 3  # age of a Story that is offered, at most


def request_links(sessions: db.Sessions, view: IssueView, settings: Settings, *, now: datetime) -> None:
    """Request the Issue's links and store the answers; takes up to 30 seconds. A sample's links are invented and not requested."""
    if view.is_sample:
        return
    addresses = link_addresses(view)
    with db.reading(sessions) as session:
        todo = link_status.unanswered(session, addresses, now=now)
    answers = link_status.request_all(todo, link_status.requester(settings)) if todo else {}
    with sessions.begin() as session:
        link_status.store(session, answers, now=now)


def look_up_sender(settings: Settings) -> tuple[Level, str] | None:
    """Return what the DNS says about the Sender's domain; None for a provider that sends no real mail."""
    if settings.MAIL_PROVIDER == "outbox":
        return None
    level, said = sender_domain.look(settings, own_return_path=providers.registered(settings).own_return_path)
    return ("pass" if level == "pass" else "warn"), said


def link_addresses(view: IssueView) -> dict[int, str]:
    """Return the URLs of the Issue's Articles that its mail may link to, by Article id."""
    return {a.id: a.url for story in view.stories for a in story.articles if a.url}


def check_context(
    session: Session,
    issue: Issue,
    view: IssueView,
    *,
    settings: Settings,
    now: datetime,
    sender: tuple[Level, str] | None = None,
    judged: Judged = Judged(),  # noqa: B008 - frozen
) -> CheckContext:
    """Return what the tables know beside the Issue: its Stories' Articles, other Issues, outlets, links and Audiences.

    ``sender`` is what the DNS has just answered about the Sender's domain; when it is None, the answer that the last Check
    recorded is used. ``judged`` is what was found of operators' sentences.
    """
    numbers = [s.id for s in view.stories]
    counted, before, before_on = _audiences(session, issue)
    links = link_status.stored_answers(session, link_addresses(view))
    return CheckContext(
        articles={number: article_texts(session, number) for number in numbers},
        offered=offered(session, issue),
        earlier=_earlier(session, issue),
        flagged=frozenset(
            session.scalars(select(Story.id).where(Story.id.in_(numbers), Story.flagged_at.is_not(None)))
        ),
        retold=_retold(session, issue),
        answering=answering(session, now=now),
        audience=counted,
        audience_before=before,
        before_on=before_on,
        links=links,
        links_asked=bool(links),
        judged=judged,
        sender=sender or _earlier_sender_answer(session, issue),
    )


def store_findings(
    session: Session,
    issue_id: int,
    findings: Sequence[Finding],
    looked_at: Sequence[RenderedIssue],
    *,
    now: datetime,
) -> None:
    """Store the findings in place of earlier ones. The caller commits.

    Does nothing when the Renditions are no longer those ``looked_at``: whoever changed them runs the Checks again.
    """
    db.hold_lock(session, f"checks:{issue_id}")
    if render.rendered(session.get_one(Issue, issue_id)) != list(looked_at):
        return
    session.execute(delete(Check).where(Check.issue_id == issue_id))
    session.add_all(
        Check(
            issue_id=issue_id,
            name=f.name,
            level=f.level,
            reason=f.reason,
            remedies=[asdict(r) for r in f.remedies],
            checked_at=now,
        )
        for f in findings
    )


def offered(session: Session, issue: Issue) -> tuple[Offered, ...]:
    """Return the Stories with text of the last days that are not in the Issue: two-sided ones first, then by number of Outlets."""
    placed = select(Placement.story_id).where(Placement.issue_id == issue.id)
    outlets = func.count(func.distinct(Article.outlet_id))
    rows = session.execute(
        select(Story.id, outlets)
        .join(Article, Article.story_id == Story.id)
        .where(
            Story.id.not_in(placed),
            Story.id.not_in(_placed_lately(issue)),
            Story.merged_into_id.is_(None),
            Story.id.in_(select(StoryRevision.story_id)),
            Story.last_published_at > issue.composed_at - LATELY,
        )
        .group_by(Story.id)
        .having(outlets >= FEWEST_OUTLETS)
        .order_by(outlets.desc(), Story.id)
        .limit(OFFERED)
    ).all()
    numbers = [number for number, _ in rows]
    headlines = {
        t.story_id: str(t.words["headline"])
        for t in session.scalars(
            select(StoryRevision).where(StoryRevision.story_id.in_(numbers)).order_by(StoryRevision.revision)
        )
    }
    found = [Offered(n, headlines[n], _is_one_sided(session, n)) for n in numbers]
    return tuple(sorted(found, key=lambda o: o.one_sided))


def _placed_lately(issue: Issue) -> Select[int]:
    others = select(Placement.story_id).join(Issue, Issue.id == Placement.issue_id)
    return others.where(
        Issue.issued_on < issue.issued_on,
        Issue.issued_on >= issue.issued_on - EARLIER,
        Issue.state != "withdrawn",
    )


def _is_one_sided(session: Session, story_id: int) -> bool:
    rows = session.scalars(
        select(Article)
        .where(Article.story_id == story_id)
        .options(joinedload(Article.outlet))
        .order_by(Article.published_at, Article.id)
    )
    return coverage_of(rows.all()).one_sided


def _earlier(session: Session, issue: Issue) -> tuple[Earlier, ...]:
    rows = session.execute(
        select(Placement.story_id, StoryRevision.words, Issue.issued_on)
        .join(Issue, Issue.id == Placement.issue_id)
        .join(StoryRevision, StoryRevision.id == Placement.story_revision_id)
        .where(
            Issue.issued_on < issue.issued_on,
            Issue.issued_on >= issue.issued_on - EARLIER,
            Issue.state != "withdrawn",
        )
        .order_by(Issue.issued_on.desc(), Placement.rank)
    )
    return tuple(Earlier(number, str(words["headline"]), day) for number, words, day in rows)


def _retold(session: Session, issue: Issue) -> frozenset[int]:
    """Return the Stories whose latest revision is newer than the one that is placed."""
    placed = (
        select(Placement.story_id, StoryRevision.revision.label("revision"))
        .join(StoryRevision, StoryRevision.id == Placement.story_revision_id)
        .where(Placement.issue_id == issue.id)
        .subquery()
    )
    newer = select(StoryRevision.story_id).join(placed, placed.c.story_id == StoryRevision.story_id)
    return frozenset(session.scalars(newer.where(StoryRevision.revision > placed.c.revision)))


def answering(session: Session, *, now: datetime) -> tuple[Answering, ...]:
    """Return for each Side its Outlets, and those of which no enabled Feed answered lately. Paused Feeds are not counted."""
    reached = func.max(case(((Feed.checked_at > now - ANSWERED) & Feed.last_error.is_(None), 1), else_=0))
    rows = session.execute(
        select(Outlet.name, Outlet.lean, reached)
        .join(Feed, Feed.outlet_id == Outlet.id)
        .where(
            Outlet.enabled,
            Outlet.listed,
            Feed.enabled,
            Feed.paused_at.is_(None),
            Feed.checked_at.is_not(None),
        )
        .group_by(Outlet.id, Outlet.name, Outlet.lean)
        .order_by(Outlet.name)
    ).all()
    found = []
    for side in SIDES:
        own = [(name, answered) for name, lean, answered in rows if side_of(lean) is side]
        found.append(Answering(side, len(own), tuple(name for name, answered in own if not answered)))
    return tuple(found)


def _audiences(session: Session, issue: Issue) -> tuple[int, int | None, date | None]:
    """Return the Audience now, the Audience of the Issue before, and the day of that Issue. Weekly readers are counted as on
    that day."""
    last = session.scalars(
        select(Issue)
        .where(Issue.issued_on < issue.issued_on, Issue.frozen_at.is_not(None))
        .order_by(Issue.issued_on.desc())
        .limit(1)
    ).first()
    weekly_as_of = last.issued_on if last else issue.issued_on
    counted = audience.count(session, on=issue.issued_on, weekly_as_of=weekly_as_of)
    return counted, last.audience_size if last else None, last.issued_on if last else None


def _earlier_sender_answer(session: Session, issue: Issue) -> tuple[Level, str] | None:
    row = session.scalars(
        select(Check).where(Check.issue_id == issue.id, Check.name == "sender-domain")
    ).first()
    if row is None or "has not been asked for yet" in row.reason:
        return None
    return ("pass" if row.level == "pass" else "warn"), row.reason
