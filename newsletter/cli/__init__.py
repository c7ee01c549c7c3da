"""The commands of ``python -m newsletter``, one file for each group; ``cli/main.py`` lists them."""

__all__ = ["main", "opening", "progress"]
