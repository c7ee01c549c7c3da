"""What goes out: composes, checks, edits and renders the Issue, and approves, holds or withdraws it."""

__all__ = [
    "archive",
    "checks",
    "compose",
    "editing",
    "length",
    "preview",
    "quick_fixes",
    "reading_list",
    "render",
    "renditions",
    "revisions",
    "sections",
    "service",
    "views",
]
