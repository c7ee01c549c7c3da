"""Pages and mails use the words that readers know from other sites."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEMPLATES = sorted(p for p in (ROOT / "templates").rglob("*.*") if p.suffix in (".html", ".txt", ".mjml"))
# What stood in pages and mails, and what to write instead.
INSTEAD = {
    r"\bone press\b|press the button": "confirm, click, or the name of the action",
    r"slip of the finger|had a slip": "typos",
    r"quicker than people": "Please try once more",
    r"for nothing\b": "free",
    r"on the house|our present": "free, a gift from us",
    r"Start the mail again|The mail goes on": "Resubscribe, Welcome back",
    r"It holds from": "starting with your next issue",
    r"leave you in peace": "we won’t email you",
    r"works for ever": "never expires",
    r"with one word": "reply “hi”",
    r"wire copy only|nothing of their own": "reprinted a wire story",
    r"one happening": "the same event",
    r"Pass it on": "Share",
    r"Read them yourself": "Sources",
    r"How it came to this": "Earlier",
    r"look at your card|look at the card": "check your card details",
    r"stops the paying": "you stop paying",
    r"Cancel the payment": "Cancel subscription",
    r"Sign it out": "Sign out that device",
    r"Forget me|You are forgotten": "Delete my account",
    r"take your data along": "Download your data",
    r"trial is had": "one trial per address",
    r"scrambled mark|random word": "hashed, a random cookie ID",
    r"something wrong in it": "contained an error",
    r"what stood here": "this page was removed",
    r"To the front page": "Home",
    r"How it goes": "Metrics",
    r"The same as a table": "Show table",
    r"Keep these": "Save",
    r"no issue comes|No mail comes|is yours for": "we won’t email you, free",
}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda p: str(p.relative_to(ROOT / "templates")))
def test_a_template_says_it_in_natural_english(path: Path) -> None:
    text = re.sub(r"\{#.*?#\}", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    found = {said: better for said, better in INSTEAD.items() if re.search(said, text, re.IGNORECASE)}
    assert not found
