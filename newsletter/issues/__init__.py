"""What goes out: the Issue composed, checked, edited, rendered and taken through its acts."""

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
