"""Pre-flight Checks of an Issue: one file for each family."""

__all__ = ["context", "link_looks", "operators", "outside"]
