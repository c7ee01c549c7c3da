"""Slots: places such as ``%%unsubscribe_url%%`` in a Rendition or Notice, filled once per reader. Pure.

A Rendition is rendered once, approved once and hashed once; what differs between two readers is only what stands in
its Slots. Words from a feed can never open one: they are passed through :func:`defuse` before they reach a template.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from html import escape

from newsletter.errors import NewsletterError

ISSUE_SLOTS = frozenset({"unsubscribe_url", "account_url"})
NOTICE_SLOTS: Mapping[str, frozenset[str]] = {
    "confirm": frozenset({"confirm_url"}),
    "welcome": frozenset({"unsubscribe_url", "account_url"}),
    "signin": frozenset({"signin_url"}),
    "trial_ending": frozenset({"unsubscribe_url", "account_url"}),
    "receipt": frozenset({"account_url"}),
    "alert": frozenset(),
}

_SLOT = re.compile(r"%%([a-z][a-z0-9_]{0,40})%%")
_WORD_JOINER = "\u2060"  # invisible, has no width, allows no line break: the reader sees what the feed said


class SlotError(NewsletterError):
    """A Slot is missing, unknown, or holds something that is not one line of text."""


def slot(name: str) -> str:
    """The form in which a template opens the Slot ``name``."""
    opened = f"%%{name}%%"
    if not _SLOT.fullmatch(opened):
        raise SlotError(f"'{name}' cannot name a slot: small letters, digits and underscores only.")
    return opened


def defuse(text: str) -> str:
    """The same words, unable to open a Slot: doubled per cent signs are held apart by an invisible character.

    Also marks such as SendGrid's ``-name-`` need nothing here: no provider of ours substitutes anything.
    """
    return re.sub(r"%(?=%)", f"%{_WORD_JOINER}", text) if "%%" in text else text


def open_slots(text: str) -> set[str]:
    """The names of the Slots that ``text`` opens."""
    return set(_SLOT.findall(text))


@lru_cache(maxsize=64)
def _parts(template_text: str) -> tuple[tuple[str, ...], frozenset[str]]:
    """``template_text`` cut at its Slots (odd places hold names), kept because every reader needs the same cut."""
    parts = tuple(_SLOT.split(template_text))
    return parts, frozenset(parts[1::2])


def fill(template_text: str, slots: Mapping[str, str], *, html: bool) -> str:
    """Fill every Slot of ``template_text``; values are plain text and are escaped when ``html``.

    ``slots`` must hold exactly what the Rendition's parts may open between them, so a name that no part knows is an
    error; a known name that this part (the subject, say) does not open is not. Raises :class:`SlotError`.
    Values are put in once and never looked at again: a Slot inside a value stays text.
    """
    parts, names = _parts(template_text)
    if missing := names - slots.keys():
        raise SlotError(f"Nothing was given for the slot {', '.join(sorted(missing))}.")
    if unknown := slots.keys() - KNOWN_SLOTS - names:
        raise SlotError(f"There is no slot named {', '.join(sorted(unknown))}.")
    filled = list(parts)
    for place in range(1, len(parts), 2):
        value = slots[parts[place]]
        if any(ord(c) < 32 or ord(c) == 127 for c in value):
            raise SlotError(f"The slot {parts[place]} must be filled with one line of text.")
        filled[place] = escape(value) if html else value
    return "".join(filled)


KNOWN_SLOTS = ISSUE_SLOTS.union(*NOTICE_SLOTS.values())
