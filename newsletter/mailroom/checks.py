"""Pre-flight Checks: is this Issue fit to be mailed? Pure.

Each finding passes, warns or blocks, with a reason in one sentence. Everything is looked for in the finished bytes,
not in what the templates meant.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from newsletter.links import Links
from newsletter.mailroom import phrases, slots
from newsletter.mailroom.mailed_page import MailedPage, read_page, reading_words
from newsletter.mailroom.messages import content_hash
from newsletter.mailroom.renditions import KINDS, RenderedIssue
from newsletter.newsroom.editions import IssueView
from newsletter.newsroom.leans import SIDES
from newsletter.newsroom.reading_time import LONGEST_READ, seconds_for
from newsletter.settings import Settings

Level = Literal["pass", "warn", "block"]
LARGEST = 90 * 1024  # bytes of HTML, slots filled; Gmail cuts a mail off at 102 KB
LARGE = 80 * 1024
LONGEST_TOLERATED = LONGEST_READ + 60  # seconds; a minute over the promise is said, more is not sent
FEWEST, WANTED, MOST = 3, 5, 7  # Stories
LONGEST_SUBJECT, LONGEST_PREHEADER = 110, 160  # characters
SHORTEST_SUBJECT, SHORTEST_PREHEADER = 12, 20
ALIKE = 0.75  # share of common words at which two Headlines say the same
# As long as a real one: the size is measured with the Slots filled.
_EXAMPLE = {name: f"https://example.com/{name}/{'x' * 160}" for name in slots.ISSUE_SLOTS}


@dataclass(frozen=True)
class Finding:
    """One Check's answer. ``name`` is a constant such as "both-sides"."""

    name: str
    level: Level
    reason: str


@dataclass(frozen=True)
class _Mail:
    """One Rendition and what stands in its HTML."""

    rendition: RenderedIssue
    page: MailedPage

    @property
    def kind(self) -> str:
        return self.rendition.kind


@dataclass(frozen=True)
class _Case:
    view: IssueView
    mails: tuple[_Mail, ...]
    settings: Settings

    @property
    def full(self) -> _Mail | None:
        return next((m for m in self.mails if m.kind == "full"), None)


_Answer = tuple[Level, str]


def check(view: IssueView, renditions: Sequence[RenderedIssue], *, settings: Settings) -> list[Finding]:
    """Look an Issue over. One finding per Check and fault; a Check without fault passes once."""
    case = _Case(view, tuple(_Mail(r, read_page(r.html)) for r in renditions), settings)
    findings = []
    for name, look in CHECKS.items():
        answers = list(look(case))
        findings += [Finding(name, level, reason) for level, reason in answers if level != "pass"] or [
            Finding(name, "pass", next((r for _, r in answers), "In order."))
        ]
    return findings


def _renditions(case: _Case) -> Iterator[_Answer]:
    there = [m.kind for m in case.mails]
    for kind in KINDS:
        if there.count(kind) != 1:
            yield "block", f"There must be one {kind} rendition, and there are {there.count(kind)}."
    for m in case.mails:
        r = m.rendition
        if content_hash(r.subject, r.html, r.text, r.preheader) != r.content_hash:
            yield "block", f"The {m.kind} rendition is not what was rendered: its hash differs."
    yield "pass", "Full and metered are rendered, and their hashes fit."


def _stories(case: _Case) -> Iterator[_Answer]:
    count = len(case.view.stories)
    said = f"The issue has {phrases.counted(count, 'story', 'stories')}"
    if count < FEWEST:
        yield "block", f"{said}; fewer than {FEWEST} are no issue."
    elif not WANTED <= count <= MOST:
        yield "warn", f"{said}; {WANTED} to {MOST} are wanted."
    yield "pass", f"{said}."


def _headlines(case: _Case) -> Iterator[_Answer]:
    words = [_words(s.headline) for s in case.view.stories]
    for n, one in enumerate(words):
        for m in range(n):
            shared = len(one & words[m]) / max(1, len(one | words[m]))
            if shared == 1:
                yield "block", f"Stories {m + 1} and {n + 1} bear the same headline."
            elif shared >= ALIKE:
                yield "warn", f"Stories {m + 1} and {n + 1} bear almost the same headline."
    topics = {s.topic for s in case.view.stories}
    if len(topics) == 1 and len(case.view.stories) >= WANTED:
        yield "warn", "All stories are of one topic."
    yield "pass", "No headline is repeated."


