"""The site's cookies: a reader's Sign-in, an operator's Sign-in, the Meter of readers who are not signed in, and for an hour the page to
return to after signing in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from flask import Response, request

from newsletter.subscribers import operators, signin
from newsletter.web.services import services


@dataclass(frozen=True)
class Cookie:
    """A cookie that scripts cannot read, on every path of this host."""

    base_name: str
    lifetime: timedelta
    same_site: str  # "Strict" or "Lax"

    @property
    def name(self) -> str:
        """The cookie's name. With https it has the prefix __Host-, which browsers accept only from this very host."""
        return f"__Host-{self.base_name}" if _over_https() else self.base_name

    def value(self) -> str:
        """Return the value that the browser sent with this request, or an empty string."""
        return request.cookies.get(self.name, "")

    def set(self, response: Response, value: str) -> None:
        """Store ``value`` in the browser with ``response``."""
        response.set_cookie(
            self.name,
            value,
            max_age=int(self.lifetime.total_seconds()),
            path="/",
            secure=_over_https(),
            httponly=True,
            samesite=self.same_site,
        )

    def delete(self, response: Response) -> None:
        """Remove the cookie from the browser with ``response``."""
        response.delete_cookie(
            self.name, path="/", secure=_over_https(), httponly=True, samesite=self.same_site
        )


def _over_https() -> bool:
    return services().settings.SITE_URL.startswith("https://")


# "Lax", so that a reader who follows a link from the mail is still signed in.
READER = Cookie("reader", signin.SIGNED_IN_FOR, "Lax")
OPERATOR = Cookie("desk", operators.SIGNED_IN_FOR, "Strict")
THEN = Cookie("then", timedelta(hours=1), "Lax")
METER = Cookie("meter", timedelta(days=366), "Lax")  # as long as its token is valid
