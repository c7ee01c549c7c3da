"""The cookie of an operator's Sign-in: set by the desk, read by story pages, which operators open without the Meter."""

from __future__ import annotations

from flask import Response, request

from newsletter.subscribers import operators
from newsletter.web.services import services


def cookie_name() -> str:
    """With https a name that browsers give to nobody but this very host."""
    return "__Host-desk" if _over_https() else "desk"


def _over_https() -> bool:
    return services().settings.SITE_URL.startswith("https://")


def set_cookie(response: Response, secret: str) -> None:
    """Keep the Sign-in's secret in the browser: not for scripts, not for forms of other sites."""
    response.set_cookie(
        cookie_name(),
        secret,
        max_age=int(operators.SIGNED_IN_FOR.total_seconds()),
        path="/",
        secure=_over_https(),
        httponly=True,
        samesite="Strict",
    )


def drop_cookie(response: Response) -> None:
    response.delete_cookie(cookie_name(), path="/", secure=_over_https(), httponly=True, samesite="Strict")


def secret() -> str:
    return request.cookies.get(cookie_name(), "")
