"""One finished email: headers, Slots, MJML and the plain-text twin."""

__all__ = ["headers", "markup", "messages", "phrases", "sender_domain", "slots", "templates"]
