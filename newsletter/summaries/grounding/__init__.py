"""Whether the cited articles carry a sentence."""

__all__ = ["answered_for", "facts", "gate"]