def _twin(case: _Case) -> Iterator[_Answer]:
    for mail in case.mails:
        text = _flat(mail.rendition.text)
        for number, story in enumerate(case.view.stories, start=1):
            headline = _flat(phrases.plain(slots.defuse(story.headline)))
            if headline not in text:
                yield "block", f"The headline of story {number} is missing from the {mail.kind} text."
            if headline not in mail.page.flat:
                yield "block", f"The headline of story {number} is missing from the {mail.kind} HTML."
    yield "pass", "Text and HTML carry the same stories."


def _size(case: _Case) -> Iterator[_Answer]:
    sizes = []
    for mail in case.mails:
        filled = slots.open_slots(mail.rendition.html) <= slots.ISSUE_SLOTS
        html = slots.fill(mail.rendition.html, _EXAMPLE, html=True) if filled else mail.rendition.html
        size = len(html.encode())
        sizes.append(f"{mail.kind} {size / 1024:.0f} KB")
        said = f"The {mail.kind} HTML is {size / 1024:.1f} KB; mailboxes cut off at 102 KB"
        if size >= LARGEST:
            yield "block", f"{said}, and {LARGEST // 1024} KB is our bar."
        elif size >= LARGE:
            yield "warn", f"{said}."
    yield "pass", f"Small enough: {', '.join(sizes)}."


def _reading_time(case: _Case) -> Iterator[_Answer]:
    for mail in case.mails:
        seconds = seconds_for(reading_words(mail.rendition.text))
        said = f"The {mail.kind} rendition takes {seconds // 60}:{seconds % 60:02} minutes to read"
        if seconds > LONGEST_TOLERATED:
            yield "block", f"{said}; the promise is five."
        elif seconds > LONGEST_READ:
            yield "warn", f"{said}; the promise is five."
        elif mail.kind == "full":
            yield "pass", f"{said}."


def _slots(case: _Case) -> Iterator[_Answer]:
    for mail in case.mails:
        r = mail.rendition
        if slots.open_slots(r.subject) | slots.open_slots(r.preheader):
            yield "block", f"The {mail.kind} subject or preheader opens a slot."
        for part, text in (("HTML", r.html), ("text", r.text)):
            for name in sorted(slots.open_slots(text) - slots.ISSUE_SLOTS):
                yield "block", f"The {mail.kind} {part} opens the unknown slot {name}."
    yield "pass", "Only known slots are open."


def _unsubscribe(case: _Case) -> Iterator[_Answer]:
    for mail in case.mails:
        if "%%unsubscribe_url%%" not in mail.page.links:
            yield "block", f"The {mail.kind} HTML has no unsubscribe link."
        if "unsubscribe_url" not in slots.open_slots(mail.rendition.text):
            yield "block", f"The {mail.kind} text has no unsubscribe link."
    yield "pass", "Every copy can be unsubscribed from."


def _postal_address(case: _Case) -> Iterator[_Answer]:
    address = _flat(phrases.plain(case.settings.POSTAL_ADDRESS))
    for mail in case.mails:
        if address not in _flat(mail.rendition.text) or address not in mail.page.flat:
            yield "block", f"The postal address is missing from the {mail.kind} rendition."
    if "no postal address set" in address:
        level: Level = "block" if case.settings.in_production else "warn"
        yield level, "POSTAL_ADDRESS is not set; the law asks for one at the foot of every mail."
    yield "pass", "The postal address stands at the foot."


def _links(case: _Case) -> Iterator[_Answer]:
    home = Links(case.settings.SITE_URL)
    allowed = {phrases.article_url(s, a.number, home) for s in case.view.stories for a in s.articles}
    count = 0
    for mail in case.mails:
        in_text = re.findall(r"(?<!\S)[a-z][a-z0-9+.-]*://\S+", mail.rendition.text, re.I)
        for address in [*mail.page.links, *in_text]:
            count += 1
            ours = address == home.site_url or address.startswith(f"{home.site_url.rstrip('/')}/")
            if not (ours or address in allowed or re.fullmatch(r"%%[a-z_]+%%", address)):
                yield "block", f"The {mail.kind} rendition links to {address[:80]}, which no story cites."
        for tag in mail.page.active:
            yield "block", f"The {mail.kind} HTML holds <{tag}>, which no mail of ours needs."
    yield "pass", f"All {count} links lead to this site or to an article of the issue."


