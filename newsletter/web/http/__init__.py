"""What many pages share: headers, cookies, forms, errors, the page cache."""

__all__ = ["cookies", "csrf", "errors", "headers", "page_cache"]
