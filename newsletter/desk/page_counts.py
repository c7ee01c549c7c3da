"""What was read of each Outlet's article pages, by what right, and what was not and why: the outlets page's table."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.db.models import Article, ArticlePage, Outlet

COUNTED = timedelta(days=7)  # pages decided about within
MOST_REASONS = 3  # shown of each Outlet


@dataclass(frozen=True)
class PageCount:
    """The pages of one Outlet. ``reasons`` are sentences with how many pages each holds for, most frequent first."""

    outlet: str
    policy: str
    read: int
    without_models: int  # of the read ones: their text is given to no model
    not_read: int
    reasons: tuple[tuple[str, int], ...]


def page_counts(session: Session, *, now: datetime) -> list[PageCount]:
    """One line for each Outlet with pages that were read, or were not, lately; by name."""
    rows = session.execute(
        select(
            Outlet.name,
            Outlet.policy,
            ArticlePage.verdict,
            ArticlePage.models_allowed,
            ArticlePage.reason,
            func.count(),
        )
        .join(Article, Article.id == ArticlePage.article_id)
        .join(Outlet, Outlet.id == Article.outlet_id)
        .where(ArticlePage.fetched_at > now - COUNTED)
        .group_by(
            Outlet.name,
            Outlet.policy,
            ArticlePage.verdict,
            ArticlePage.models_allowed,
            ArticlePage.reason,
        )
    ).all()
    by_outlet: dict[str, list[tuple[str, str, bool, str, int]]] = {}
    for name, policy, verdict, models, reason, count in rows:
        by_outlet.setdefault(name, []).append((policy, verdict, models, reason, count))
    return [_count(name, by_outlet[name]) for name in sorted(by_outlet, key=str.casefold)]


def _count(name: str, rows: list[tuple[str, str, bool, str, int]]) -> PageCount:
    reasons: dict[str, int] = {}
    for _, _, _, reason, count in rows:
        reasons[reason] = reasons.get(reason, 0) + count
    ranked = sorted(reasons.items(), key=lambda r: (-r[1], r[0]))
    return PageCount(
        outlet=name,
        policy=rows[0][0],
        read=sum(count for _, verdict, _, _, count in rows if verdict == "read"),
        without_models=sum(
            count for _, verdict, models, _, count in rows if verdict == "read" and not models
        ),
        not_read=sum(count for _, verdict, _, _, count in rows if verdict != "read"),
        reasons=tuple(ranked[:MOST_REASONS]),
    )
