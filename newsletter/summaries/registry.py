"""Which summarizer writes the shortlist. Every other Story is told by the extractive one."""

from __future__ import annotations

from newsletter import clock
from newsletter.errors import SettingsError
from newsletter.settings import Settings
from newsletter.summaries.protocol import Summarizer

MODEL = "llm"  # StoryRevision.written_by of what a model wrote


def has_model(settings: Settings) -> bool:
    """A model writes the shortlist: SUMMARIZER=llm, or auto with LLM_MODEL set."""
    return settings.SUMMARIZER == "llm" or (settings.SUMMARIZER == "auto" and bool(settings.LLM_MODEL))


def model_writer(settings: Settings) -> Summarizer | None:
    """The model that writes the shortlist with the one that judges it; None when none is configured.

    Raises :class:`SettingsError` when a name cannot be asked.
    """
    if not has_model(settings):
        return None
    # Imported here: a model's clients take seconds to load, and most processes never ask one.
    from newsletter.summaries.model.asking import Asker
    from newsletter.summaries.model.budget import Budget, KeptAnswers
    from newsletter.summaries.model.client import ModelNameError, model_of
    from newsletter.summaries.model.judge import Judge
    from newsletter.summaries.model.writer import Llm

    if not settings.LLM_MODEL:
        raise SettingsError("SUMMARIZER=llm needs LLM_MODEL, such as openai:NAME.")
    answers = KeptAnswers(settings.LLM_DIR)
    budget = Budget(settings.LLM_DIR, settings.LLM_DAILY_TOKENS, lambda: clock.system().date())

    def asker(name: str) -> Asker:
        try:
            model = model_of(
                name,
                base_url=settings.LLM_BASE_URL,
                api_key=settings.LLM_API_KEY.get_secret_value(),
                timeout=settings.LLM_TIMEOUT,
            )
        except ModelNameError as error:
            raise SettingsError(f"{error}.") from None
        return Asker(model, answers, budget, timeout=settings.LLM_TIMEOUT)

    writer = asker(settings.LLM_MODEL)
    judge = asker(settings.JUDGE_MODEL) if settings.JUDGE_MODEL else writer
    return Llm(writer, Judge(judge))
