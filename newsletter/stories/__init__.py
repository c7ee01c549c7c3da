"""What belongs together: articles grouped into Stories, and Stories into threads."""

__all__ = [
    "clustering",
    "continuity",
    "embeddings",
    "grouping",
    "regroup",
    "reports",
    "sides",
    "tfidf",
    "threads",
    "topic_words",
    "words",
]
