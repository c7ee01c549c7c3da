"""Errors for an operator: each is one sentence and an exit code."""

from __future__ import annotations


class NewsletterError(Exception):
    """Something an operator must know: one clear sentence, no stack trace.

    The command line prints the sentence to standard error and exits with ``exit_code``; the desk shows it.
    """

    exit_code = 1


class SettingsError(NewsletterError):
    """A setting is missing, malformed, or unsafe in production."""

    exit_code = 2


class CatalogueError(NewsletterError):
    """``outlets.toml`` cannot be used. The sentence names the file, the line and the reason."""

    exit_code = 3


class DatabaseError(NewsletterError):
    """The database is unreachable, read-only, full, unmigrated, or newer than this code."""

    exit_code = 4


class NothingToRead(NewsletterError):
    """No feed could be reached, or none held an Entry we can use."""

    exit_code = 5


class TooFewStories(NewsletterError):
    """Too few Stories for an Issue. It is not sent; the operator is told."""

    exit_code = 6


class Refused(NewsletterError):
    """The request is understood and not allowed as things stand (a blocking Check, a wrong state, other bytes)."""

    exit_code = 7


class ChangedMeanwhile(Refused):
    """Somebody else changed what the request was about after it was looked at."""


class PortTaken(NewsletterError):
    """Another program listens on the port, or we may not."""

    exit_code = 8


class NotFound(NewsletterError):
    """No such Issue, Step, Subscriber or file."""

    exit_code = 9
