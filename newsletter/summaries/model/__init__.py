"""A language model as the writer and the judge of Stories."""

__all__ = ["asking", "budget", "judge", "recorded", "schema", "writer"]
