"""``evaluate sheet`` and ``marks``: blind reading of our texts beside others.

A sheet shows several texts of each Story under letters in random order, all in one plain form, so that a reader cannot tell where a
text comes from. Readers mark each text; ``marks`` combines their marks with the key.
"""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from newsletter import db
from newsletter.cli import opening
from newsletter.feeds.leans import Side
from newsletter.lab.evaluate.jsonlines import RowsError, read_rows, text_of
from newsletter.summaries import summarize
from newsletter.summaries.extractive.summarizer import Extractive
from newsletter.summaries.protocol import ArticleText
from newsletter.summaries.story_text import RowKind, Sentence, StoryText, from_json

MARKS = ("reads", "sides", "useful")  # marks are 1 to 10
_ROW_LABELS = {
    RowKind.NOT_DISPUTED: "Not disputed",
    RowKind.LEFT_STRESSES: "Left outlets stress",
    RowKind.RIGHT_STRESSES: "Right outlets stress",
    RowKind.NEXT: "Next",
}
HOW_TO_MARK = """\
# Blind reading

For each text give three marks from 1 (bad) to 10 (excellent): **reads** (coherent, natural, economical), **sides** (do I learn how left
and right differ, fairly), **useful** (would I pay for it, would I print it); its rank among the texts of its Story (1 is best); and its plain
faults (repeats, wrong answer, false agreement, no difference, junk, stale, unfair). Answer as JSON lines, one a text:
{"story": 1, "letter": "A", "reads": 7, "sides": 5, "useful": 6, "rank": 1, "faults": ["repeats"]}
"""


@dataclass(frozen=True)
class Text:
    """The text of one Story from one source, in the sheet's plain form. ``source`` is only in the key."""

    story: str
    source: str
    words: str


@click.command()
@click.option(
    "--set",
    "path",
    type=click.Path(path_type=Path),
    help="FILE.jsonl of {story, now, articles: [{n, outlet, side, headline, text, published}], optional answer}.",
)
@click.option("--database", is_flag=True, help="The Stories that DATABASE_URL holds words for.")
@click.option(
    "--beside",
    type=click.Path(path_type=Path),
    help="FILE.jsonl of {story, title, left, center, right: [bullets]}.",
)
@click.option("--seed", default=1, show_default=True, help="Of the order of the letters.")
@click.option("--most", default=18, show_default=True, help="Stories at most.")
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="Folder for sheet.md and key.json."
)
def sheet(path: Path | None, database: bool, beside: Path | None, seed: int, most: int, out: Path) -> None:
    """Write a sheet for blind reading to OUT/sheet.md, and which letter is whose to OUT/key.json.

    Texts are ours, the answers of a good writer where the set has them, and those of --beside for the same stories.
    """
    if (path is None) == (not database):
        raise click.UsageError("Give either --set FILE or --database.")
    texts = list(_of_set(path)) if path is not None else list(_of_database())
    if beside is not None:
        texts += list(_of_bullets(beside))
    stories = [s for s, n in Counter(t.story for t in texts).items() if n > 1 or beside is None]
    ours = [s for s in stories if any(t.story == s and t.source == "ours" for t in texts)][:most]
    if not ours:
        raise RowsError("There is no story to read: none of the rows can be told.")
    written, key = _written(ours, texts, random.Random(seed))  # noqa: S311 - an order of letters, no secret
    out.mkdir(parents=True, exist_ok=True)
    (out / "sheet.md").write_text(written, encoding="utf-8")
    (out / "key.json").write_text(json.dumps(key, indent=1) + "\n", encoding="utf-8")
    click.echo(json.dumps({"stories": len(ours), "texts": sum(len(k) - 1 for k in key.values())}))


@click.command()
@click.argument("key", type=click.Path(path_type=Path))
@click.argument("marks", nargs=-1, required=True, type=click.Path(path_type=Path))
def marks(key: Path, marks: tuple[Path, ...]) -> None:
    """Read marks (JSON lines, one file a reader) back against KEY; print means, first places and faults by source as JSON.

    "before" counts, of the readings in which both stand, those that rank ours before the other.
    """
    letters: dict[str, dict[str, str]] = json.loads(key.read_text(encoding="utf-8"))
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    faults: dict[str, Counter[str]] = defaultdict(Counter)
    ranks: dict[tuple[Path, str], dict[str, float]] = defaultdict(dict)
    for path in marks:
        for line, row in read_rows(path):
            story, letter = str(row.get("story")), str(row.get("letter"))
            source = letters.get(story, {}).get(letter)
            if source is None or not all(isinstance(row.get(m), int | float) for m in (*MARKS, "rank")):
                raise RowsError(f"{path}, line {line}: no such text, or a mark is missing.")
            for mark in MARKS:
                found[source][mark].append(float(row[mark]))
            faults[source].update(str(f) for f in row.get("faults") or ())
            ranks[path, story][source] = float(row["rank"])
    result: dict[str, Any] = {}
    for source, given in sorted(found.items()):
        result[source] = {m: round(sum(v) / len(v), 2) for m, v in given.items()}
        result[source] |= {"readings": len(given["reads"]), "faults": dict(faults[source])}
        result[source]["first"] = sum(
            min(r, key=lambda s: r[s]) == source for r in ranks.values() if source in r
        )
    both = [
        (r["ours"], r[other]) for r in ranks.values() for other in r if other == "product" and "ours" in r
    ]
    result["before"] = {"product": sum(a < b for a, b in both), "of": len(both)}
    click.echo(json.dumps(result))


