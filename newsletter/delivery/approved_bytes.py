"""Says whether the Renditions in the database are the bytes that were approved. Read-only."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.db.models import Issue, Rendition
from newsletter.delivery.mail.messages import Template, content_hash


def issue_hash(renditions: Mapping[str, str]) -> str:
    """Return the hash of an Issue from the content hashes of its Renditions, by kind."""
    return content_hash(renditions["full"], renditions["metered"], "")


def stored_templates(session: Session, issue_id: int) -> dict[str, Template]:
    """Return the Renditions of an Issue by kind, each with the hash of the bytes that are in the table now."""
    r = Rendition.__table__
    found = select(r.c.kind, r.c.subject, r.c.html, r.c.text, r.c.preheader).where(r.c.issue_id == issue_id)
    session.flush()
    return {
        kind: Template(subject, html, words, content_hash(subject, html, words, preheader))
        for kind, subject, html, words, preheader in session.execute(found)
    }


def wrong_bytes(issue: Issue, stored: Mapping[str, Template]) -> str | None:
    """Return why the Renditions ``stored`` (see :func:`stored_templates`) are not what was approved; None when they are."""
    hashes = {kind: t.content_hash for kind, t in stored.items()}
    if set(hashes) != {"full", "metered"}:
        return "a Rendition is missing"
    if issue.content_hash is None:
        return "nothing was approved"
    if issue_hash(hashes) != issue.content_hash:
        return "the Renditions are not the bytes that were approved"
    return None
