"""Style sheets, scripts and icons. Their addresses carry a hash of the content, so that browsers may keep them for a year."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path

from flask import Blueprint, Response, abort, request, send_from_directory

from newsletter.web.http.headers import ONE_YEAR
from newsletter.web.services import services

bp = Blueprint("static_files", __name__)
FOLDER = Path(__file__).parent / "static"


def asset(name: str) -> str:
    """Return the address of a file in ``static/``, with the hash of its present content."""
    stamp = (FOLDER / name).stat().st_mtime_ns
    return f"{services().paths.static(name)}?v={_hash(name, stamp)}"


@cache
def _hash(name: str, _stamp: int) -> str:
    return sha256((FOLDER / name).read_bytes()).hexdigest()[:12]


@bp.get("/static/<path:name>")
def static(name: str) -> Response:
    """A file of ``static/``. Browsers may keep it for a year when its address has the hash, otherwise for a minute."""
    if "\x00" in name or not (FOLDER / name).resolve().is_relative_to(FOLDER):
        abort(404)
    response = send_from_directory(FOLDER, name)
    cache_control = (
        f"public, max-age={ONE_YEAR}, immutable" if request.args.get("v") else "public, max-age=60"
    )
    response.headers["Cache-Control"] = cache_control
    return response
