"""``python -m newsletter``: this hub only lists the commands and turns refusals into sentences and exit codes."""

from __future__ import annotations

import sqlite3
import sys

import click
from sqlalchemy.exc import DBAPIError

from newsletter import db, log
from newsletter.commands import (
    database,
    evaluate,
    feeds,
    issue,
    operator,
    preview,
    run,
    serve,
    settings,
    step,
    subscribers,
    uncertain,
    why,
    work,
)
from newsletter.errors import NewsletterError

COMMANDS: tuple[click.Command, ...] = (
    run.run,
    serve.web,
    serve.schedule,
    work.work,
    step.step,
    issue.issue,
    preview.preview,
    feeds.feeds,
    operator.operator,
    subscribers.subscribers,
    why.why,
    settings.settings,
    database.db,
    evaluate.evaluate,
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--trace", is_flag=True, help="Show where in the code an error arose.")
def cli(trace: bool) -> None:
    """Both sides of the news, every morning, in five minutes."""


for _command in COMMANDS:
    cli.add_command(_command)
for _command in (uncertain.uncertain, uncertain.decide):
    issue.issue.add_command(_command)


def main() -> None:
    """Run the command line. Exit codes: 0 done, 1 and 3–9 a refusal (see ``errors.py``), 2 usage or settings,
    70 a defect of ours, 130 interrupted."""
    log.configure()
    if "--trace" in sys.argv:
        cli()
    try:
        cli(standalone_mode=True)
    except NewsletterError as error:
        _leave(str(error), error.exit_code)
    except DBAPIError as error:
        _leave(db.explain(error), 4)
    except sqlite3.Error as error:
        _leave(f"The database cannot be used: {error}.", 4)
    except OSError as error:
        _leave(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}.", 1)
    except KeyboardInterrupt:
        _leave("Stopped.", 130)
    except Exception as error:  # noqa: BLE001 - the last net: an operator gets a sentence, never a stack trace
        _leave(
            f"This is a defect of the program ({type(error).__name__}). Repeat with --trace to see where.", 70
        )


def _leave(sentence: str, code: int) -> None:
    click.echo(sentence, err=True)
    sys.exit(code)
