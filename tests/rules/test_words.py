"""No word that the glossary says to avoid is the name of a class, function, table or file."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from newsletter.db.models import Base

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "newsletter"
GLOSSARY = (PACKAGE / "GLOSSARY.md").read_text()
# Words of the avoid column that are fine in another sense, each with the reason.
ALLOWED = {
    "document": "a feed document is a file, not an Article",
    "title": "HTML's and RSS's own word at the edge",
    "abstract": "Python's word",
    "item": "dict.items(), RSS at the edge",
    "post": "the HTTP method",
    "version": "of programs and wordings",
    "view": "a Flask view; StoryView is what a reader sees",
    "hit": "not used alone",
    "queue": "a verb: notify.queue",
    "send": "the provider's verb",
    "sent": "state words are checked by the models' own constraints",
    "response": "HTTP's word",
    "lock": "databases lock",
    "party": "part of 'third party'",
    "perspective": "not used alone",
    "demo": "part of longer words",
    "grace": "past_due has a grace; a Trial has none",
    "tier": "not used alone",
    "role": "HTML's role attribute",
    "draft": "an Issue's state",
    "duplicate": "a provider's event may come twice",
    "update": "SQL's and dict's word",
    "session": "SQLAlchemy's word",
    "console": "rich's word",
    "dummy": "not used",
    "options": "HTML's and click's word",
    "timeline": "not used",
    "related": "not used",
    "verify": "cryptography verifies; readers confirm",
    "activate": "not used",
    "validation": "a library's word",
    "lint": "the tool's name",
    "block": "a Check's level",
    "claim": "the ledger's own word",
    "segment": "syntok's word for splitting text",
    "event": "checked as a bare name only",
    "plan": "not used alone",
    "contact": "security.txt's field",
    "abuse": "not used",
    "ban": "not used",
    "channel": "RSS's own element",
    "source": "checked below in class names only: HTML and RSS use it",
    "processing": "not used",
    "job": "Procrastinate's own word",
    "brief": "not used",
    "digest": "a hash's digest",
    "placeholder": "an HTML attribute",
    "user": "HTTP's User-Agent",
}


def _avoid() -> set[str]:
    """The last column of every table row that names a word in bold."""
    words: set[str] = set()
    for line in GLOSSARY.splitlines():
        cells = [c.strip() for c in line.strip().strip("|").split("|")]
        if line.startswith("|") and len(cells) == 3 and "**" in cells[0]:
            cleaned = re.sub(r"\([^)]*\)|\"[^\"]*\"|`[^`]*`|bare ", "", cells[2])
            words |= {
                w.strip().lower()
                for w in re.split(r"[,/]", cleaned)
                if re.fullmatch(r"[a-z][a-z ]+", w.strip())
            }
    return words


AVOID = {w.replace(" ", "_") for w in _avoid()} - set(ALLOWED)
# Commands whose names the contract fixes (DESIGN §6): this function in this file and no other.
IN_THE_CONTRACT = {("newsletter/lab/evaluate/commands.py", "clusters")}
NO_DRAWERS = {"utils", "util", "helpers", "helper", "common", "misc", "manager"}


@cache
def _parts(name: str) -> set[str]:
    """snake_case and CamelCase names as their lower-case words, singular."""
    words = {w.lower() for w in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}
    return words | {w.removesuffix("s") for w in words} | {w.removesuffix("es") for w in words}


@cache  # the same tree for every word
def _names() -> list[tuple[str, str]]:
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        where = str(path.relative_to(ROOT))
        found.append((where, path.stem))
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                found.append((f"{where}:{node.lineno}", node.name))
    return [*found, *((f"table {name}", name) for name in Base.metadata.tables)]


def test_the_glossary_names_words_to_avoid() -> None:
    assert {"bias", "config", "membership", "mailer", "stance"} <= AVOID


@pytest.mark.parametrize("word", sorted(AVOID | NO_DRAWERS))
def test_no_avoided_word_is_used_as_a_name(word: str) -> None:
    # A Message has a reference, which the provider repeats in its Receipt and its events.
    exempt = {"reference": "newsletter/delivery/"}
    bad = [
        f"{where} {name}"
        for where, name in _names()
        if word in _parts(name)
        and not where.startswith(exempt.get(word, "\0"))
        and (where.partition(":")[0], name) not in IN_THE_CONTRACT
    ]
    assert not bad, f"'{word}' is a word to avoid (GLOSSARY.md): {bad}"


# Names that use such a word as the field does.
IN_THE_FIELDS_SENSE = {
    "HALF_LIFE": "of something that decays by halves",
    "_porter": "Porter's stemmer",
    "_AROUND": "what stands on both sides of a text",
    "_AROUND_SIGN": "what stands on both sides of a sign",
}


def _not_ours() -> set[str]:
    """The left column of the table of words that give way to the field's."""
    table = GLOSSARY.partition("| Not | Use |\n|---|---|\n")[2]
    rows = [line.split("|") for line in table.splitlines() if line.startswith("|")]
    return {word.strip() for row in rows for word in row[1].split(",")}


@cache
def _more_names() -> list[tuple[str, str]]:
    """Folders, fields of classes and constants of modules."""
    found = sorted({(str(p.parent.relative_to(ROOT)), p.parent.name) for p in PACKAGE.rglob("*.py")})
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text())
        bodies = [tree.body, *(n.body for n in ast.walk(tree) if isinstance(n, ast.ClassDef))]
        for node in (n for body in bodies for n in body):
            targets = node.targets if isinstance(node, ast.Assign) else []
            targets = [node.target] if isinstance(node, ast.AnnAssign) else targets
            named = [n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)]
            found += [(f"{path.relative_to(ROOT)}:{node.lineno}", name) for name in named]
    return found


def test_the_table_of_the_fields_words_is_read() -> None:
    assert {"wish", "knock", "porter", "newsroom"} <= _not_ours()


@pytest.mark.parametrize("word", sorted(_not_ours()))
def test_the_fields_word_is_used_and_not_ours(word: str) -> None:
    bad = [
        f"{where} {name}"
        for where, name in [*_names(), *_more_names()]
        if word in _parts(name) and name not in IN_THE_FIELDS_SENSE
    ]
    assert not bad, f"'{word}' gives way to the field's word (end of GLOSSARY.md): {bad}"
