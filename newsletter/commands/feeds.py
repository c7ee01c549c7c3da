"""``feeds``: the Catalogue's feeds, looked at, taken in and handed out."""

from __future__ import annotations

import click


@click.group()
def feeds() -> None:
    """Check the catalogue's feeds, import them from OPML, export them as OPML."""
