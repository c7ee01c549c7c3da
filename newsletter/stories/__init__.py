"""Grouping: Articles into Stories, and Stories into threads."""

__all__ = [
    "clustering",
    "dedup",
    "embeddings",
    "grouping",
    "regroup",
    "reports",
    "sides",
    "story_matching",
    "tfidf",
    "threads",
    "topic_words",
    "words",
]
