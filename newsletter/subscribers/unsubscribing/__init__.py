"""Stops the mail to a reader: by their link, by an Operator, while the database is away, and after a restore."""

__all__ = ["operator_suppressions", "restore", "spool", "unsubscribe", "unsubscribe_log"]
