"""What mail programs and filters make of our mail, asked of those who know: npm's MJML, caniemail.com's tables, SpamAssassin.

``make test`` fetches the three; where one cannot be had its tests are skipped and say so.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from datetime import UTC, datetime
from email import message_from_bytes
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest

from newsletter.delivery.mail import headers, slots, templates
from newsletter.delivery.mail.messages import Message, Template
from newsletter.issues.checks.color_contrast import poor_contrasts
from newsletter.issues.checks.mailed_page import read_page, reading_words
from newsletter.issues.reading_time import LONGEST_READ, seconds_for
from newsletter.issues.render import render
from newsletter.issues.renditions import KINDS, LARGEST
from newsletter.links import Links
from newsletter.settings import Settings
from tests.issues.issue_values import issue
from tests.issues.longest_issue import longest_issue

SETTINGS = Settings(
    _env_file=None,
    SITE_URL="https://evenhand.example",
    POSTAL_ADDRESS="Evenhand, 1 Quay Street, Port Ellery",
    MAIL_FROM="Evenhand <morning@evenhand.example>",
)
LINKS = Links(SETTINGS.SITE_URL)
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
TOLD = {
    "confirm": {"again": True},
    "trial_ending": {"days_left": 0},
    "receipt": {"amount": "$5.00", "paid_on": "Monday, 2 March 2026", "paid_until": "Thursday, 2 April 2026"},
    "correction": {
        "issued_on": "Monday, 2 March 2026",
        "headline": "A headline",
        "paragraphs": ("It was 53.",),
    },
    "cancelled": {"until": "Thursday, 2 April 2026"},
    "alert": {"what": "The issue of March 2 is held.", "where": "the issue"},
}
MAILS = (*KINDS, *templates.NOTICE_VALUES)
JUDGES = Path(__file__).parents[1] / "mailboxes"
NPM = JUDGES / "node_modules" / ".bin" / "mjml"
needs_npm = pytest.mark.skipif(
    not (NPM.exists() and shutil.which("node")),
    reason="npm's mjml and caniemail are not installed: `make judges` fetches them where node and npm are",
)
needs_spamassassin = pytest.mark.skipif(
    not shutil.which("spamassassin"),
    reason="SpamAssassin is not installed: `make judges` installs Debian's package",
)
JUNK = b"XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"  # what every filter must find
MOST_SPAM = 1.0  # points; a mailbox takes 5 for spam

# What one program or another does not understand, and why nothing is lost by it.
_NO_STYLES = "without the head's styles everything is drawn by inline styles; only the narrow margins and dark colours go"
HARMLESS = {
    ":hover": "links are underlined without it",
    "<body> element": "its background is repeated by the outermost cell",
    "<style> element": _NO_STYLES,
    "@media": _NO_STYLES,
    "Attribute selector": "Outlook's own mark of dark mode, which only Outlook knows",
    "Chaining selectors": _NO_STYLES,
    "Child combinator": _NO_STYLES,
    "Class selector": _NO_STYLES,
    "Descendant combinator": _NO_STYLES,
    "ID selector": "MJML's own rule for Outlook on the web",
    "Type selector": _NO_STYLES,
    "aria-label attribute": "MJML's own; the language of the page is declared as well",
    "border-radius": "corners of buttons become square",
    "color-scheme CSS property": "the program darkens or leaves us as it will; both were looked at",
    "color-scheme meta tag": "the same",
    "cursor": "MJML's own, on buttons that are links",
    "display:none": "the preheader, one line of news, is then read at the top",
    "max-height property": "of the preheader, which is hidden by display and mso-hide as well",
    "outline": "MJML's own rule for pictures, of which there are none",
    "overflow": "of the preheader, which is hidden by display and mso-hide as well",
    "role attribute": "a screen reader may call a layout table a table",
    "target attribute": "mail programs open links outside anyway",
    "white-space": "a line may break inside a count",
    "word-break": "long addresses stand only in links, never as text",
    "word-spacing": "MJML's own reset for Outlook",
}


@cache
def words(kind: str) -> templates.Words:
    if kind in KINDS:
        return render.issue_words(issue(), kind, settings=SETTINGS, links=LINKS)  # type: ignore[arg-type]
    return templates.notice_words(kind, TOLD.get(kind, {}), settings=SETTINGS, links=LINKS)


@cache  # compiling MJML takes a third of a second
def template(kind: str) -> Template:
    if kind in KINDS:
        return render.rendition(issue(), kind, settings=SETTINGS, links=LINKS).template()  # type: ignore[arg-type]
    return templates.notice(kind, TOLD.get(kind, {}), settings=SETTINGS, links=LINKS)


def eml(kind: str) -> bytes:
    """The finished bytes for one reader, with links as long as real ones."""
    token = "IjEuNTdmZWJjNGZmNWU4NWE5MCI.aKzH0w.igF8u8y1rxQz--WjHUfAc_n_XTpHqtYwpqVJqJ6pitU"
    filled = {n: f"{SETTINGS.SITE_URL}/{n.removesuffix('_url')}/{token}" for n in slots.KNOWN_SLOTS}
    leave = filled["unsubscribe_url"]
    if kind in KINDS:
        lines = headers.issue_headers(
            reference=kind, issued_on=issue().issued_on, rendition=kind, unsubscribe_url=leave,
            settings=SETTINGS, links=LINKS,
        )  # fmt: skip
    else:
        leave = leave if "unsubscribe_url" in slots.NOTICE_SLOTS[kind] else ""
        lines = headers.notice_headers(
            reference=kind, kind=kind, settings=SETTINGS, links=LINKS, unsubscribe_url=leave
        )
    message = Message(kind, "ann@reader.example", template(kind), filled, lines)
    return headers.mime(message, sender=SETTINGS.MAIL_FROM, date=NOON)


def validated(*files: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(NPM), "--validate", *map(str, files)], capture_output=True, text=True, timeout=120
    )


@needs_npm
def test_npms_mjml_finds_every_mail_valid(tmp_path: Path) -> None:
    files = []
    for kind in MAILS:
        files.append(tmp_path / f"{kind}.mjml")
        files[-1].write_text(words(kind).mjml)
    done = validated(*files)
    assert done.returncode == 0, done.stdout + done.stderr
    wrong = tmp_path / "wrong.mjml"
    wrong.write_text(words("signin").mjml.replace("<mj-text ", '<mj-text colour="red" ', 1))
    assert "colour is illegal" in validated(wrong).stdout + validated(wrong).stderr


@needs_npm
def test_what_gmail_outlook_and_apple_mail_do_not_understand_does_no_harm(tmp_path: Path) -> None:
    for kind in MAILS:
        (tmp_path / f"{kind}.html").write_text(template(kind).html)
    done = subprocess.run(
        ["node", str(JUDGES / "judge.mjs"), *map(str, sorted(tmp_path.iterdir()))],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    harm = {title: who for title, who in found.items() if title not in HARMLESS}
    assert not harm, "say in HARMLESS why nothing is lost, or do without"
    assert found.keys() == HARMLESS.keys(), "no mail of ours uses that any more"


class Boxes(HTMLParser):
    """Elements other than cells and buttons that inline styles give padding, and their borders."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        style = dict(attrs).get("style") or ""
        button = tag in ("a", "p") and "mso-padding-alt" in style  # its cell carries the padding for Word
        if tag not in ("td", "table") and not button:
            self.found += [
                f"{tag}: {rule}"
                for rule in style.split(";")
                if re.match(r"(padding|border-(left|bottom))[a-z-]*:(?!0)", rule)
            ]


