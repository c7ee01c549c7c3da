"""What is said of a Story, with every sentence cited."""

__all__ = [
    "changed_articles",
    "contrast",
    "extractive",
    "grounding",
    "headline_words",
    "loaded_words",
    "model",
    "operators_words",
    "protocol",
    "registry",
    "story_text",
    "summarize",
]
