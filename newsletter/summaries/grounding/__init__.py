"""Whether the cited articles carry a sentence."""

__all__ = ["hard_facts"]
