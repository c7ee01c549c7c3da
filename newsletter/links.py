"""Builds every address that we print, from ``SITE_URL`` alone and never from a request's Host header."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from urllib.parse import quote


@dataclass(frozen=True)
class Links:
    """Absolute addresses of this site. ``site_url`` has no trailing slash."""

    site_url: str

    def _to(self, path: str) -> str:
        return f"{self.site_url.rstrip('/')}{path}"

    def home(self) -> str:
        return self._to("/")

    def story(self, slug: str) -> str:
        return self._to(f"/stories/{quote(slug)}")

    def story_shown(self, slug: str, token: str, mail_pass: str = "") -> str:
        """The picture that counts a Read when the page is shown; ``mail_pass`` is that of the page's own address."""
        also = f"&pass={quote(mail_pass)}" if mail_pass else ""
        return f"{self.story(slug)}/shown.svg?seen={quote(token)}{also}"

    def report(self, slug: str) -> str:
        return self._to(f"/stories/{quote(slug)}/report")

    def issues(self) -> str:
        return self._to("/issues")

    def latest_issue(self) -> str:
        """An address that always leads to the newest Issue."""
        return self._to("/issues/latest")

    def issue(self, issued_on: date) -> str:
        return self._to(f"/issues/{issued_on.isoformat()}")

    def picture(self) -> str:
        """What other sites show beside a link to the front page."""
        return self._to("/picture.png")

    def story_picture(self, slug: str) -> str:
        return f"{self.story(slug)}/picture.png"

    def issue_picture(self, issued_on: date) -> str:
        return f"{self.issue(issued_on)}/picture.png"

    def atom(self) -> str:
        return self._to("/issues.atom")

    def signup(self) -> str:
        return self._to("/signup")

    def confirm(self, token: str) -> str:
        return self._to(f"/confirm/{quote(token)}")

    def signin(self, token: str = "") -> str:
        return self._to(f"/signin/{quote(token)}" if token else "/signin")

    def signin_for(self, path: str) -> str:
        """The sign-in form, which leads back to this path of ours."""
        return f"{self.signin()}?then={quote(path, safe='/')}"

    def account(self) -> str:
        return self._to("/account")

    def checkout(self, token: str = "") -> str:
        return self._to(f"/checkout/for/{quote(token)}" if token else "/checkout")

    def unsubscribe(self, token: str) -> str:
        return self._to(f"/unsubscribe/{quote(token)}")

    def desk(self, path: str = "") -> str:
        return self._to(f"/desk/{path}")

    def desk_signin(self, token: str) -> str:
        return self._to(f"/desk/signin/{quote(token)}")

    def static(self, name: str) -> str:
        return self._to(f"/static/{name}")

    def page(self, name: str) -> str:
        """``about``, ``privacy`` or ``terms``."""
        return self._to(f"/{name}")
