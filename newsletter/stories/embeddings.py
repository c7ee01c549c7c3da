"""Texts as vectors of meaning, by an embedding model behind an OpenAI-compatible ``/embeddings``: an optional help to grouping.

No model is needed: without one, or while it does not answer, Articles are grouped by their words alone. A local model is
reached the same way, through any server that speaks this protocol (llama.cpp, Ollama, vLLM, text-embeddings-inference).
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
    """The model could not be asked, or answered what cannot be used; the message is one clear sentence."""


class Embedder(Protocol):
    """Turns texts into vectors."""

    def embed(self, texts: Sequence[str]) -> Floats:
        """One row of length 1 for each text, all of the same width. Raises :class:`EmbedderError`."""


@dataclass(frozen=True)
class OpenAIEmbedder:
    """Asks a server that speaks OpenAI's protocol. ``base_url`` empty: OpenAI itself."""

    model: str
    base_url: str = ""
    api_key: str = ""
    timeout: float = TIMEOUT

    def embed(self, texts: Sequence[str]) -> Floats:
        # Imported here: it takes a second, and most never ask a model.
        import openai

        client = openai.OpenAI(
            base_url=self.base_url or None,
            api_key=self.api_key or "none",  # a local server asks for none; the client insists
            timeout=self.timeout,
            max_retries=TRIES - 1,
        )
        rows: list[list[float]] = []
        with client:
            for start in range(0, len(texts), BATCH):
                batch = [text or " " for text in texts[start : start + BATCH]]
                try:
                    answer = client.embeddings.create(model=self.model, input=batch, encoding_format="float")
                    said = sorted(answer.data, key=lambda one: one.index)
                    numbers = [one.index for one in said]
                    rows.extend([float(x) for x in one.embedding] for one in said)
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
        return unit(rows)


def unit(rows: Sequence[Sequence[float]]) -> Floats:
    """The same rows at length 1. Raises :class:`EmbedderError` when their widths differ or a number is none."""
    if len({len(row) for row in rows}) > 1:
        raise EmbedderError("The embedding model's vectors differ in width.")
    table = np.array(rows, dtype=np.float64)
    if not np.isfinite(table).all():
        raise EmbedderError("The embedding model's vectors hold what is not a number.")
    if not table.size:
        return np.zeros((len(rows), 0))
    largest = np.abs(table).max(axis=-1, keepdims=True)
    table /= np.where(largest == 0, 1.0, largest)  # first, for the squares of huge and tiny numbers are none
    length = np.linalg.norm(table, axis=-1, keepdims=True)
    made: Floats = table / np.where(length == 0, 1.0, length)
    return made


@dataclass(frozen=True)
class KeptVectors:
    """An embedder that asks only for texts it was not asked for the last time; what it knows lies in one file.

    The file holds the vectors of the last call alone, and so does not grow with the years.
    """

    inner: Embedder
    path: Path

    def embed(self, texts: Sequence[str]) -> Floats:
        known = self._read()
        keys = [hashlib.sha256(text.encode()).hexdigest()[:32] for text in texts]
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        if missing:
            asked = self.inner.embed(list(missing.values()))
            widths = {len(v) for v in known.values()}
            if widths and widths != {asked.shape[1]}:  # another model behind the same name
                known = {}
                return self._keep(keys, dict(zip(keys, self.inner.embed(texts), strict=True)))
            known.update(zip(missing, asked, strict=True))
        return self._keep(keys, known)

    def _keep(self, keys: Sequence[str], known: dict[str, Floats]) -> Floats:
        """Write the vectors of these texts, and give them in order, as exact as they are kept."""
        if not keys:
            return np.zeros((0, 0))
        table = np.array([known[key] for key in keys]).astype(np.float32)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        whole = self.path.with_suffix(f".{os.getpid()}.part")
        with whole.open("wb") as file:
            np.savez(file, keys=np.array(keys), vectors=table)
        whole.replace(self.path)
        return table.astype(np.float64)

    def _read(self) -> dict[str, Floats]:
        try:
            with np.load(self.path, allow_pickle=False) as kept:
                return dict(zip(kept["keys"].tolist(), kept["vectors"].astype(np.float64), strict=True))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            _log.warning("embedder.kept_unreadable", error=type(error).__name__)
            return {}


def asking(settings: Settings) -> OpenAIEmbedder | None:
    """The embedder that ``EMBEDDING_MODEL`` names, None when none is. Raises :class:`SettingsError`."""
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
    """The same for the newsroom, which asks about most texts again and again: it keeps the vectors under ``LLM_DIR``."""
    inner = asking(settings)
    if inner is None:
        return None
    mark = hashlib.sha256(f"{inner.base_url}\n{inner.model}".encode()).hexdigest()[:12]
    return KeptVectors(inner, settings.LLM_DIR / f"vectors-{mark}.npz")
