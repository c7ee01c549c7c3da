"""The Outbox: mail kept in a folder."""

__all__ = ["send"]
