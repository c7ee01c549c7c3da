"""SendGrid: submitting over its v3 API and reading its event webhook."""

__all__ = ["events"]