def _sides(case: _Case) -> Iterator[_Answer]:
    if case.full is None:
        return
    text, one_sided = _flat(case.full.rendition.text), 0
    for number, story in enumerate(case.view.stories, start=1):
        one_sided += story.coverage.one_sided
        for side in SIDES:
            if story.telling.summary(side) is not None and not story.coverage.of(side):
                yield "block", f"Story {number} tells the {side.value}, which did not carry it."
            elif story.telling.summary(side) is None:
                said = _flat(phrases.missing_side(story, side))
                if said not in text or said not in case.full.page.flat:
                    yield "block", f"Story {number} lacks the {side.value} and does not say so."
                elif story.coverage.of(side):
                    yield "warn", f"Story {number} is carried by the {side.value} and does not tell its side."
    if one_sided * 2 > len(case.view.stories):
        yield "warn", f"{one_sided} of {len(case.view.stories)} stories are one-sided."
    yield "pass", f"Every side is told or said to be missing; {one_sided} one-sided."


def _metered_is_locked(case: _Case) -> Iterator[_Answer]:
    for mail in case.mails:
        if mail.kind == "metered" and "How each side tells it" in mail.page.text:
            yield "block", "The metered rendition holds what only full readers get."
    yield "pass", "The metered rendition holds headlines, ledes and coverage only."


def _citations(case: _Case) -> Iterator[_Answer]:
    for number, story in enumerate(case.view.stories, start=1):
        bare = sum(1 for s in story.telling.sentences() if not story.numbers(s))
        if bare:
            yield "block", f"Story {number} has {phrases.counted(bare, 'sentence')} that cite no article."
        if not story.telling.lede:
            yield "warn", f"Story {number} has no lede."
    yield "pass", "Every sentence cites an article."


def _quotes(case: _Case) -> Iterator[_Answer]:
    for number, story in enumerate(case.view.stories, start=1):
        for summary in story.telling.summaries:
            for quote in summary.quotes:
                if _bare(quote.words) not in _bare(quote.citation.passage):
                    yield "block", f"Story {number} quotes words that do not stand in the cited passage."
                if story.article(quote.citation.article_id) is None:
                    yield "block", f"Story {number} quotes an article it does not have."
    yield "pass", "Every quotation stands in its article word for word."


def _subject(case: _Case) -> Iterator[_Answer]:
    subject, preheader = phrases.plain(case.view.subject), phrases.plain(case.view.preheader)
    if not subject:
        yield "block", "The subject line is empty."
    elif not SHORTEST_SUBJECT <= len(subject) <= LONGEST_SUBJECT:
        yield "warn", f"The subject line has {len(subject)} characters; mailboxes show about 60."
    if not SHORTEST_PREHEADER <= len(preheader) <= LONGEST_PREHEADER:
        yield "warn", f"The preheader has {len(preheader)} characters; {SHORTEST_PREHEADER} to 110 are shown."
    if preheader and preheader == subject:
        yield "warn", "The preheader repeats the subject line."
    yield "pass", f"The subject line has {len(subject)} characters and carries the news."


def _sample(case: _Case) -> Iterator[_Answer]:
    for mail in case.mails if case.view.is_sample else ():
        marks = (mail.rendition.subject, mail.page.text.lower(), mail.rendition.text.lower())
        if "[Sample]" not in marks[0] or not all("sample edition" in m for m in marks[1:]):
            yield "block", f"The {mail.kind} rendition does not say that it is a sample edition."
    yield "pass", "Labelled as a sample edition." if case.view.is_sample else "Not a sample edition."


CHECKS: dict[str, Callable[[_Case], Iterator[_Answer]]] = {
    "renditions": _renditions,
    "stories": _stories,
    "headlines": _headlines,
    "both-sides": _sides,
    "citations": _citations,
    "quotes": _quotes,
    "subject": _subject,
    "reading-time": _reading_time,
    "size": _size,
    "text-twin": _twin,
    "links": _links,
    "slots": _slots,
    "unsubscribe": _unsubscribe,
    "postal-address": _postal_address,
    "metered-is-locked": _metered_is_locked,
    "sample-label": _sample,
}


def _flat(text: str) -> str:
    """Without the line breaks and marks that wrapping put in."""
    return " ".join(text.replace("\n| ", " ").split())


def _bare(text: str) -> str:
    """Letters and digits only: quotation marks and dashes are set our way, the words are not."""
    return " ".join(re.findall(r"\w+", text.lower()))


def _words(text: str) -> frozenset[str]:
    return frozenset(_bare(text).split())
