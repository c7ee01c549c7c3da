"""Which reader is signed in on this browser."""

from __future__ import annotations

from flask import Request, Response, request

from newsletter import db
from newsletter.subscribers import signin
from newsletter.web.services import services


def cookie_name() -> str:
    """With https a name that browsers give to nobody but this very host."""
    return "__Host-reader" if _over_https() else "reader"


def _over_https() -> bool:
    return services().settings.SITE_URL.startswith("https://")


def secret(asked: Request | None = None) -> str:
    """What the browser shows for a Sign-in; empty when it shows nothing."""
    return (asked or request).cookies.get(cookie_name(), "")


def current_reader(asked: Request) -> int | None:
    """The number of the Subscriber who is signed in; None when nobody is."""
    shown = secret(asked)
    if not shown:
        return None
    here = services()
    with db.reading(here.sessions) as session:
        found = signin.reader_of(session, shown, now=here.now())
        return found.id if found else None


def set_cookie(response: Response, fresh: str) -> None:
    """Keep the Sign-in's secret in the browser: not for scripts, and of other sites' forms it never comes along.

    ``Lax``, so that a reader who follows a link from the mail is still signed in.
    """
    response.set_cookie(
        cookie_name(),
        fresh,
        max_age=int(signin.SIGNED_IN_FOR.total_seconds()),
        path="/",
        secure=_over_https(),
        httponly=True,
        samesite="Lax",
    )


def drop_cookie(response: Response) -> None:
    response.delete_cookie(cookie_name(), path="/", secure=_over_https(), httponly=True, samesite="Lax")
