"""Pre-flight Checks of an Issue: one file for each family."""

__all__ = ["circumstances", "context", "link_status", "operators"]
