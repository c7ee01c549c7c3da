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

ISSUE_SLOTS = frozenset({"unsubscribe_url", "account_url", "pass"})
NOTICE_SLOTS: Mapping[str, frozenset[str]] = {
    "confirm": frozenset({"confirm_url"}),
    "already": frozenset({"account_url"}),
    "welcome": frozenset({"unsubscribe_url", "account_url"}),
    "signin": frozenset({"signin_url"}),
    "desk": frozenset({"signin_url"}),
    "trial_ending": frozenset({"unsubscribe_url", "account_url", "checkout_url"}),
    "receipt": frozenset({"account_url"}),
    "cancelled": frozenset({"account_url"}),
    "correction": frozenset({"unsubscribe_url", "account_url"}),
    "alert": frozenset(),
}
KNOWN_SLOTS = ISSUE_SLOTS.union(*NOTICE_SLOTS.values())

_SLOT = re.compile(r"%%([a-z][a-z0-9_]{0,40})%%")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_WORD_JOINER = "\u2060"  # invisible, has no width, allows no line break: the reader sees what the feed said


class SlotError(NewsletterError):
    """A Slot is missing, unknown, or given something that is not one line of text."""


def defuse(text: str) -> str:
    """Return the same words, unable to open a Slot: doubled per cent signs are held apart by an invisible character.

    Other systems' marks (``-name-``, ``{{name}}``) need nothing here: no provider of ours is asked to substitute.
    """
    return re.sub(r"%(?=%)", f"%{_WORD_JOINER}", text) if "%%" in text else text


def open_slots(text: str) -> set[str]:
    """Return the names of the Slots that ``text`` opens."""
    return set(_SLOT.findall(text))


@lru_cache(maxsize=64)
def cut(text: str) -> tuple[str, ...]:
    """``text`` cut at its Slots: odd places hold names. Kept, because every reader needs the same cut."""
    return tuple(_SLOT.split(text))


@lru_cache(maxsize=64)
def _names(texts: tuple[str, ...]) -> tuple[frozenset[str], frozenset[str]]:
    """Return the Slots of ``texts``, and those that may be given for them. Kept for the same reason."""
    names = frozenset(name for text in texts for name in cut(text)[1::2])
    return names, names | KNOWN_SLOTS


def require(values: Mapping[str, str], *texts: str) -> None:
    """Raise :class:`SlotError` unless ``values`` fills every Slot of ``texts`` and names no unknown one.

    The subject, HTML and text of a Rendition are filled from the same values, so a known Slot that this part does not
    open is in order.
    """
    names, known = _names(texts)
    given = values.keys()
    if not names <= given:
        raise SlotError(f"Nothing was given for the slot {', '.join(sorted(names - given))}.")
    if not given <= known:
        raise SlotError(f"There is no slot named {', '.join(sorted(given - known))}.")


def one_line(name: str, value: str) -> str:
    """``value`` if it is one line of text; raises :class:`SlotError` otherwise."""
    if _CONTROL.search(value):
        raise SlotError(f"The slot {name} must be filled with one line of text.")
    return value


def fill(template_text: str, slots: Mapping[str, str], *, html: bool) -> str:
    """Fill every Slot of ``template_text``; values are plain text and are escaped when ``html``.

    Values are put in once and never looked at again: a Slot inside a value stays text. Raises :class:`SlotError`.
    """
    require(slots, template_text)
    filled = list(cut(template_text))
    for place in range(1, len(filled), 2):
        value = one_line(filled[place], slots[filled[place]])
        filled[place] = escape(value) if html else value
    return "".join(filled)
