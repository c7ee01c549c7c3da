"""Lets the model write one Story again, with an operator's instruction."""

from __future__ import annotations

from flask import Response, request

from newsletter import db
from newsletter.db.models import Story
from newsletter.desk.audit import record
from newsletter.desk.guard import bp, redirect_to
from newsletter.errors import NotFound, Refused
from newsletter.settings import Settings
from newsletter.summaries import registry, summarize
from newsletter.summaries.protocol import Summarizer, SummarizerError
from newsletter.web.services import services

LONGEST_INSTRUCTION = 200  # characters; the writer is given no more


def why_no_model(settings: Settings) -> str:
    """Return why no Story can be told by a model; empty when one is configured."""
    return "" if settings.LLM_MODEL and registry.has_model(settings) else _NO_MODEL


_NO_MODEL = "No model is configured, so stories are told in the outlets’ own words only. Set LLM_MODEL to have one told again."


@bp.post("/stories/<int:number>/tell")
def tell_again(number: int) -> Response:
    """Have the model write the Story again. Takes as long as the model does, and changes no Issue."""
    site = services()
    instruction = " ".join(request.form.get("instruction", "").split())[:LONGEST_INSTRUCTION]
    if not instruction:
        raise Refused("Nothing was done: say what the new telling should do, such as “shorter”.")
    with db.reading(site.sessions) as session:
        if session.get(Story, number) is None:
            raise NotFound("There is no such story.")
    try:
        revision = summarize.write_again(
            site.sessions, _writer(site.settings), number, instruction=instruction, now=site.now()
        )
    except SummarizerError as error:
        raise Refused(f"Nothing was changed: {str(error).rstrip('.')}.") from error
    if revision is None:
        raise Refused("Nothing was changed: the story is too old, or somebody else told it meanwhile.")
    with site.sessions.begin() as session:
        record(session, "story.told_again", f"story:{number}", instruction=instruction, revision=revision)
    return redirect_to(f"stories/{number}#words")


def _writer(settings: Settings) -> Summarizer:
    """Return the model. Raises Refused without one, and SettingsError when its name cannot be asked."""
    writer = None if why_no_model(settings) else registry.model_writer(settings)
    if writer is None:
        raise Refused(f"Nothing was done. {_NO_MODEL}")
    return writer
