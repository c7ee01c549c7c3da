"""Runs axe in a page, loaded once, and returns only the violations."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.base import AXE_SCRIPT

_RUN = "options => axe.run({...options, resultTypes: ['violations']}).then(found => found.violations)"


def violations(page: Any, options: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """What axe finds wrong with the page as it stands. ``options`` are axe's own; without them all its rules are asked."""
    if page.evaluate("typeof axe === 'undefined'"):
        page.evaluate(AXE_SCRIPT)
    found: list[dict[str, Any]] = page.evaluate(_RUN, options or {})
    return found
