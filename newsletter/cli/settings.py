"""``settings``: shows each setting, where its value comes from and what it is for."""

from __future__ import annotations

import json
import re
from typing import Any

import click
from pydantic import SecretStr

from newsletter.cli import opening
from newsletter.settings import Settings

# The password in an address, after the name.
_PASSWORD = re.compile(r"(://[^/@\s]*?:)[^/\s]*@")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Report as JSON.")
def settings(as_json: bool) -> None:
    """Show every setting, its value (secrets hidden) and what it is for."""
    current = opening.open_settings()
    rows = [
        {
            "name": name,
            "value": _as_text(getattr(current, name)),
            "set": name in current.model_fields_set,
            "help": field.description,
        }
        for name, field in Settings.model_fields.items()
    ]
    if as_json:
        click.echo(json.dumps(rows))
        return
    for row in rows:
        click.echo(f"{row['name']}={row['value']}{'' if row['set'] else '  (default)'}\n    {row['help']}")
    for reason in current.unsafe():
        click.echo(f"Not fit for production: {reason}.", err=True)


def _as_text(value: Any) -> str:
    if isinstance(value, SecretStr):
        return "(set, hidden)" if value.get_secret_value() else ""
    return _PASSWORD.sub(r"\1***@", str(value))
