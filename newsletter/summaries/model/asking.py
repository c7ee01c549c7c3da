"""One structured question to a language model: answers kept, budget, patience, timeout, and JSON where it has no tools."""

from __future__ import annotations

import asyncio
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_ai import Agent, PromptedOutput
from pydantic_ai.exceptions import ModelHTTPError, UnexpectedModelBehavior

from newsletter import log
from newsletter.summaries.model.budget import Budget, KeptAnswers, Patience
from newsletter.summaries.model.client import AskedModel
from newsletter.summaries.protocol import SummarizerError

TIMEOUT = 90.0  # seconds for one question, its retries included
RETRIES = 1  # of an answer that is not in the asked shape; the vendor's own client retries the connection
_log = log.get("summaries.model")
Shape = TypeVar("Shape", bound=BaseModel)


@dataclass(frozen=True)
class Asker:
    """Asks one model. May be used by several threads; all its Stories share the patience."""

    model: AskedModel
    answers: KeptAnswers
    budget: Budget
    timeout: float = TIMEOUT
    patience: Patience = field(default_factory=lambda: Patience(time.monotonic))
    # Set once the server was found to have no tools: from then on the answer is asked for as JSON text.
    has_no_tools: Event = field(default_factory=Event)

    def ask(self, shape: type[Shape], instructions: str, asked: str, *, most_tokens: int) -> Shape:
        """Return the model's answer, of at most ``most_tokens``. Raises SummarizerError when there is no usable one, or no budget."""
        form = json.dumps(shape.model_json_schema(), sort_keys=True)
        question = (self.model.vendor, self.model.base_url, self.model.name, form, instructions, asked)
        kept = self.answers.read(*question)
        if kept is not None:
            try:
                return shape.model_validate_json(kept)
            except ValidationError:  # kept by an older version of the program, so ask again
                pass
        if self.patience.is_out():
            raise SummarizerError(
                "the language model has not answered several times in a row; it is left alone a while"
            )
        once = tokens_of(instructions + form + asked)
        try:
            answer = self._answered(shape, instructions, asked, once=once, most_tokens=most_tokens)
            self.answers.keep(answer.model_dump_json(), *question)
        except OSError as error:
            raise SummarizerError(f"LLM_DIR cannot be written ({type(error).__name__})") from error
        return answer

    def _answered(
        self, shape: type[Shape], instructions: str, asked: str, *, once: int, most_tokens: int
    ) -> Shape:
        """Asked by tool call, then, of a server or model that does without, as JSON text."""
        for by_tool in (False,) if self.has_no_tools.is_set() else (True, False):
            most = (RETRIES + 1) * (once + most_tokens)
            if not self.budget.reserve(most):
                raise SummarizerError("today's budget for the language model is spent")
            began = time.monotonic()
            try:
                with ThreadPoolExecutor(1) as lane:  # the calling thread may have a loop of its own running
                    work = self._ask(shape, instructions, asked, by_tool=by_tool, most_tokens=most_tokens)
                    answer, told = lane.submit(asyncio.run, asyncio.wait_for(work, self.timeout)).result()
            except OSError:
                raise
            except Exception as error:
                # Three vendors' libraries raise many types; after any of them the Story is told extractively instead.
                # What it cost is unknown: the longest answer counts as spent, as often as one may have been given.
                asked_again = isinstance(error, UnexpectedModelBehavior)
                self.budget.settle(most, most if asked_again else most // (RETRIES + 1))
                if by_tool and (asked_again or _lacks_tools(error)):
                    continue
                self.patience.failed()
                raise SummarizerError(
                    f"the language model gave no usable answer ({type(error).__name__})"
                ) from error
            # A server that reports no tokens is not free, and one that reports a billion does not end the day.
            spent = min(most, max(told, (once + tokens_of(answer.model_dump_json())) // 2))
            self.budget.settle(most, spent)
            self.patience.answered()
            if not by_tool:
                self.has_no_tools.set()
            seconds = round(time.monotonic() - began, 1)
            _log.info("model.answered", shape=shape.__name__, tokens=spent, seconds=seconds)
            return answer
        raise AssertionError("the last way of asking returns or raises")

    async def _ask(
        self, shape: type[Shape], instructions: str, asked: str, *, by_tool: bool, most_tokens: int
    ) -> tuple[Shape, int]:
        """Return the answer, and the tokens it cost."""
        async with self.model.opened() as model:
            agent: Agent[Any, Shape] = Agent(
                model,
                output_type=shape if by_tool else PromptedOutput(shape),
                instructions=instructions,
                retries=RETRIES,
                model_settings={"max_tokens": most_tokens, "temperature": 0.0, "timeout": self.timeout},
            )
            answer = await agent.run(asked)
            return answer.output, answer.usage.input_tokens + answer.usage.output_tokens


def tokens_of(text: str) -> int:
    """About how many tokens a text is: a word of English is one or two, a letter of other scripts up to one."""
    return len(text.encode()) // 3


def _lacks_tools(error: Exception) -> bool:
    """Return whether the server refused the request because of its tools, as Ollama does for some models and llama.cpp without --jinja."""
    return (
        isinstance(error, ModelHTTPError) and error.status_code != 429 and "tool" in str(error.body).lower()
    )
