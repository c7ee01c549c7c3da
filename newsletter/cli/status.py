"""``status``: says in one sentence whether today's Issue reaches readers, and if not, what must be done."""

from __future__ import annotations

import json
from dataclasses import asdict

import click
from sqlalchemy.exc import DBAPIError

from newsletter import db
from newsletter.cli import opening
from newsletter.errors import DatabaseError, Refused
from newsletter.jobs.today import Answer, answer


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Report as JSON.")
@click.option("--now", help="Set the clock, such as 2025-08-25T20:30Z.")
def status(as_json: bool, now: str | None) -> None:
    """Say whether today's issue reaches readers, and what to do if not. Exit code 7 when somebody must act."""
    found = _answer(now)
    if as_json:
        click.echo(json.dumps({"is_well": found.is_well, "said": found.in_one_sentence, **asdict(found)}))
    else:
        click.echo(found.sentence)
        for each in found.troubles:
            click.echo(f"- {each.words}")
    if not found.is_well:
        raise Refused(
            "An operator must act." if found.tone != "calm" else "Something beside it needs a look."
        )


def _answer(now: str | None) -> Answer:
    try:
        service = opening.open_issue_service(opening.open_settings(), now=now)
        with db.reading(service.sessions) as session:
            return answer(session, service.settings, now=service.clock())
    except DBAPIError as error:
        return Answer("stop", f"The database cannot be asked: {db.explain(error)}")
    except DatabaseError as error:
        return Answer("stop", f"The database cannot be asked: {error}")
