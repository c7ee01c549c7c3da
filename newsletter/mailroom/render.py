"""Turns an Issue into its Renditions, and a Notice into its Template: Jinja, then MJML, then Slots.

Feed text is text: every value a template prints is made one line, loses its control characters, is escaped in HTML
and cannot open a Slot. The same view gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from newsletter import dates
from newsletter.errors import NewsletterError
from newsletter.links import Links
from newsletter.mailroom import phrases, slots
from newsletter.mailroom.markup import compile_mjml
from newsletter.mailroom.messages import Template, content_hash
from newsletter.mailroom.plain_text import wrap
from newsletter.mailroom.renditions import KINDS, LARGEST, Kind, RenderedIssue, mailed_bytes
from newsletter.models import Issue, Rendition
from newsletter.newsroom.editions import IssueView
from newsletter.newsroom.fewer_citations import with_fewer_citations
from newsletter.newsroom.reading_time import LONGEST_READ, WORDS_A_MINUTE, seconds_for, words_in
from newsletter.newsroom.sections import EMAIL, METERED, sections_for
from newsletter.newsroom.shortened import AROUND, metered, metered_words_of, shortened, words_of
from newsletter.settings import Settings

TEMPLATES = Path(__file__).parent.parent.parent / "templates" / "email"
LONGEST_WORDS = LONGEST_READ * WORDS_A_MINUTE // 60
# What a Notice may be told at render time, the same for everybody, and what it says when told nothing.
NOTICE_VALUES: Mapping[str, Mapping[str, Any]] = {
    "confirm": {"days_valid": 7, "again": False},
    "already": {},
    "welcome": {"trial": True},
    "signin": {"minutes_valid": 30},
    "desk": {"minutes_valid": 15},
    "trial_ending": {"days_left": 2},
    "receipt": {"amount": "", "paid_on": "", "paid_until": ""},
    "correction": {"issued_on": "", "headline": "", "paragraphs": ()},
    "cancelled": {"until": ""},
    "alert": {"what": "Something needs a look.", "url": "", "where": "the desk"},
}
# Invisible: keeps a mailbox from filling the preview line with the masthead.
_PREHEADER_PADDING = "\u034f\u200c\u00a0" * 60


@dataclass(frozen=True)
class Words:
    """A mail whose templates are filled in: its page still in MJML, its Slots open."""

    subject: str
    mjml: str
    text: str


@dataclass(frozen=True)
class Thrift:
    """What is left out so that an Issue of many links stays whole in a mailbox that cuts off large mails."""

    numbers_lead: bool = (
        True  # a number in the text is a link; else it only names one of those listed below it
    )
    names_lead: bool = True  # so is the name of each Outlet listed; else the story page has the links
    longest_url: int = phrases.LONGEST_URL  # characters; a longer address gives way to the story page's


# The first that is small enough is taken.
_THRIFT = (Thrift(), Thrift(False), Thrift(False, longest_url=160), Thrift(False, False))


class RenderError(NewsletterError):
    """A mail cannot be rendered: an unknown kind, or a template that asks for what is not there."""


def rendition(view: IssueView, kind: Kind, *, settings: Settings, links: Links) -> RenderedIssue:
    """Render an Issue. Pure given its values; compiles MJML, so once per Rendition and never per reader."""
    for thrift in _THRIFT:
        template = _compiled(issue_words(view, kind, settings=settings, links=links, thrift=thrift))
        if mailed_bytes(template.html, template.text) < LARGEST:
            break
    preheader = slots.defuse(phrases.plain(view.preheader))
    return RenderedIssue(
        kind=kind,
        subject=template.subject,
        preheader=preheader,
        html=template.html,
        text=template.text,
        content_hash=content_hash(template.subject, template.html, template.text, preheader),
    )


def issue_words(
    view: IssueView, kind: Kind, *, settings: Settings, links: Links, thrift: Thrift | None = None
) -> Words:
    """The templates of an Issue filled in, and nothing compiled."""
    if kind not in KINDS:
        raise RenderError(f"There is no rendition '{kind}', only full and metered.")
    around = AROUND + words_in((view.intro,))
    if kind == "full":
        where, stories, words = (
            EMAIL,
            tuple(map(with_fewer_citations, shortened(view.stories, LONGEST_WORDS - around))),
            words_of,
        )
    else:
        where, stories, words = METERED, tuple(map(metered, view.stories)), metered_words_of
    seconds = seconds_for(around + sum(map(words, stories)))
    values = {
        "kind": kind,
        "day": dates.day(view.issued_on),
        "weekday": f"{view.issued_on:%A}",
        "issued_on": view.issued_on,
        "stories": [(story, sections_for(where, story)) for story in stories],
        "story_count": phrases.counted(len(stories), "story", "stories"),
        "reading": f"{phrases.counted(phrases.minutes(seconds), 'minute')} to read",
        "is_sample": view.is_sample,
        "intro": view.intro,
        "outlets_read": view.outlets_read,
        "preheader": view.preheader,
        "subject": ("[Sample] " if view.is_sample else "") + view.subject,
    }
    return _fill("issue", values, settings, links, thrift or _THRIFT[0])


def notice(kind: str, values: Mapping[str, Any], *, settings: Settings, links: Links) -> Template:
    """Render a Notice. ``values`` holds nothing personal (see ``NOTICE_VALUES``): personal links are Slots."""
    return _compiled_once(notice_words(kind, values, settings=settings, links=links))


def notice_words(kind: str, values: Mapping[str, Any], *, settings: Settings, links: Links) -> Words:
    """The templates of a Notice filled in, and nothing compiled."""
    if kind not in NOTICE_VALUES:
        raise RenderError(f"There is no notice named '{kind}'.")
    if unknown := values.keys() - NOTICE_VALUES[kind].keys():
        raise RenderError(f"The notice {kind} has no place for {', '.join(sorted(unknown))}.")
    return _fill(kind, {**NOTICE_VALUES[kind], **values}, settings, links)


def save_renditions(session: Session, issue: Issue, made: Iterable[RenderedIssue], now: datetime) -> None:
    """Keep the rendered bytes with the Issue, in place of what was rendered before. The caller commits."""
    known = {r.kind: r for r in session.scalars(select(Rendition).where(Rendition.issue_id == issue.id))}
    for one in made:
        row = known.get(one.kind)
        if row is None:
            row = Rendition(issue_id=issue.id, kind=one.kind)
            session.add(row)
        elif row.content_hash == one.content_hash:
            continue
        row.subject, row.preheader = one.subject, one.preheader
        row.html, row.text, row.content_hash = one.html, one.text, one.content_hash
        row.rendered_at = now
    session.flush()


def forget(session: Session, issue: Issue) -> None:
    """Let the bytes go that say what the Issue was: until it is rendered anew there is nothing to approve. The caller commits."""
    session.execute(delete(Rendition).where(Rendition.issue_id == issue.id))
    session.expire(issue, ["renditions"])


def rendered(issue: Issue) -> list[RenderedIssue]:
    """The Renditions as they lie in the table, full first. Needs the Issue's Session to be open."""
    kept = {r.kind: r for r in issue.renditions}
    return [
        RenderedIssue(kind, r.subject, r.preheader, r.html, r.text, r.content_hash)
        for kind in KINDS
        if (r := kept.get(kind)) is not None
    ]


