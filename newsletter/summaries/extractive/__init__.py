"""The summarizer without a model: one outlet's paragraph, headlines side by side, quotes and statements. Pure."""

from newsletter.summaries.extractive.summarizer import Extractive, overview

__all__ = ["summarizer"]
