"""``preview``: writes an Issue as it will arrive, as files and pictures."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import click
from sqlalchemy import select

from newsletter import db
from newsletter.cli import opening
from newsletter.cli.issue import Day, json_option
from newsletter.db.models import Issue
from newsletter.errors import NotFound
from newsletter.issues.preview import write_preview
from newsletter.issues.render import render
from newsletter.issues.renditions import KINDS, RenderedIssue
from newsletter.issues.service import IssueService, find_issue
from newsletter.issues.views import IssueView, issue_view


@click.command()
@click.argument("day", metavar="[DATE]", type=Day(), required=False)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("var/preview"),
    show_default=True,
    help="Folder for the files; made if it is missing.",
)
@click.option("--pictures/--no-pictures", default=True, show_default=True, help="Also take pictures.")
@json_option
def preview(day: date | None, out: Path, pictures: bool, as_json: bool) -> None:
    """Write an issue as it will arrive: full and metered, as html, txt, eml and png.

    DATE is the latest issue's when it is left out. Pictures are taken at 600 and 375 px, light, dark and darkened by
    force, and need a Chromium.
    """
    service = opening.open_issue_service(opening.open_settings())
    view, rendered = _latest(service) if day is None else _of(service, day)
    done = write_preview(
        view,
        rendered,
        out,
        settings=service.settings,
        links=service.links,
        now=service.clock(),
        pictures=pictures,
    )
    if as_json:
        click.echo(json.dumps({"files": [str(f) for f in done.files], "note": done.note}))
        return
    for file in done.files:
        click.echo(f"{file}  {file.stat().st_size / 1024:.1f} KB")
    if done.note:
        click.echo(done.note, err=True)


def _of(service: IssueService, day: date) -> tuple[IssueView, list[RenderedIssue]]:
    """Return the stored Renditions of the Issue, or render them when there are none."""
    with db.reading(service.sessions) as session:
        issue = find_issue(session, day)
        view, made = issue_view(session, issue, now=service.clock()), render.rendered(issue)
    if not made:
        made = [
            render.rendition(view, kind, settings=service.settings, links=service.links) for kind in KINDS
        ]
    return view, made


def _latest(service: IssueService) -> tuple[IssueView, list[RenderedIssue]]:
    with db.reading(service.sessions) as session:
        day = session.scalar(select(Issue.issued_on).order_by(Issue.issued_on.desc()).limit(1))
    if day is None:
        raise NotFound("There is no issue yet. Make one: python -m newsletter run --once")
    return _of(service, day)
