"""An SMTP relay: submitting, signing, and reading bounce mails."""

__all__ = ["bounce_mail"]
