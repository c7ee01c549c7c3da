"""What is said of a Story, with every sentence cited."""

__all__ = [
    "changed_articles",
    "coherence",
    "grounding",
    "loaded_words",
    "model",
    "protocol",
    "registry",
    "segmentation",
    "selection",
    "story_text",
    "summarize",
]
