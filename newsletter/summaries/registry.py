"""The summarizers by name. See protocol.py for what each promises."""

from __future__ import annotations

from collections.abc import Callable

from newsletter import clock
from newsletter.errors import SettingsError
from newsletter.settings import Settings
from newsletter.summaries.extractive.summarizer import Extractive
from newsletter.summaries.protocol import Summarizer


def _extractive(settings: Settings) -> Summarizer:
    return Extractive()


def _llm(settings: Settings) -> Summarizer:
    # Imported here: a model's clients take seconds to load, and most never ask one.
    from newsletter.summaries.model.budget import Budget, KeptAnswers
    from newsletter.summaries.model.client import ModelNameError, model_of
    from newsletter.summaries.model.writer import TIMEOUT, Llm

    if not settings.LLM_MODEL:
        raise SettingsError("SUMMARIZER=llm needs LLM_MODEL, such as openai:NAME.")
    try:
        model = model_of(
            settings.LLM_MODEL,
            base_url=settings.LLM_BASE_URL,
            api_key=settings.LLM_API_KEY.get_secret_value(),
            timeout=TIMEOUT,
        )
    except ModelNameError as error:
        raise SettingsError(f"{error}.") from None
    folder = settings.LLM_DIR
    return Llm(
        model,
        answers=KeptAnswers(folder),
        budget=Budget(folder, settings.LLM_DAILY_TOKENS, lambda: clock.system().date()),
    )


SUMMARIZERS: dict[str, Callable[[Settings], Summarizer]] = {"extractive": _extractive, "llm": _llm}


def make(settings: Settings) -> Summarizer:
    """The summarizer that ``SUMMARIZER`` names. Raises :class:`SettingsError` when it lacks what it needs."""
    known = SUMMARIZERS.get(settings.SUMMARIZER)
    if known is None:
        names = " or ".join(SUMMARIZERS)
        raise SettingsError(f"SUMMARIZER={settings.SUMMARIZER} is not available yet; use {names}.")
    return known(settings)
