"""The summarizer that asks a language model, and believes nothing it says: every sentence passes the grounding gate.

Structured answers through pydantic-ai, from OpenAI, Anthropic, or any server that speaks OpenAI's protocol.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError
from pydantic_ai import Agent

from newsletter.newsroom.grounding import COPIED, examine, judge
from newsletter.newsroom.leans import SIDES
from newsletter.newsroom.summarizers.drafts import Draft, sentence_of, telling_of
from newsletter.newsroom.summarizers.extractive import Extractive
from newsletter.newsroom.summarizers.models import AskedModel
from newsletter.newsroom.summarizers.prompt import INSTRUCTIONS, chosen, prompt
from newsletter.newsroom.summarizers.protocol import ArticleText, SummarizerError
from newsletter.newsroom.summarizers.spending import Budget, KeptAnswers
from newsletter.newsroom.telling import Telling

TIMEOUT = 60.0  # seconds for one Story, its retries included
ANSWER_TOKENS = 2_500
RETRIES = 2  # of an answer that is not in the asked shape; and of the connection, by the vendor's own client


@dataclass(frozen=True)
class Llm:
    """Tells a Story in a model's words as far as the gate lets them stand. Implements ``Summarizer``."""

    model: AskedModel
    answers: KeptAnswers
    budget: Budget
    timeout: float = TIMEOUT
    name: str = "llm"

    def tell(self, articles: Sequence[ArticleText]) -> Telling:
        """The Story's words. Raises SummarizerError when the model gives nothing that may stand, or the budget is spent."""
        shown = chosen(articles)
        if not shown:
            raise SummarizerError("there is no article to tell the story from")
        return grounded(self._draft(prompt(shown)), shown, articles)

    def _draft(self, asked: str) -> Draft:
        kept = self.answers.read(self.model.name, INSTRUCTIONS, asked)
        if kept is not None:
            try:
                return Draft.model_validate_json(kept)
            except ValidationError:  # kept by an older version of the program: ask anew
                pass
        if self.budget.left() <= 0:
            raise SummarizerError("today's budget for the language model is spent")
        try:
            answer, tokens = asyncio.run(self._ask(asked))
        except Exception as error:
            # Three vendors' libraries raise what they like; whatever it was, the Story is told extractively instead.
            # What it cost is not known: the longest answer is noted, so that a lying server cannot make it endless.
            self.budget.spend(ANSWER_TOKENS + len(asked) // 4)
            raise SummarizerError(
                f"the language model gave no usable answer ({type(error).__name__})"
            ) from error
        self.budget.spend(max(1, tokens))
        self.answers.keep(answer.model_dump_json(), self.model.name, INSTRUCTIONS, asked)
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
            answer = await agent.run(asked, timeout=self.timeout)
            return answer.output, answer.usage.input_tokens + answer.usage.output_tokens


def grounded(draft: Draft, shown: Sequence[ArticleText], articles: Sequence[ArticleText]) -> Telling:
    """What of the Draft may stand. What a Story must have and the model did not give comes from the outlets' own sentences."""
    told = examine(telling_of(draft, shown), articles, max_copied=COPIED).telling
    if not told.lede or not told.overview:
        raise SummarizerError("too little of the language model's words is carried by the articles")
    own = Extractive().tell(articles)
    headline = sentence_of(draft.headline, shown)
    _, refused = judge(headline, {a.id: a for a in articles})
    summaries = (told.summary(side) or own.summary(side) for side in SIDES)
    return replace(
        told,
        headline=own.headline if refused or not headline.text else headline.text.rstrip("."),
        summaries=tuple(s for s in summaries if s is not None),
        analysis=told.analysis or own.analysis,
        questions=told.questions or own.questions,
        side_words=own.side_words,
    )
