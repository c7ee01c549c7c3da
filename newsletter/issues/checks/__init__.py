"""Pre-flight Checks of an Issue: one file a family."""

__all__ = ["context", "link_looks", "operators", "outside"]
