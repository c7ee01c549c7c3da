"""``issue``: list, show, check, approve, hold, resume, withdraw and correct Issues, and decide about uncertain Deliveries."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any, TextIO

import click
from sqlalchemy import select

from newsletter import db, formatting
from newsletter.cli import opening
from newsletter.db.models import Check, Issue
from newsletter.delivery import corrections, ledger, ledger_queries
from newsletter.delivery.approval import AUTO
from newsletter.delivery.states import ACCEPTED, PENDING, WITHDRAWN
from newsletter.errors import NotFound, Refused
from newsletter.issues.service import IssueService, find_issue

BY = "command line"


class Day(click.ParamType[date]):
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
    """Add the option ``--by``: who decides, for the audit trail."""
    said = "Who decides; kept in the audit trail."
    return click.option("--by", default=BY, show_default=True, metavar="NAME", callback=_named, help=said)(
        command
    )


def _named(_: click.Context, __: click.Parameter, name: str) -> str:
    """Accept one line that names a person, but not the names that the audit trail uses for the program and for desk Operators."""
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
    shown = _as_json(service, day)
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
            f"  correction {each['number']}, approved {formatting.utc_minute(each['approved_at'])}: {each['in_words']}"
        )


def _as_json(service: IssueService, day: date) -> dict[str, Any]:
    view = service.view(day)
    with db.reading(service.sessions) as session:
        row = find_issue(session, day)
        checks = session.scalars(select(Check).where(Check.issue_id == row.id).order_by(Check.id)).all()
        ledger_sum = ledger.sum_up(session, row.id) if row.frozen_at else None
        corrected = corrections.sums(session, row.id)
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
        "corrections": [{**asdict(c), "in_words": c.in_words} for c in corrected],
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
    """Stop the issue before it is sent, or before more of it is."""
    _print_state(opening.open_issue_service(opening.open_settings(), now=now).hold(day, by=by, reason=reason))


@issue.command()
@click.argument("day", metavar="DATE", type=Day())
@by_option
@now_option
def resume(day: date, by: str, now: str | None) -> None:
    """Continue a held issue."""
    _print_state(opening.open_issue_service(opening.open_settings(), now=now).resume(day, by=by))


@issue.command()
@click.argument("day", metavar="DATE", type=Day())
@click.option("--reason", default="withdrawn by hand", show_default=True, help="Kept in the audit trail.")
@by_option
@now_option
def withdraw(day: date, reason: str, by: str, now: str | None) -> None:
    """Withdraw the issue: copies that are pending are never sent."""
    _print_state(
        opening.open_issue_service(opening.open_settings(), now=now).withdraw(day, by=by, reason=reason)
    )


def _print_state(issue: Issue) -> None:
    click.echo(f"The issue of {issue.issued_on} is {issue.state}.")


# What an operator may decide about an uncertain Delivery, and the state that it gets.
DECISIONS = {"arrived": ACCEPTED, "given-up": WITHDRAWN, "once-more": PENDING}
NUMBER = click.IntRange(1, 2**63 - 1)  # the largest id of a database
MOST = 2_000_000  # Deliveries for one command
MOST_SHOWN = 200  # lines; nobody reads a whole uncertain batch line by line


@issue.command()
@click.argument("day", metavar="DATE", type=Day())
@json_option
def uncertain(day: date, as_json: bool) -> None:
    """List the copies that were submitted without an answer. They are sent again by themselves only where that is safe."""
    service = opening.open_issue_service(opening.open_settings())
    ones = _ones(service, day)
    with db.reading(service.sessions) as session:
        batches = ledger_queries.uncertain_batches(session, find_issue(session, day).id)
    if as_json:
        click.echo(json.dumps([asdict(one) for one in ones], default=str))
        return
    for one in ones[:MOST_SHOWN]:
        at = formatting.utc_minute(one.submitted_at) if one.submitted_at else "never handed over"
        click.echo(f"{one.delivery_id:>9}  subscriber {one.subscriber_id or 'erased'}  {at}  {one.reason}")
    if len(ones) > MOST_SHOWN:
        click.echo(f"… and {len(ones) - MOST_SHOWN:,} more; --json lists them all.")
    for batch in batches:
        what = formatting.counted(batch.copies, "copy", "copies")
        whom = batch.provider or "an unnamed provider"
        click.echo(f"batch of {batch.first}: {what} handed over to {whom} together")
    if ones:
        click.echo(
            f"{len(ones):,} uncertain. Look at the provider's own log, then: "
            f"python -m newsletter issue decide {day} --id N | --batch-of N | --all --as arrived|given-up|once-more --reason WORDS"
        )
    else:
        click.echo(f"Nothing of the issue of {day} is uncertain.")


@issue.command()
@click.argument("day", metavar="DATE", type=Day())
@click.option("--id", "numbers", type=NUMBER, multiple=True, help="The Delivery's number; may be repeated.")
@click.option(
    "--batch-of",
    "batches",
    type=NUMBER,
    multiple=True,
    help="All that were handed over together with this Delivery.",
)
@click.option("--all", "every", is_flag=True, help="All that are uncertain.")
@click.option(
    "--as",
    "decision",
    type=click.Choice(list(DECISIONS)),
    required=True,
    help="The reader has it, it never goes, or it goes again (and may come twice).",
)
@click.option("--reason", required=True, help="What you looked at; kept in the audit trail.")
@by_option
@now_option
def decide(
    day: date,
    numbers: Sequence[int],
    batches: Sequence[int],
    every: bool,
    decision: str,
    reason: str,
    by: str,
    now: str | None,
) -> None:
    """Decide about uncertain copies: they arrived, they are given up, or they are sent once more."""
    if bool(numbers or batches) == every:
        raise click.UsageError("Say --id N or --batch-of N (as often as needed), or --all.")
    service = opening.open_issue_service(opening.open_settings(), now=now)
    chosen = [u.delivery_id for u in _ones(service, day)] if every else list(numbers)
    with db.reading(service.sessions) as session:
        of_day = find_issue(session, day).id
        chosen += [
            n for number in batches for n in ledger_queries.uncertain_in_batch_of(session, of_day, number)
        ]
    moved = service.decide_uncertain(day, chosen, DECISIONS[decision], by=by, reason=reason)
    if not moved:
        raise NotFound(f"None of these is an uncertain copy of the issue of {day}.")
    click.echo(f"{moved} of {len(chosen)} decided: {decision}.")


def _ones(service: IssueService, day: date) -> list[ledger.UncertainDelivery]:
    with db.reading(service.sessions) as session:
        return ledger.uncertain_deliveries(session, find_issue(session, day).id, limit=MOST)


@issue.command()
@click.argument("day", metavar="DATE", type=Day())
@click.option(
    "--text",
    "words",
    type=click.File("r", encoding="utf-8"),
    required=True,
    help="File with what was wrong and what is right, in paragraphs; - for standard input.",
)
@click.option(
    "--rendition",
    type=click.Choice(["full", "metered"]),
    help="The edition that was wrong; both when not said.",
)
@click.option(
    "--dry-run", is_flag=True, help="Show the mail and how many readers it would go to; send nothing."
)
@click.option("--yes", is_flag=True, help="Do not ask before it is owed to them.")
@by_option
@now_option
def correct(
    day: date,
    words: TextIO,
    rendition: str | None,
    dry_run: bool,
    yes: bool,
    by: str,
    now: str | None,
) -> None:
    """Mail a correction, once, to those who got this issue or may have got it, and to nobody else."""
    service = opening.open_issue_service(opening.open_settings(), now=now)
    try:
        text = words.read()
    except UnicodeDecodeError:
        raise Refused("Nothing was done: the text of the correction is not in UTF-8.") from None
    mail, readers = service.correction(day, text, rendition)
    click.echo(f"Subject: {mail.subject}\n\n{mail.text}")
    said = f"{formatting.counted(readers, 'reader')} got this issue or may have got it."
    if dry_run:
        click.echo(f"{said} Nothing was sent.")
        return
    if not yes:
        click.confirm(f"{said} Send it to them?", abort=True)
    made = service.correct(day, text, kind=rendition, by=by, seen=mail.content_hash)
    click.echo(f"Correction {made.id} is owed to {made.owed:,}; it goes with the next settle step.")


@issue.command("withdraw-correction")
@click.argument("number", type=click.IntRange(1, 2**31 - 1))
@click.option("--reason", required=True, help="Kept in the audit trail.")
@by_option
@now_option
def withdraw_correction(number: int, reason: str, by: str, now: str | None) -> None:
    """Withdraw a correction: copies of it that are pending are never sent."""
    service = opening.open_issue_service(opening.open_settings(), now=now)
    left = service.withdraw_correction(number, by=by, reason=reason)
    were = formatting.counted(left, "copy was", "copies were")
    click.echo(f"Correction {number} is withdrawn; {were} still pending.")
