"""The commands of ``python -m newsletter``, one file per group; ``cli/main.py`` lists them."""

__all__ = ["main", "opening", "progress"]
