"""Gathering of Articles: Outlets, their Feeds, and the Articles in them."""

__all__ = [
    "catalogue",
    "crawl",
    "feed_pause",
    "fetcher",
    "gather",
    "health",
    "html_text",
    "kinds",
    "leans",
    "opml",
    "page_text",
    "read_pages",
    "sample",
]
