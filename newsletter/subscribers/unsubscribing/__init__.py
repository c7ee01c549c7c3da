"""Stopping the mail, whatever the database does."""

__all__ = ["log", "restore", "spool", "unsubscribe"]
