"""Text embeddings from a model behind an OpenAI-compatible ``/embeddings`` endpoint. They are optional.

Without a model, or while it does not answer, Articles are grouped by their words alone. A local model can be used through any
server with this protocol (llama.cpp, Ollama, vLLM, text-embeddings-inference).
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from newsletter import log
from newsletter.errors import NewsletterError, SettingsError
from newsletter.settings import Settings
from newsletter.stories.tfidf import Floats

BATCH = 128  # texts in one request
TIMEOUT = 30.0  # seconds of one request
TRIES = 3
_log = log.get("stories")


class EmbedderError(NewsletterError):
    """The model did not answer, or its answer cannot be used; the message is one sentence."""


class Embedder(Protocol):
    """Turns texts into vectors."""

    def embed(self, texts: Sequence[str]) -> Floats:
        """Return one vector of length 1 for each text, shape (texts, width). Raises :class:`EmbedderError`."""


@dataclass(frozen=True)
class OpenAIEmbedder:
    """Asks a server with OpenAI's protocol. An empty ``base_url`` means OpenAI itself."""

    model: str
    base_url: str = ""
    api_key: str = ""
    timeout: float = TIMEOUT

    def embed(self, texts: Sequence[str]) -> Floats:
        # Imported here because the import takes a second, and most installations use no model.
        import openai

        client = openai.OpenAI(
            base_url=self.base_url or None,
            api_key=self.api_key or "none",  # a local server needs none, but the client requires a value
            timeout=self.timeout,
            max_retries=TRIES - 1,
        )
        rows: list[list[float]] = []
        with client:
            for start in range(0, len(texts), BATCH):
                batch = [text or " " for text in texts[start : start + BATCH]]
                try:
                    answer = client.embeddings.create(model=self.model, input=batch, encoding_format="float")
                    items = sorted(answer.data, key=lambda one: one.index)
                    numbers = [one.index for one in items]
                    rows.extend([float(x) for x in one.embedding] for one in items)
                except openai.APIStatusError as error:
                    raise EmbedderError(f"The embedding model answered {error.status_code}.") from None
                except openai.OpenAIError as error:
                    raise EmbedderError(
                        f"The embedding model did not answer: {type(error).__name__}."
                    ) from None
                except (TypeError, ValueError, AttributeError):
                    raise EmbedderError("The embedding model's answer is not a list of vectors.") from None
                if numbers != list(range(len(batch))):
                    raise EmbedderError(
                        f"The embedding model answered {len(numbers)} vectors for {len(batch)} texts."
                    )
        return unit_rows(rows)


def unit_rows(rows: Sequence[Sequence[float]]) -> Floats:
    """Return the rows scaled to length 1. Raises :class:`EmbedderError` when their widths differ or a value is not finite."""
    if len({len(row) for row in rows}) > 1:
        raise EmbedderError("The embedding model's vectors differ in width.")
    table = np.array(rows, dtype=np.float64)
    if not np.isfinite(table).all():
        raise EmbedderError("The embedding model's vectors hold what is not a number.")
    if not table.size:
        return np.zeros((len(rows), 0))
    largest = np.abs(table).max(axis=-1, keepdims=True)
    table /= np.where(largest == 0, 1.0, largest)  # before squaring, which would overflow or underflow
    length = np.linalg.norm(table, axis=-1, keepdims=True)
    unit: Floats = table / np.where(length == 0, 1.0, length)
    return unit


@dataclass(frozen=True)
class CachedEmbedder:
    """An embedder that caches the vectors of its last call in a file, and asks ``inner`` only for the other texts.

    The file holds the vectors of the last call only, so it does not grow over the years.
    """

    inner: Embedder
    path: Path

    def embed(self, texts: Sequence[str]) -> Floats:
        cached = self._read()
        keys = [hashlib.sha256(text.encode()).hexdigest()[:32] for text in texts]
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in cached}
        if missing:
            fresh = self.inner.embed(list(missing.values()))
            widths = {len(v) for v in cached.values()}
            if widths and widths != {fresh.shape[1]}:  # the name now stands for another model
                cached = {}
                return self._write(keys, dict(zip(keys, self.inner.embed(texts), strict=True)))
            cached.update(zip(missing, fresh, strict=True))
        return self._write(keys, cached)

    def _write(self, keys: Sequence[str], cached: dict[str, Floats]) -> Floats:
        """Write the vectors of these keys to the file, and return them in order, in the precision of the file (float32)."""
        if not keys:
            return np.zeros((0, 0))
        table = np.array([cached[key] for key in keys]).astype(np.float32)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        part_file = self.path.with_suffix(f".{os.getpid()}.part")
        with part_file.open("wb") as file:
            np.savez(file, keys=np.array(keys), vectors=table)
        part_file.replace(self.path)
        return table.astype(np.float64)

    def _read(self) -> dict[str, Floats]:
        try:
            with np.load(self.path, allow_pickle=False) as stored:
                return dict(zip(stored["keys"].tolist(), stored["vectors"].astype(np.float64), strict=True))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            _log.warning("embedder.cache_unreadable", error=type(error).__name__)
            return {}


def uncached_embedder(settings: Settings) -> OpenAIEmbedder | None:
    """Return the embedder that ``EMBEDDING_MODEL`` names, or None when it is empty. Raises :class:`SettingsError`."""
    model = settings.EMBEDDING_MODEL
    if not model:
        return None
    base_url = settings.EMBEDDING_BASE_URL
    key = settings.EMBEDDING_API_KEY.get_secret_value()
    if not base_url and not key:
        raise SettingsError(
            "EMBEDDING_MODEL needs EMBEDDING_BASE_URL, or EMBEDDING_API_KEY for OpenAI itself."
        )
    return OpenAIEmbedder(model, base_url, key)


def make(settings: Settings) -> Embedder | None:
    """Return the same embedder with a cache under ``LLM_DIR``, because grouping asks for most texts again and again."""
    inner = uncached_embedder(settings)
    if inner is None:
        return None
    model_hash = hashlib.sha256(f"{inner.base_url}\n{inner.model}".encode()).hexdigest()[:12]
    return CachedEmbedder(inner, settings.LLM_DIR / f"vectors-{model_hash}.npz")
