"""Renders an Issue: templates, MJML, HTML and plain text."""

__all__ = ["authorship", "render", "story_phrases"]
