"""Which Topic a Story belongs to, from the words its Outlets use. Pure."""

from __future__ import annotations

from collections.abc import Iterable

DEFAULT = "World"


def topic_of(texts: Iterable[tuple[str, str]]) -> str:
    """The Topic of a Story from its Articles' (headline, excerpt)."""
    return DEFAULT
