"""A language model as the writer of Stories."""

__all__ = ["budget"]
