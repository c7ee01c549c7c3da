"""``issue``: list, show, check, approve, hold, resume and withdraw Issues."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import date
from typing import Any

import click
from sqlalchemy import select

from newsletter import db
from newsletter.cli import opening
from newsletter.db.models import Check, Issue
from newsletter.delivery import corrections as correct
from newsletter.delivery import ledger
from newsletter.delivery.approval import AUTO
from newsletter.issues.service import IssueService, find_issue

BY = "command line"


class Day(click.ParamType):
    """An Issue's day, YYYY-MM-DD."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fail(f"'{value}' is not a day such as 2026-11-23", param, ctx)


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--json", "as_json", is_flag=True, help="Report as JSON.")(command)


def now_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--now", help="Set the clock, such as 2025-08-25T20:30Z.")(command)


def by_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Who decides, for the audit trail."""
    said = "Who decides; kept in the audit trail."
    return click.option("--by", default=BY, show_default=True, metavar="NAME", callback=_named, help=said)(
        command
    )


def _named(_: click.Context, __: click.Parameter, name: str) -> str:
    """One line that names a person: neither the machine nor whom the desk knows by having signed in."""
    one_line = " ".join(name.split())
    if not one_line or one_line.lower() == AUTO or one_line.lower().startswith("operator:"):
        raise click.BadParameter("write the name of the person who decides, such as Ann")
    return one_line


@click.group()
def issue() -> None:
    """Look at issues and decide about them."""


@issue.command("list")
@click.option(
    "--limit", default=30, show_default=True, type=click.IntRange(1, 1000), help="How many at most."
)
@json_option
def list_issues(limit: int, as_json: bool) -> None:
    """The latest issues, newest first."""
    service = opening.open_issue_service(opening.open_settings())
    with db.reading(service.sessions) as session:
        issues = session.scalars(select(Issue).order_by(Issue.issued_on.desc()).limit(limit)).all()
        rows = [
            {
                "date": i.issued_on.isoformat(),
                "state": i.state,
                "subject": i.subject,
                "audience": i.audience_size,
            }
            for i in issues
        ]
    if as_json:
        click.echo(json.dumps(rows))
        return
    if not rows:
        click.echo("No issue yet. Make one: python -m newsletter run --once")
    for row in rows:
        click.echo(f"{row['date']}  {row['state']:<11}  {row['subject']}")


@issue.command()
@click.argument("day", metavar="DATE", type=Day())
@json_option
def show(day: date, as_json: bool) -> None:
    """One issue: its stories, its checks, and the ledger's sum."""
    service = opening.open_issue_service(opening.open_settings())
    shown = _shown(service, day)
    if as_json:
        click.echo(json.dumps(shown, default=str))
        return
    click.echo(f"{shown['date']}  {shown['state']}  {shown['subject']}")
    if shown["hold_reason"]:
        click.echo(f"  because: {shown['hold_reason']}")
    for rank, story in enumerate(shown["stories"], start=1):
        click.echo(f"  {rank}. {story['headline']}  ({story['coverage']})")
    for finding in shown["checks"]:
        if finding["level"] != "pass":
            click.echo(f"  {finding['level']}: {finding['reason']}")
    if shown["ledger"]:
        click.echo("  ledger: " + _sum_in_words(shown["ledger"]))
    for each in shown["corrections"]:
        click.echo(
            f"  correction {each['number']}, approved {each['approved_at']:%Y-%m-%d %H:%M} UTC: {each['in_words']}"
        )


def _shown(service: IssueService, day: date) -> dict[str, Any]:
    view = service.view(day)
    with db.reading(service.sessions) as session:
        row = find_issue(session, day)
        checks = session.scalars(select(Check).where(Check.issue_id == row.id).order_by(Check.id)).all()
        ledger_sum = ledger.sum_up(session, row.id) if row.frozen_at else None
        corrections = correct.sums(session, row.id)
    return {
        "date": day.isoformat(),
        "state": row.state,
        "subject": row.subject,
        "hold_reason": row.hold_reason,
        "is_sample": row.is_sample,
        "approved_by": row.approved_by,
        "content_hash": row.content_hash,
        "reading_minutes": view.reading_minutes,
        "stories": [
            {
                "slug": s.slug,
                "headline": s.headline,
                "topic": s.topic,
                "coverage": f"Left {s.coverage.left} · Center {s.coverage.center} · Right {s.coverage.right}",
                "articles": s.coverage.articles,
            }
            for s in view.stories
        ],
        "checks": [{"name": c.name, "level": c.level, "reason": c.reason} for c in checks],
        "ledger": {**asdict(ledger_sum), "adds_up": ledger_sum.adds_up} if ledger_sum else None,
        "corrections": [{**asdict(c), "in_words": c.in_words} for c in corrections],
    }


def _sum_in_words(total: dict[str, Any]) -> str:
    states = ("pending", "submitting", "accepted", "failed", "uncertain", "withdrawn")
    parts = " + ".join(f"{total[s]} {s}" for s in states)
    return f"audience {total['audience']} = {parts}" + ("" if total["adds_up"] else "  DOES NOT ADD UP")


@issue.command()
@click.argument("day", metavar="DATE", type=Day())
@json_option
@now_option
def check(day: date, as_json: bool, now: str | None) -> None:
    """Look the issue over. Exit code 7 when a check blocks."""
    findings = opening.open_issue_service(opening.open_settings(), now=now).check(day)
    if as_json:
        click.echo(json.dumps([asdict(f) for f in findings]))
    else:
        for finding in findings:
            click.echo(f"{finding.level:<5}  {finding.name:<20}  {finding.reason}")
    if any(f.level == "block" for f in findings):
        raise SystemExit(7)


@issue.command()
@click.argument("day", metavar="DATE", type=Day())
@click.option("--despite", default="", help="Approve although a check blocks; the written reason is kept.")
@by_option
@now_option
def approve(day: date, despite: str, by: str, now: str | None) -> None:
    """Approve exactly these bytes."""
    service = opening.open_issue_service(opening.open_settings(), now=now)
    done = service.approve(day, by=by, reason=despite)
    click.echo(f"The issue of {day} is {done.state} ({(done.content_hash or '')[:12]}).")


@issue.command()
@click.argument("day", metavar="DATE", type=Day())
@click.option("--reason", default="held by hand", show_default=True, help="Kept, and shown on the desk.")
@by_option
@now_option
def hold(day: date, reason: str, by: str, now: str | None) -> None:
    """Stop it before (more of) it goes."""
    _say(opening.open_issue_service(opening.open_settings(), now=now).hold(day, by=by, reason=reason))


@issue.command()
@click.argument("day", metavar="DATE", type=Day())
@by_option
@now_option
def resume(day: date, by: str, now: str | None) -> None:
    """Let a held issue go on."""
    _say(opening.open_issue_service(opening.open_settings(), now=now).resume(day, by=by))


@issue.command()
@click.argument("day", metavar="DATE", type=Day())
@click.option("--reason", default="withdrawn by hand", show_default=True, help="Kept in the audit trail.")
@by_option
@now_option
def withdraw(day: date, reason: str, by: str, now: str | None) -> None:
    """Take it back: what is still pending never goes."""
    _say(opening.open_issue_service(opening.open_settings(), now=now).withdraw(day, by=by, reason=reason))


def _say(issue: Issue) -> None:
    click.echo(f"The issue of {issue.issued_on} is {issue.state}.")
