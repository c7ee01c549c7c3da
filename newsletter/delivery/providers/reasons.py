"""Shortens what a provider answered for the ledger and the log: one line without an address. Pure."""

from __future__ import annotations

from newsletter import log

LONGEST = 200  # characters


def short_reason(text: str) -> str:
    """``text`` on one line, cut short, every address masked (servers like to repeat the one they refuse)."""
    masked = log.mask_addresses(None, "", {"said": " ".join(text.split())})["said"]
    return str(masked)[:LONGEST]
