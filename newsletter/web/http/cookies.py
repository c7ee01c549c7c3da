"""The site's cookies: a reader's Sign-in, an operator's, and the Meter of who is not signed in. Each holds one secret."""

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
        """With https a name that browsers accept from this very host only."""
        return f"__Host-{self.base_name}" if _over_https() else self.base_name

    def value(self) -> str:
        """What the browser sent with this request; empty when it sent nothing."""
        return request.cookies.get(self.name, "")

    def set(self, response: Response, value: str) -> None:
        """Have ``response`` store ``value`` in the browser."""
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
        """Have ``response`` remove the cookie from the browser."""
        response.delete_cookie(
            self.name, path="/", secure=_over_https(), httponly=True, samesite=self.same_site
        )


def _over_https() -> bool:
    return services().settings.SITE_URL.startswith("https://")


# "Lax", so that a reader who follows a link from the mail is still signed in.
READER = Cookie("reader", signin.SIGNED_IN_FOR, "Lax")
OPERATOR = Cookie("desk", operators.SIGNED_IN_FOR, "Strict")
METER = Cookie("meter", timedelta(days=366), "Lax")  # as long as its token is good
