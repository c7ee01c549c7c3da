"""``python -m newsletter``: lists the commands, and turns refusals into sentences and exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from importlib import import_module

import click

from newsletter import __version__, log
from newsletter.errors import NewsletterError

# The module and function of each command. Only the requested one is imported, so that --help is fast.
COMMANDS: Mapping[str, str] = {
    "run": "cli.run:run",
    "web": "cli.serve:web",
    "schedule": "cli.serve:schedule",
    "work": "cli.serve:work",
    "step": "cli.step:step",
    "issue": "cli.issue:issue",
    "preview": "cli.preview:preview",
    "feeds": "cli.feeds:feeds",
    "operator": "cli.operator:operator",
    "subscribers": "cli.subscribers:subscribers",
    "why": "cli.why:why",
    "settings": "cli.settings:settings",
    "status": "cli.status:status",
    "doctor": "cli.doctor:doctor",
    "db": "cli.database:db",
    "evaluate": "lab.evaluate.commands:evaluate",
    "bench": "lab.bench.commands:bench",
    "replay": "lab.simulate.commands:replay",
}
# The help line of each command, so that --help imports none; a test compares them with the commands' docstrings.
SUMMARIES: Mapping[str, str] = {
    "run": "Gather, group, summarize, compose, check, approve and dispatch today's issue; then serve the site and tick.",
    "web": "Serve the site with gunicorn.",
    "schedule": "Tick: do each step of the day when it is due.",
    "work": "Do parts of the steps that schedulers defer: feeds, stories, batches.",
    "step": "Do one step of the day: gather, group, read, summarize, compose, check, approve, dispatch, settle or lapse.",
    "issue": "Look at issues and decide about them.",
    "preview": "Write an issue as it will arrive: full and metered, as html, txt, eml and png.",
    "feeds": "Check the catalogue's feeds, import them from OPML, export them as OPML.",
    "operator": "Who may open the desk.",
    "subscribers": "Import and export subscribers, with the proof of their consent.",
    "why": "Why ADDRESS got the latest issue, or did not.",
    "settings": "Show every setting, its value (secrets hidden) and what it is for.",
    "status": "Say whether today's issue reaches readers, and what to do if not.",
    "doctor": "Check DNS records, settings, database, mail provider, webhook key and payments.",
    "db": "Upgrade, back up and restore the database.",
    "evaluate": "Measure quality on files of JSON lines.",
    "bench": "Measure speed, beside yardsticks of the same run.",
    "replay": "Replay days of news with made-up readers: sign-ups, trials, payments, bounces, unsubscribes.",
}


class Commands(click.Group):
    """A click group that imports a command when it is requested."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name].split(":")
        command = getattr(import_module(f"newsletter.{module}"), name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(SUMMARIES.items()))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="newsletter", message="%(prog)s %(version)s")
@click.option("--trace", is_flag=True, help="Show where in the code an error arose.")
def cli(trace: bool) -> None:
    """Both sides of the news, every morning, in five minutes."""


def main() -> None:
    """Run the command line. Exit codes: 0 done, 1 and 3–9 a refusal (see ``errors.py``), 2 usage or settings,
    70 a defect of ours, 130 interrupted."""
    log.configure()
    if sys.stdin is None:  # the parent process closed it, so a question would never be answered
        sys.stdin = open(os.devnull)  # noqa: SIM115 - for as long as we live
    if "--trace" in sys.argv:
        cli()
    try:
        sys.exit(cli(standalone_mode=False))
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort as error:  # the answer to a question was no, or Ctrl-C
        interrupted = isinstance(error.__cause__, KeyboardInterrupt)
        _leave("Stopped." if interrupted else "Nothing was done.", 130 if interrupted else 1)
    except NewsletterError as error:
        _leave(str(error), error.exit_code)
    except OSError as error:
        _leave(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}.", 1)
    except Exception as error:  # noqa: BLE001 - the last net: an operator gets a sentence, never a stack trace
        if said := _of_the_database(error):
            _leave(said, 4)
        _leave(
            f"This is a defect of the program ({type(error).__name__}). Repeat with --trace to see where.", 70
        )


def _of_the_database(error: Exception) -> str | None:
    """Return the sentence for an error of the database; None for another error. SQLAlchemy is imported only here, because that is
    slow."""
    import sqlite3

    from sqlalchemy.exc import DBAPIError

    from newsletter import db

    if isinstance(error, DBAPIError):
        return db.explain(error)
    return f"The database cannot be used: {error}." if isinstance(error, sqlite3.Error) else None


def _leave(sentence: str, code: int) -> None:
    click.echo(sentence, err=True)
    try:
        sys.stdout.flush()
    except OSError:  # the disk is full: flushing the rest at exit would fail a second time
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)
