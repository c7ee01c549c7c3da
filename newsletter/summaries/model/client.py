"""From ``LLM_MODEL`` and its neighbours to a model that can be asked. The vendors' own clients retry and time out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from anthropic import AsyncAnthropic
from openai import AsyncOpenAI
from pydantic_ai.models import Model
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider

RETRIES = 2  # 429, 5xx and broken connections, with the server's Retry-After honoured


class ModelNameError(ValueError):
    """``LLM_MODEL`` names nothing we can ask."""


@dataclass(frozen=True)
class AskedModel:
    """A model by vendor and name, and how to reach it. Each asking opens its own connections and closes them."""

    vendor: str
    name: str
    base_url: str
    api_key: str
    timeout: float  # seconds of one request

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Model]:
        """The model, ready to be asked."""
        open_model = _openai if self.vendor == "openai" else _anthropic
        model, client = open_model(self)
        async with client:
            yield model


def model_of(name: str, *, base_url: str, api_key: str, timeout: float) -> AskedModel:
    """``openai:…`` and ``anthropic:…``; with a ``base_url`` and no vendor before the colon, OpenAI's protocol is spoken there.

    Raises :class:`ModelNameError`.
    """
    vendor, _, rest = name.partition(":")
    if vendor in ("openai", "anthropic") and rest:
        return AskedModel(vendor, rest, base_url, api_key, timeout)
    if name and base_url:
        return AskedModel("openai", name, base_url, api_key, timeout)
    raise ModelNameError(
        f"LLM_MODEL='{name}' names no model: write openai:NAME or anthropic:NAME, or any NAME together with LLM_BASE_URL"
    )


def _openai(asked: AskedModel) -> tuple[Model, AsyncOpenAI]:
    client = AsyncOpenAI(
        base_url=asked.base_url or None,
        api_key=asked.api_key or "none",
        timeout=asked.timeout,
        max_retries=RETRIES,
    )
    return OpenAIChatModel(asked.name, provider=OpenAIProvider(openai_client=client)), client


def _anthropic(asked: AskedModel) -> tuple[Model, AsyncAnthropic]:
    client = AsyncAnthropic(
        base_url=asked.base_url or None,
        api_key=asked.api_key or "none",
        timeout=asked.timeout,
        max_retries=RETRIES,
    )
    return AnthropicModel(asked.name, provider=AnthropicProvider(anthropic_client=client)), client
