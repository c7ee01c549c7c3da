"""Writes an Issue as it will arrive: HTML, text, ``.eml`` and pictures, for the command line and the desk."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from newsletter.delivery.mail import headers, slots
from newsletter.delivery.mail.messages import Message
from newsletter.issues.renditions import RenderedIssue
from newsletter.issues.views import IssueView
from newsletter.links import Links
from newsletter.settings import Settings

DESKTOP, PHONE = 600, 375  # CSS pixels
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_LAUNCH = (
    "--no-sandbox",  # shows our own HTML with JavaScript off and no network
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
# Some mail programs darken every light mail; this style imitates them, so that the picture shows the result.
_FORCED_DARK = "--enable-features=WebContentsForceDark"


@dataclass(frozen=True)
class Preview:
    """The files written, and one sentence about what could not be written (empty when everything was)."""

    files: tuple[Path, ...]
    note: str = ""


def example_slots(links: Links) -> dict[str, str]:
    """Return the values of the Slots in a Preview: addresses of the right form that belong to no reader."""
    return {
        "unsubscribe_url": links.unsubscribe("example"),
        "account_url": links.account(),
        "pass": "example",
    }


def write_preview(
    view: IssueView,
    renditions: Sequence[RenderedIssue],
    folder: Path,
    *,
    settings: Settings,
    links: Links,
    now: datetime,
    pictures: bool = True,
) -> Preview:
    """Write ``full.*`` and ``metered.*`` into ``folder``, made if it is missing. Raises OSError when it cannot be.

    Pictures need a Chromium; without one everything else is written and the note says so.
    """
    folder.mkdir(parents=True, exist_ok=True)
    values = example_slots(links)
    files: list[Path] = []
    pages: list[tuple[str, str]] = []
    for made in renditions:
        html = slots.fill(made.html, values, html=True)
        pages.append((made.kind, html))
        reference = f"preview:{view.issued_on:%Y%m%d}-{made.kind}"
        message = Message(
            reference=reference,
            to="reader@example.com",
            template=made.template(),
            slots=values,
            headers=headers.issue_headers(
                reference=reference,
                issued_on=view.issued_on,
                rendition=made.kind,
                unsubscribe_url=values["unsubscribe_url"],
                settings=settings,
                links=links,
                disclosure=headers.disclosed(made.html, reviewed=view.reviewed),
            ),
        )
        for ending, data in (
            ("html", html.encode()),
            ("txt", slots.fill(made.text, values, html=False).encode()),
            ("eml", headers.mime(message, sender=settings.MAIL_FROM, date=now)),
        ):
            path = folder / f"{made.kind}.{ending}"
            path.write_bytes(data)
            files.append(path)
    if not pictures:
        return Preview(tuple(files))
    taken, note = take_pictures(pages, folder)
    return Preview((*files, *taken), note)


def find_browser() -> str | None:
    """Return the path of a Chromium on this machine; None when there is none."""
    return next(filter(None, map(shutil.which, _BROWSERS)), None)


def take_pictures(pages: Sequence[tuple[str, str]], folder: Path) -> tuple[list[Path], str]:
    """Picture each (name, HTML) at 600 and 375 px, light, dark and darkened by force. Returns files and a note."""
    # In a thread of its own, because Playwright refuses a thread that runs an asyncio loop.
    with ThreadPoolExecutor(1) as apart:
        return apart.submit(_take_pictures, pages, folder).result()


def _take_pictures(pages: Sequence[tuple[str, str]], folder: Path) -> tuple[list[Path], str]:
    browser = find_browser()
    if browser is None:
        return [], "No Chromium was found, so no pictures were taken; everything else is written."
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        return (
            [],
            "The package playwright is not installed, so no pictures were taken; everything else is written.",
        )
    files: list[Path] = []
    try:
        with sync_playwright() as playwright:
            for forced in (False, True):
                args = [*_LAUNCH, _FORCED_DARK] if forced else [*_LAUNCH]
                chromium = playwright.chromium.launch(executable_path=browser, args=args)
                for name, html in pages:
                    for suffix, width, scheme in _SHOTS[forced]:
                        page = chromium.new_page(
                            viewport={"width": width, "height": 800},
                            color_scheme=scheme,
                            java_script_enabled=False,
                            offline=True,
                        )
                        page.set_content(html)
                        path = folder / f"{name}{suffix}.png"
                        page.screenshot(path=path, full_page=True)
                        page.close()
                        files.append(path)
                chromium.close()
    except Error as error:
        reason = str(error).strip().splitlines()[0]
        return files, f"Chromium could not take the pictures ({reason}); everything else is written."
    return files, ""


_Scheme = Literal["light", "dark"]
_SHOTS: dict[bool, tuple[tuple[str, int, _Scheme], ...]] = {
    False: (("", DESKTOP, "light"), ("-375", PHONE, "light"), ("-dark", DESKTOP, "dark")),
    True: (("-forced-dark", DESKTOP, "light"),),
}
