"""Parts that many pages share: headers, cookies, form tokens, error pages, and the page cache."""

__all__ = ["cookies", "csrf", "errors", "headers", "page_cache"]
