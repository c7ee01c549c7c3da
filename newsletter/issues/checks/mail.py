"""Checks of the finished bytes: size, links, Slots, the plain-text part, and what every mail must contain. Pure."""

from __future__ import annotations

import re

from newsletter.delivery.mail import phrases
from newsletter.delivery.mail import slots as slot_marks
from newsletter.delivery.mail.messages import content_hash
from newsletter.issues.checks.findings import Answers, Case, Level, Remedy, flat
from newsletter.issues.checks.mailed_page import reading_words
from newsletter.issues.reading_time import LONGEST_READ, seconds_for
from newsletter.issues.render import story_phrases
from newsletter.issues.renditions import KINDS, LARGEST, with_pass
from newsletter.links import Links

LONGEST_TOLERATED = (
    LONGEST_READ + 60
)  # seconds; between the promise and this the Check warns, above it blocks
_RENDER = (Remedy("rerender", "Render it anew"),)
# As long as a real link, because the size is measured with the Slots filled.
_EXAMPLE = {name: f"https://example.com/{name}/{'x' * 160}" for name in slot_marks.ISSUE_SLOTS}


def renditions(case: Case) -> Answers:
    there = [m.kind for m in case.mails]
    for kind in ("full",) if case.settings.is_free else KINDS:
        if there.count(kind) != 1:
            yield "block", f"There must be one {kind} rendition, and there are {there.count(kind)}.", _RENDER
    for m in case.mails:
        r = m.rendition
        if content_hash(r.subject, r.html, r.text, r.preheader) != r.content_hash:
            yield "block", f"The {m.kind} rendition is not what was rendered: its hash differs.", _RENDER
    what = "The mail is" if case.settings.is_free else "Full and metered are"
    yield "pass", f"{what} rendered, and the hashes fit."


def twin(case: Case) -> Answers:
    for mail in case.mails:
        text = flat(mail.rendition.text)
        for number, story in enumerate(case.view.stories, start=1):
            headline = flat(phrases.plain(slot_marks.defuse(story.headline)))
            if headline not in text:
                yield (
                    "block",
                    f"The headline of story {number} is missing from the {mail.kind} text.",
                    _RENDER,
                )
            if headline not in mail.page.flat:
                yield (
                    "block",
                    f"The headline of story {number} is missing from the {mail.kind} HTML.",
                    _RENDER,
                )
    yield "pass", "Text and HTML carry the same stories."


def size(case: Case) -> Answers:
    sizes = []
    for mail in case.mails:
        html, whole = len(with_pass(mail.rendition.html).encode()), mail.rendition.mailed_bytes
        sizes.append(f"{mail.kind} {whole / 1000:.0f} KB")
        said = f"The {mail.kind} mail is {whole / 1000:.1f} KB, {html / 1000:.1f} of them HTML; mailboxes cut off at 102"
        if html >= LARGEST:
            yield "block", f"{said}, and {LARGEST // 1000} is our bar.", _shorter(case)
        elif whole >= LARGEST:
            yield "warn", f"{said}.", _shorter(case)
    yield "pass", f"Small enough: {', '.join(sizes)}."


def _shorter(case: Case) -> tuple[Remedy, ...]:
    last = case.view.stories[-1:]
    return tuple(Remedy("drop", "Drop the last story", story.id) for story in last)


def reading_time(case: Case) -> Answers:
    for mail in case.mails:
        seconds = seconds_for(reading_words(mail.rendition.text))
        said = f"The {mail.kind} rendition takes {seconds // 60}:{seconds % 60:02} minutes to read"
        if seconds > LONGEST_TOLERATED:
            yield "block", f"{said}; the promise is five.", _shorter(case)
        elif seconds > LONGEST_READ:
            yield "warn", f"{said}; the promise is five.", _shorter(case)
        elif mail.kind == "full":
            yield "pass", f"{said}."


def slots(case: Case) -> Answers:
    for mail in case.mails:
        r = mail.rendition
        if slot_marks.open_slots(r.subject) | slot_marks.open_slots(r.preheader):
            yield "block", f"The {mail.kind} subject or preheader opens a slot.", _RENDER
        for part, text in (("HTML", r.html), ("text", r.text)):
            for name in sorted(slot_marks.open_slots(text) - slot_marks.ISSUE_SLOTS):
                yield "block", f"The {mail.kind} {part} opens the unknown slot {name}.", _RENDER
    yield "pass", "Only known slots are open."


def unsubscribe(case: Case) -> Answers:
    for mail in case.mails:
        if "%%unsubscribe_url%%" not in mail.page.links:
            yield "block", f"The {mail.kind} HTML has no unsubscribe link.", _RENDER
        if "unsubscribe_url" not in slot_marks.open_slots(mail.rendition.text):
            yield "block", f"The {mail.kind} text has no unsubscribe link.", _RENDER
    yield "pass", "Every copy can be unsubscribed from."


def postal_address(case: Case) -> Answers:
    address = flat(phrases.plain(case.settings.POSTAL_ADDRESS))
    for mail in case.mails:
        if address not in flat(mail.rendition.text) or address not in mail.page.flat:
            yield "block", f"The postal address is missing from the {mail.kind} rendition.", _RENDER
    if "no postal address set" in address:
        level: Level = "block" if case.settings.in_production else "warn"
        said = "POSTAL_ADDRESS is not set; the law asks for one at the foot of every mail."
        yield level, said, (Remedy("go", "How to set it", 0, "help#postal-address"),)
    yield "pass", "The postal address stands at the foot."


def links(case: Case) -> Answers:
    home = Links(case.settings.SITE_URL)
    allowed = {story_phrases.article_url(s, a.number, home) for s in case.view.stories for a in s.articles}
    count = 0
    for mail in case.mails:
        in_text = re.findall(r"(?<!\S)[a-z][a-z0-9+.-]*://\S+", mail.rendition.text, re.I)
        for address in [*mail.page.links, *in_text]:
            count += 1
            ours = address == home.site_url or address.startswith(f"{home.site_url.rstrip('/')}/")
            if not (ours or address in allowed or re.fullmatch(r"%%[a-z_]+%%", address)):
                yield (
                    "block",
                    f"The {mail.kind} rendition links to {address[:80]}, which no story cites.",
                    _RENDER,
                )
        for tag in mail.page.active:
            yield "block", f"The {mail.kind} HTML holds <{tag}>, which no mail of ours needs.", _RENDER
    yield "pass", f"All {count} links lead to this site or to an article of the issue."


def metered_is_locked(case: Case) -> Answers:
    for mail in case.mails:
        if mail.kind != "metered":
            continue
        for number, story in enumerate(case.view.stories, start=1):
            free = {s.text for s in story.text.lede}
            locked = [s.text for s in story.text.sentences() if s.text not in free]
            locked += [h.text for h in story.text.headlines if h.text != story.headline]
            if any(flat(phrases.plain(text)) in mail.page.flat for text in locked):
                yield (
                    "block",
                    f"The metered rendition holds more of story {number} than headline, lede and coverage.",
                    _RENDER,
                )
    yield "pass", "The metered rendition holds headlines, ledes and coverage only."


def sample(case: Case) -> Answers:
    for mail in case.mails if case.view.is_sample else ():
        marks = (mail.rendition.subject, mail.page.text.lower(), mail.rendition.text.lower())
        if "[Sample]" not in marks[0] or not all("sample edition" in m for m in marks[1:]):
            yield "block", f"The {mail.kind} rendition does not say that it is a sample edition.", _RENDER
    yield "pass", "Labelled as a sample edition." if case.view.is_sample else "Not a sample edition."
