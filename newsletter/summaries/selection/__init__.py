"""The extractive summarizer: sentences chosen from the articles."""

__all__ = [
    "differences",
    "extractive",
    "overview",
    "questions",
    "rouge",
    "selection",
    "speakers",
    "statements",
]
