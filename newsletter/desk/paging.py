"""Long lists in pages."""

from __future__ import annotations

from flask import request

PAGE_SIZE = 50  # lines


def page_number() -> int:
    """Which page of a long list is asked for, from 1."""
    asked = request.args.get("page", "1")
    return min(max(int(asked), 1), 10_000) if asked.isascii() and asked.isdigit() and len(asked) < 6 else 1
