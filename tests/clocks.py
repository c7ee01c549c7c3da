"""A clock for the tests."""

from __future__ import annotations

from datetime import datetime


class Hands:
    """A clock that stands where it is put, and may be put back."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at
