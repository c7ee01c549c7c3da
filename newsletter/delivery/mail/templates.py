"""Fills in and compiles the templates of our mail: Jinja, then MJML, then Slots.

Text of feeds is never markup: every value that a template prints becomes one line without control characters, is escaped in HTML
and cannot open a Slot. The same values give the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from email.utils import parseaddr
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError

from newsletter import formatting
from newsletter.delivery.mail import phrases
from newsletter.delivery.mail.markup import compile_mjml
from newsletter.delivery.mail.messages import Template, content_hash
from newsletter.delivery.mail.plain_text import wrap
from newsletter.errors import NewsletterError
from newsletter.links import Links
from newsletter.settings import Settings

TEMPLATES = Path(__file__).parents[3] / "templates" / "email"
# The values of a Notice that are the same for all readers, filled in at render time, and their defaults.
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
# Invisible characters that keep a mail program from showing the masthead in the preview line.
_PREHEADER_PADDING = "\u034f\u200c\u00a0" * 60


@dataclass(frozen=True)
class Words:
    """A mail whose templates are filled in; its page is still MJML, and its Slots are open."""

    subject: str
    mjml: str
    text: str


class RenderError(NewsletterError):
    """A mail cannot be rendered: its kind is unknown, or a template uses a value that is missing."""


def notice(kind: str, values: Mapping[str, Any], *, settings: Settings, links: Links) -> Template:
    """Render a Notice. ``values`` holds nothing personal (see ``NOTICE_VALUES``): personal links are Slots."""
    return _compiled_once(notice_words(kind, values, settings=settings, links=links))


def notice_words(kind: str, values: Mapping[str, Any], *, settings: Settings, links: Links) -> Words:
    """Return the filled-in templates of a Notice, before MJML is compiled."""
    if kind not in NOTICE_VALUES:
        raise RenderError(f"There is no notice named '{kind}'.")
    if unknown := values.keys() - NOTICE_VALUES[kind].keys():
        raise RenderError(f"The notice {kind} has no place for {', '.join(sorted(unknown))}.")
    return fill(kind, {**NOTICE_VALUES[kind], **values}, settings, links)


def fill(folder: str, values: Mapping[str, Any], settings: Settings, links: Links) -> Words:
    """Return the filled-in templates of ``folder``. Raises :class:`RenderError` when one uses a value that is missing."""
    around = {
        **values,
        "links": links,
        "site_name": settings.SITE_NAME,
        "site_host": phrases.host(links),
        "postal_address": settings.POSTAL_ADDRESS,
        # A Notice names it where it is not its own Sender.
        "issues_from": parseaddr(settings.MAIL_FROM)[1] if settings.NOTICE_FROM else "",
        "price": settings.PRICE,
        "free_stories": settings.FREE_STORIES,
        "trial_days": settings.trial_days,
        "preheader_padding": _PREHEADER_PADDING,
    }
    markup, words = _environments()
    try:
        subject = words.get_template(f"{folder}/subject.txt").render(around)
        mjml = markup.get_template(f"{folder}/body.mjml").render(around)
        text = words.get_template(f"{folder}/body.txt").render(around)
    except TemplateError as error:
        raise RenderError(f"The template of {folder} cannot be rendered: {error}.") from error
    return Words(phrases.plain(subject), mjml, wrap(text))


@lru_cache(maxsize=64)  # the same Notice often goes to many readers, and compiling takes 30 ms
def _compiled_once(words: Words) -> Template:
    made = compiled(words)
    return replace(made, content_hash=content_hash(made.subject, made.html, made.text))


def compiled(words: Words) -> Template:
    """Return the mail with its MJML compiled to HTML; its content hash is empty."""
    return Template(words.subject, compile_mjml(words.mjml), words.text, "")


@cache
def _environments() -> tuple[Environment, Environment]:
    """Return two Jinja environments with the same phrases: one for MJML, which escapes, and one for plain text, which does not."""
    pair = (_environment(escapes=True), _environment(escapes=False))
    for environment in pair:
        environment.globals["counted"] = formatting.counted
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
