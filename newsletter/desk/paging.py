"""Pagination of long lists."""

from __future__ import annotations

from flask import request

PAGE_SIZE = 50  # lines


def page_number() -> int:
    """Return the number of the requested page, from 1."""
    asked = request.args.get("page", "1")
    return min(max(int(asked), 1), 10_000) if asked.isascii() and asked.isdigit() and len(asked) < 6 else 1