def _written(
    stories: Sequence[str], texts: Sequence[Text], order: random.Random
) -> tuple[str, dict[str, dict[str, str]]]:
    """Return the sheet, and for each Story's number the source of each letter."""
    parts, key = [HOW_TO_MARK], {}
    for number, story in enumerate(stories, start=1):
        own = sorted((t for t in texts if t.story == story), key=lambda t: t.source)
        order.shuffle(own)
        parts.append(f"\n# Story {number}\n")
        key[str(number)] = {chr(65 + n): t.source for n, t in enumerate(own)} | {"story": story}
        parts += [f"\n## Text {chr(65 + n)}\n\n{t.words.strip()}\n" for n, t in enumerate(own)]
    return "\n".join(parts), key


def _of_set(path: Path) -> Iterator[Text]:
    for line, row in read_rows(path):
        name = text_of(row, "story", path=path, line=line)
        try:
            articles, now = [_article(a) for a in row["articles"]], _time(row["now"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise RowsError(
                f"{path}, line {line}: a row needs now and articles of {{n, outlet, side, headline, text, published}}"
                f" ({type(error).__name__}: {error})."
            ) from error
        told = summarize.told(Extractive(), articles, now=now)
        if told is not None:
            yield Text(name, "ours", plain(told[0], {a.id: a.outlet for a in articles}))
        if row.get("answer"):
            yield Text(name, "writer", _answer(row["answer"], {a.id: a for a in articles}))


def _of_database() -> Iterator[Text]:
    settings = opening.open_settings()
    sessions = db.make_sessions(db.make_engine(settings.DATABASE_URL))
    with db.reading(sessions) as session:
        for slug, words, outlets in summarize.newest_texts(session):
            yield Text(slug, "ours", plain(from_json(words), outlets))


def _of_bullets(path: Path) -> Iterator[Text]:
    for line, row in read_rows(path):
        parts = [f"**{text_of(row, 'title', path=path, line=line)}**"]
        for side in ("left", "center", "right"):
            if row.get(side):
                parts.append("\n".join([f"{side.capitalize()}:", *(f"- {b}" for b in row[side])]))
        yield Text(text_of(row, "story", path=path, line=line), "product", "\n\n".join(parts))


def plain(story: StoryText, outlets: Mapping[int, str]) -> str:
    """Return the Story in the sheet's form. ``outlets`` names the Outlet of each Article."""

    def line(sentence: Sentence) -> str:
        names = dict.fromkeys(outlets.get(c.article_id, "") for c in sentence.citations)
        return f"- {sentence.text} ({', '.join(filter(None, names))})"

    parts = [f"**{story.headline}**", " ".join(s.text for s in (*story.lede, *story.overview))]
    if story.headlines:
        shown = [
            f"- {h.side.value.capitalize()}: “{_marked(h.text, h.marked)}” ({outlets.get(h.article_id, '')})"
            for h in story.headlines
        ]
        parts.append(
            "\n".join(["Same event, two headlines (underlined: words only that side uses):", *shown])
        )
    for row in story.rows:
        label = _ROW_LABELS.get(row.kind) or f"Only the {row.side.value if row.side else 'one side'} reports"
        parts.append("\n".join([f"{label}:", *map(line, row.sentences)]))
    parts += [f"“{q.words}” — {q.speaker} ({outlets.get(q.citation.article_id, '')})" for q in story.quotes]
    for question in story.questions:
        parts.append("\n".join([f"Q: {question.question}", *map(line, question.answer)]))
    return "\n\n".join(filter(None, parts))


def _marked(text: str, marked: Sequence[tuple[int, int]]) -> str:
    for start, end in reversed(marked):
        text = f"{text[:start]}_{text[start:end]}_{text[end:]}"
    return text


def _answer(answer: Mapping[str, Any], articles: Mapping[int, ArticleText]) -> str:
    """Return a good writer's answer in the same form."""

    def lines(rows: Sequence[Mapping[str, Any]]) -> list[str]:
        return [f"- {r['text']}" for r in rows]

    parts = [
        f"**{answer['headline']['text']}**",
        " ".join(s["text"] for s in (*answer["lede"], *answer["overview"])),
    ]
    picked = (
        [(side, articles.get(answer["headlines"].get(side))) for side in ("left", "right")]
        if answer.get("headlines")
        else []
    )
    if shown := [f"- {side.capitalize()}: “{a.headline}” ({a.outlet})" for side, a in picked if a]:
        parts.append("\n".join(["Same event, two headlines:", *shown]))
    for label, rows in (
        ("Not disputed", answer.get("not_disputed", ())),
        ("Left outlets stress", answer["sides"].get("left", {}).get("sentences", ())),
        ("Right outlets stress", answer["sides"].get("right", {}).get("sentences", ())),
        ("They differ", answer.get("differ", ())),
        ("Next", answer.get("next", ())),
    ):
        if rows:
            parts.append("\n".join([f"{label}:", *lines(rows)]))
    for q in answer.get("questions", ()):
        parts.append("\n".join([f"Q: {q['question']}", *lines(q["answer"])]))
    return "\n\n".join(parts)


def _article(row: Mapping[str, Any]) -> ArticleText:
    side = Side(row["side"]) if row.get("side") in {s.value for s in Side} else None
    return ArticleText(
        row["n"], row["outlet"], side, row["headline"], row.get("text") or "", _time(row["published"])
    )


def _time(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
