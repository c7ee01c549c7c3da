"""Wraps the lines of the plain-text part of a mail. Pure."""

from __future__ import annotations

import re
import textwrap

WIDTH = 72  # columns
# Marks at the beginning of a line; its continuation lines are indented by their width.
_MARK = re.compile(r"(\* |\| |\[\d+\] |\d+\. | {2,})?")


def wrap(text: str, width: int = WIDTH) -> str:
    """Wrap each line on its own, at most one empty line in a row. Addresses are never broken."""
    lines: list[str] = []
    for line in text.splitlines():
        for wrapped in _wrapped(line.rstrip(), width):
            if wrapped or (lines and lines[-1]):
                lines.append(wrapped)
    return "\n".join(lines).strip() + "\n"


def _wrapped(line: str, width: int) -> list[str]:
    if len(line) <= width or "://" in line or "%%" in line:
        return [line]
    match = _MARK.match(line)
    mark = match.group(0) if match else ""
    return textwrap.wrap(
        line,
        width,
        # The bar of a Side is repeated on every line.
        subsequent_indent=mark if mark == "| " else " " * len(mark),
        break_long_words=False,
        break_on_hyphens=False,
    )
