"""What every answer of the site goes through: headers, errors, forms, the page cache."""

__all__ = ["csrf", "errors", "headers", "page_cache"]
