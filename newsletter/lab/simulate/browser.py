"""A simulated reader's browser: it opens pages, fills in their forms and submits them. It runs no scripts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

from lxml import html


class NotOffered(Exception):
    """The page has no such form or link: a defect of the site, or of the simulated reader."""


@dataclass(frozen=True)
class Page:
    """An answer of the site, after redirects within it."""

    url: str
    status: int
    text: str

    def form(self, *, ends: str = "", having: str = "", button: str = "") -> Any:
        """Return the first form whose address ends with ``ends``, with this field and this button. Raises :class:`NotOffered`."""
        for form in html.fromstring(self.text, base_url=self.url).forms:
            path = urlsplit(form.action or self.url).path
            buttons = {b.get("value") or "" for b in form.iter("button")}
            if (
                path.endswith(ends)
                and (not having or having in form.fields)
                and (not button or button in buttons)
            ):
                return form
        raise NotOffered(f"{self.url} ({self.status}) has no form {ends or having or button}")

    def link(self, part: str) -> str | None:
        """Return the first link whose address contains ``part``."""
        return self._address("a", "href", part)

    def picture(self, part: str) -> str | None:
        """Return the first picture whose address contains ``part``."""
        return self._address("img", "src", part)

    def _address(self, tag: str, attribute: str, part: str) -> str | None:
        for element in html.fromstring(self.text).iter(tag):
            address: str = element.get(attribute) or ""
            if part in address:
                return urljoin(self.url, address)
        return None


class Browser:
    """``client`` is Werkzeug's test client: the whole site answers, without a socket. Keeps cookies."""

    def __init__(self, client: Any, *, site_url: str, network: str) -> None:
        self._client = client
        self._site_url = site_url
        self._from = {"REMOTE_ADDR": network}

    def open(self, url: str) -> Page:
        return self._request("get", url)

    def submit(self, page: Page, form: Any, *, button: str = "", **values: str) -> Page:
        """Send the form with its values, overridden by ``values``; ``button`` is the value of the pressed button."""
        given = {name: value for name, value in form.form_values()} | values
        if button:
            given["do"] = button
        return self._request("post", form.action or page.url, given)

    def post(self, url: str, **values: str) -> Page:
        """Post as a mail program does for its reader (RFC 8058)."""
        return self._request("post", url, values)

    def _request(self, how: str, url: str, values: dict[str, str] | None = None) -> Page:
        parts = urlsplit(urljoin(self._site_url, url))
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        said = {"data": values} if how == "post" else {}
        answer = getattr(self._client, how)(
            path, base_url=self._site_url, environ_base=self._from, follow_redirects=True, **said
        )
        if answer.status_code >= 500:
            raise NotOffered(f"{parts.path.split('/')[1]} answered {answer.status_code}")
        return Page(urljoin(self._site_url, answer.request.path), answer.status_code, answer.text)
