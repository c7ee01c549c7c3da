"""Checks for readers who see little or nothing: alternative texts of pictures, words of links, and contrast. Pure."""

from __future__ import annotations

from newsletter.issues.checks.color_contrast import AA, poor_contrasts
from newsletter.issues.checks.findings import Answers, Case, Remedy

_RENDER = (Remedy("rerender", "Render it anew"),)


def alt_text(case: Case) -> Answers:
    pictures = 0
    for mail in case.mails:
        pictures += mail.page.pictures
        if mail.page.unnamed_pictures:
            yield (
                "block",
                f"The {mail.kind} HTML has {mail.page.unnamed_pictures} pictures without alternative text.",
                _RENDER,
            )
        if mail.page.unnamed_links:
            yield "block", f"The {mail.kind} HTML has {mail.page.unnamed_links} links without words.", _RENDER
        if not mail.page.language:
            yield "warn", f"The {mail.kind} HTML does not name its language.", _RENDER
    yield (
        "pass",
        f"All {pictures} pictures and every link have words."
        if pictures
        else "No pictures; every link has words.",
    )


def contrast(case: Case) -> Answers:
    for mail in case.mails:
        for light, found in (
            ("light", poor_contrasts(mail.rendition.html)),
            ("dark", poor_contrasts(mail.rendition.html, dark=True)),
        ):
            for poor in found[:3]:
                yield (
                    "block",
                    f"In {light}, “{poor.words[:40]}” of the {mail.kind} HTML has a contrast of {poor.ratio:.1f}; {AA} is the least.",
                    _RENDER,
                )
    yield "pass", f"All words have a contrast of at least {AA}, in light and in dark."
