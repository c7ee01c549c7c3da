"""The summarizer that asks a language model, and believes nothing it says: every sentence passes the check of hard facts.

Structured answers through pydantic-ai, from OpenAI, Anthropic, or any server that speaks OpenAI's protocol.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from pydantic_ai import Agent
from pydantic_ai.exceptions import UnexpectedModelBehavior

from newsletter.summaries.extractive.summarizer import Extractive
from newsletter.summaries.grounding.hard_facts import checked, refusal
from newsletter.summaries.model.budget import Budget, KeptAnswers, Patience
from newsletter.summaries.model.client import AskedModel
from newsletter.summaries.model.prompt import INSTRUCTIONS, chosen, prompt
from newsletter.summaries.model.schema import Draft, once_only, sentence_of, story_of
from newsletter.summaries.protocol import ArticleText, SummarizerError
from newsletter.summaries.story_text import StoryText

TIMEOUT = 60.0  # seconds for one Story, its retries included
ANSWER_TOKENS = 2_500
SHAPE = json.dumps(Draft.model_json_schema(), sort_keys=True)
RETRIES = 2  # of an answer that is not in the asked shape; and of the connection, by the vendor's own client


@dataclass(frozen=True)
class Llm:
    """Tells a Story in a model's words as far as the gate lets them stand. Implements ``Summarizer``."""

    model: AskedModel
    answers: KeptAnswers
    budget: Budget
    timeout: float = TIMEOUT
    name: str = "llm"
    patience: Patience = field(default_factory=lambda: Patience(time.monotonic))

    def tell(self, articles: Sequence[ArticleText], *, now: datetime) -> StoryText:
        """The Story's words. Raises SummarizerError when the model gives nothing that may stand, or the budget is spent."""
        shown = chosen(articles)
        if not shown:
            raise SummarizerError("there is no article to tell the story from")
        return grounded(self._draft(prompt(shown)), shown, articles, now=now)

    def _draft(self, asked: str) -> Draft:
        question = (self.model.vendor, self.model.base_url, self.model.name, SHAPE, INSTRUCTIONS, asked)
        kept = self.answers.read(*question)
        if kept is not None:
            try:
                return Draft.model_validate_json(kept)
            except ValidationError:  # kept by an older version of the program: ask anew
                pass
        if self.patience.is_out():
            raise SummarizerError(
                "the language model has not answered several times in a row; it is left alone a while"
            )
        once = tokens_of(INSTRUCTIONS + SHAPE + asked)
        most = (RETRIES + 1) * (once + ANSWER_TOKENS)
        try:
            if not self.budget.reserve(most):
                raise SummarizerError("today's budget for the language model is spent")
            answer, told = self._answered(asked, most)
            # Neither does a server that reports no tokens make it endless, nor one that reports a billion end the day.
            spent = min(most, max(told, (once + tokens_of(answer.model_dump_json())) // 2))
            self.budget.settle(most, spent)
            self.answers.keep(answer.model_dump_json(), *question)
        except OSError as error:
            raise SummarizerError(f"LLM_DIR cannot be written ({type(error).__name__})") from error
        return answer

    def _answered(self, asked: str, most: int) -> tuple[Draft, int]:
        """The answer and the tokens it is said to have cost. Raises SummarizerError."""
        try:
            with ThreadPoolExecutor(1) as lane:  # whoever calls may have a loop of their own running
                answer = lane.submit(asyncio.run, asyncio.wait_for(self._ask(asked), self.timeout)).result()
        except Exception as error:
            # Three vendors' libraries raise what they like; whatever it was, the Story is told extractively instead.
            # What it cost is not known: the longest answer is taken for spent, as often as one may have been given.
            asked_again = isinstance(error, UnexpectedModelBehavior)
            self.budget.settle(most, most if asked_again else most // (RETRIES + 1))
            self.patience.failed()
            raise SummarizerError(
                f"the language model gave no usable answer ({type(error).__name__})"
            ) from error
        self.patience.answered()
        return answer

    async def _ask(self, asked: str) -> tuple[Draft, int]:
        """The answer, and the tokens it cost."""
        async with self.model.opened() as model:
            agent: Agent[Any, Draft] = Agent(
                model,
                output_type=Draft,
                instructions=INSTRUCTIONS,
                retries=RETRIES,
                model_settings={"max_tokens": ANSWER_TOKENS, "temperature": 0.0, "timeout": self.timeout},
            )
            answer = await agent.run(asked)
            return answer.output, answer.usage.input_tokens + answer.usage.output_tokens


def tokens_of(text: str) -> int:
    """About how many tokens a text is: a word of English is one or two, a letter of other scripts up to one."""
    return len(text.encode()) // 3


def grounded(
    draft: Draft, shown: Sequence[ArticleText], articles: Sequence[ArticleText], *, now: datetime
) -> StoryText:
    """What of the Draft may stand. What a Story must have and the model did not give comes from the outlets' own sentences.

    Raises SummarizerError when neither a lede nor an overview is left.
    """
    told, _ = checked(once_only(story_of(draft, shown)), articles)
    if not told.lede or not told.overview:
        raise SummarizerError("too little of the language model's words is carried by the articles")
    own = Extractive().tell(articles, now=now)
    headline = sentence_of(draft.headline, shown)
    refused = refusal(headline, {a.id: a for a in articles})
    return replace(
        told,
        headline=own.headline if refused or not headline.text else headline.text.rstrip("."),
        kind=own.kind,
        headlines=own.headlines,
    )
