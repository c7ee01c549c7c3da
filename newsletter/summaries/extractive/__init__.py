"""The summarizer without a model: one outlet's paragraph, headlines side by side, quotes and statements. Pure."""

__all__ = ["summarizer"]
