"""Which summarizer writes the shortlist. Every other Story is told by the extractive one."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from newsletter import clock
from newsletter.errors import SettingsError
from newsletter.settings import Settings
from newsletter.summaries.protocol import Summarizer

if TYPE_CHECKING:
    from newsletter.summaries.model.asking import Asker
    from newsletter.summaries.model.judge import Judge

MODEL = "llm"  # StoryRevision.written_by of what a model wrote


def has_model(settings: Settings) -> bool:
    """Return whether a model writes the shortlist: SUMMARIZER=llm, or auto with LLM_MODEL set."""
    return settings.SUMMARIZER == "llm" or (settings.SUMMARIZER == "auto" and bool(settings.LLM_MODEL))


def model_writer(settings: Settings) -> Summarizer | None:
    """Return the model that writes the shortlist with the one that judges it; None when none is configured.

    Raises :class:`SettingsError` when a name cannot be asked.
    """
    if not has_model(settings):
        return None
    # Imported here: a model's clients take seconds to load, and most processes never ask one.
    from newsletter.summaries.model.judge import Judge
    from newsletter.summaries.model.writer import Llm

    if not settings.LLM_MODEL:
        raise SettingsError("SUMMARIZER=llm needs LLM_MODEL, such as openai:NAME.")
    writer = _asker(settings, settings.LLM_MODEL)
    return Llm(writer, Judge(_asker(settings, settings.JUDGE_MODEL or settings.LLM_MODEL)))


def has_recorded(settings: Settings) -> bool:
    """The sample edition is told in a model's recorded answers: SUMMARIZER=llm and no model to ask."""
    return settings.SUMMARIZER == "llm" and not settings.LLM_MODEL


def recorded_writer(day: date) -> Summarizer:
    """Writes and judges the sample edition of that day with recorded answers."""
    from newsletter.summaries.model.judge import Judge
    from newsletter.summaries.model.recorded import RecordedAnswers
    from newsletter.summaries.model.writer import Llm

    answers = RecordedAnswers(day)
    return Llm(answers, Judge(answers))


def model_judge(settings: Settings) -> Judge | None:
    """Return the model that judges what operators write: JUDGE_MODEL, or the one that writes; None when neither is configured.

    Raises :class:`SettingsError` when the name cannot be asked.
    """
    name = settings.JUDGE_MODEL or (settings.LLM_MODEL if has_model(settings) else "")
    if not name:
        return None
    from newsletter.summaries.model.judge import Judge

    return Judge(_asker(settings, name))


def _asker(settings: Settings, name: str) -> Asker:
    """Return the same for the same settings, so that its patience with a server that fails lasts. Raises :class:`SettingsError`."""
    key = settings.LLM_API_KEY.get_secret_value()
    where = (settings.LLM_BASE_URL, key, settings.LLM_TIMEOUT)
    return _asker_of(name, *where, settings.LLM_DIR, settings.LLM_DAILY_TOKENS)


@lru_cache(maxsize=8)
def _asker_of(
    name: str, base_url: str, api_key: str, timeout: float, folder: Path, tokens_a_day: int
) -> Asker:
    from newsletter.summaries.model.asking import Asker
    from newsletter.summaries.model.budget import Budget, KeptAnswers
    from newsletter.summaries.model.client import ModelNameError, model_of

    try:
        model = model_of(name, base_url=base_url, api_key=api_key, timeout=timeout)
    except ModelNameError as error:
        raise SettingsError(f"{error}.") from None
    budget = Budget(folder, tokens_a_day, lambda: clock.system().date())
    return Asker(model, KeptAnswers(folder), budget, timeout=timeout)
