"""An Issue rendered: templates, MJML, HTML and plain text."""

__all__ = ["render", "story_phrases"]
