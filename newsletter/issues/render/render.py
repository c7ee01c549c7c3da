"""Renders an Issue into its Renditions, and stores them. The same view gives the same bytes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from newsletter import formatting
from newsletter.db.models import Issue, Rendition
from newsletter.delivery.mail import phrases, slots
from newsletter.delivery.mail.messages import content_hash
from newsletter.delivery.mail.templates import RenderError, Words, compiled, fill
from newsletter.issues.fewer_citations import with_fewer_citations
from newsletter.issues.length import FRAME_WORDS, WHOLE_ISSUE, fitted, metered, metered_words_of, words_of
from newsletter.issues.reading_time import seconds_for, words_in
from newsletter.issues.render import authorship, story_phrases
from newsletter.issues.renditions import KINDS, LARGEST, Kind, RenderedIssue, mailed_bytes
from newsletter.issues.sections import EMAIL, METERED, sections_for
from newsletter.issues.views import IssueView
from newsletter.links import Links
from newsletter.settings import Settings
from newsletter.summaries.story_text import StoryKind


@dataclass(frozen=True)
class Thrift:
    """What is left out of an Issue with many links, because some mail programs cut off large mails."""

    numbers_lead: bool = (
        True  # whether a number in the text is a link; otherwise it only refers to the list below
    )
    names_lead: bool = (
        True  # whether the name of each listed Outlet is a link; otherwise only the story page has the links
    )
    longest_url: int = (
        story_phrases.LONGEST_URL
    )  # characters; a longer address is replaced by the story page's


# The first one that makes the mail small enough is used.
_THRIFT = (Thrift(), Thrift(False), Thrift(False, longest_url=160), Thrift(False, False))


def rendition(view: IssueView, kind: Kind, *, settings: Settings, links: Links) -> RenderedIssue:
    """Render an Issue. Pure given its values; compiles MJML, so once per Rendition and never per reader."""
    for thrift in _THRIFT:
        template = compiled(issue_words(view, kind, settings=settings, links=links, thrift=thrift))
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
    """Return the filled-in templates of an Issue, before MJML is compiled."""
    if kind not in KINDS:
        raise RenderError(f"There is no rendition '{kind}', only full and metered.")
    around = FRAME_WORDS + words_in((view.intro,))
    if kind == "full":
        where, stories, words = (
            EMAIL,
            tuple(map(with_fewer_citations, fitted(view.stories, WHOLE_ISSUE + FRAME_WORDS - around))),
            words_of,
        )
    else:
        where, stories, words = METERED, tuple(map(metered, view.stories)), metered_words_of
    seconds = seconds_for(around + sum(map(words, stories)))
    texts = [story.text for story in view.stories]
    values = {
        "kind": kind,
        "day": formatting.day(view.issued_on),
        "weekday": f"{view.issued_on:%A}",
        "issued_on": view.issued_on,
        "stories": [
            (story, sections_for(where, story)) for story in stories if story.kind is StoryKind.WITH_SIDES
        ],
        "briefs": [story for story in stories if story.kind is StoryKind.NO_SIDES],
        "blind_spots": [story for story in stories if story.kind is StoryKind.BLIND_SPOT],
        "listed": stories,
        "written": authorship.written_line(texts),
        "disclosure": authorship.disclosure(texts),
        "at_the_top": authorship.AT_THE_TOP if any(map(authorship.by_model, texts)) else "",
        "reading": f"{formatting.counted(phrases.minutes(seconds), 'minute')} to read",
        "is_sample": view.is_sample,
        "intro": view.intro,
        "outlets_read": view.outlets_read,
        "preheader": view.preheader,
        "subject": ("[Sample] " if view.is_sample else "") + view.subject,
    }
    thrift = thrift or _THRIFT[0]
    values |= {
        **story_phrases.FOR_TEMPLATES,
        "numbers_lead": thrift.numbers_lead,
        "names_lead": thrift.names_lead,
        "article_url": lambda story, number: story_phrases.article_url(
            story, number, links, thrift.longest_url
        ),
    }
    return fill("issue", values, settings, links)


def save_renditions(session: Session, issue: Issue, made: Iterable[RenderedIssue], now: datetime) -> None:
    """Store the rendered bytes of the Issue in place of earlier ones. The caller commits."""
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


def delete_renditions(session: Session, issue: Issue) -> None:
    """Delete the rendered bytes of the Issue: until it is rendered again it cannot be approved. The caller commits."""
    session.execute(delete(Rendition).where(Rendition.issue_id == issue.id))
    session.expire(issue, ["renditions"])


def rendered(issue: Issue) -> list[RenderedIssue]:
    """Return the stored Renditions, full first. Needs the Issue's Session to be open."""
    kept = {r.kind: r for r in issue.renditions}
    return [
        RenderedIssue(kind, r.subject, r.preheader, r.html, r.text, r.content_hash)
        for kind in KINDS
        if (r := kept.get(kind)) is not None
    ]