@pytest.mark.parametrize("kind", MAILS)
def test_padding_and_edges_stand_on_cells_as_word_wants_them(kind: str) -> None:
    assert Boxes(template(kind).html).found == []
    assert Boxes('<p style="padding-top:4px">').found == ["p: padding-top:4px"]


@pytest.mark.parametrize("kind", MAILS)
def test_without_the_heads_styles_every_word_still_stands_out(kind: str) -> None:
    html, taken = re.subn(r"<style.*?</style>", "", template(kind).html, flags=re.S)
    assert taken
    assert poor_contrasts(html) == []


@pytest.mark.slow
@needs_spamassassin
def test_spamassassin_finds_next_to_nothing() -> None:
    mails = {kind: eml(kind) for kind in MAILS}
    mails["junk"] = b"Subject: junk\nMessage-ID: <junk@evenhand.example>\n\n" + JUNK
    envelope = b"From ann@reader.example Mon Mar  2 12:00:00 2026\n"
    box = b"".join(envelope + mail.replace(b"\r\n", b"\n") + b"\n\n" for mail in mails.values())
    done = subprocess.run(
        ["spamassassin", "--local", "--test-mode", "--mbox"], input=box, capture_output=True, timeout=170
    )
    told = {}
    for mail in map(message_from_bytes, done.stdout.split(envelope)[1:]):  # in an order of its own
        kind = str(mail["Message-ID"]).strip("<>").partition("@")[0].replace("-", "_")
        told[kind] = " ".join(str(mail["X-Spam-Status"]).split())
    points = {kind: float(re.findall(r"score=(-?[0-9.]+)", verdict)[0]) for kind, verdict in told.items()}
    assert points.keys() == mails.keys()
    assert points.pop("junk") > 100
    assert {told[kind] for kind, score in points.items() if score > MOST_SPAM} == set()


def test_the_longest_issue_is_small_enough_and_read_in_five_minutes() -> None:
    made = render.rendition(longest_issue(), "full", settings=SETTINGS, links=LINKS)
    assert len(longest_issue().stories) == 7
    assert len(made.html.encode()) < LARGEST
    assert seconds_for(reading_words(made.text)) <= LONGEST_READ
    assert len(read_page(made.html).links) <= 100
    stories = re.split(r"^={20,}$", made.text, flags=re.M)[1:8]
    for story in stories:
        assert re.search(
            r"^\[\d+\] The Metropolitan Telegraph & Intelligencer \d+ \(left\)\n    https://", story, re.M
        )