def _fill(
    folder: str, values: Mapping[str, Any], settings: Settings, links: Links, thrift: Thrift | None = None
) -> Words:
    thrift = thrift or _THRIFT[0]
    around = {
        **values,
        "links": links,
        "site_name": settings.SITE_NAME,
        "site_host": phrases.host(links),
        "postal_address": settings.POSTAL_ADDRESS,
        "price": settings.PRICE,
        "free_stories": settings.FREE_STORIES,
        "trial_days": settings.TRIAL_DAYS,
        "preheader_padding": _PREHEADER_PADDING,
        "numbers_lead": thrift.numbers_lead,
        "names_lead": thrift.names_lead,
        "article_url": lambda story, number: phrases.article_url(story, number, links, thrift.longest_url),
    }
    markup, words = _environments()
    try:
        subject = words.get_template(f"{folder}/subject.txt").render(around)
        mjml = markup.get_template(f"{folder}/body.mjml").render(around)
        text = words.get_template(f"{folder}/body.txt").render(around)
    except TemplateError as error:
        raise RenderError(f"The template of {folder} cannot be rendered: {error}.") from error
    return Words(phrases.plain(subject), mjml, wrap(text))


@lru_cache(maxsize=64)  # the same words go to many, one after the other, and compiling takes 30 ms each time
def _compiled_once(words: Words) -> Template:
    made = _compiled(words)
    return replace(made, content_hash=content_hash(made.subject, made.html, made.text))


def _compiled(words: Words) -> Template:
    return Template(words.subject, compile_mjml(words.mjml), words.text, "")


@cache
def _environments() -> tuple[Environment, Environment]:
    """One for MJML, which escapes, and one for plain text, which does not. Both know the same phrases."""
    pair = (_environment(escapes=True), _environment(escapes=False))
    for environment in pair:
        environment.globals.update(phrases.FOR_TEMPLATES)
    return pair


def _environment(*, escapes: bool) -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=escapes,  # noqa: S701 - plain text has nothing to escape  # nosec B701
        undefined=StrictUndefined,
        finalize=phrases.safe,
        trim_blocks=True,
        lstrip_blocks=True,
    )
