"""The preview of the mail in a frame: the stored bytes with example values in their Slots, behind a policy of its own.

Only one thing may differ from what readers get, and only on request: the mail asks the mailbox for its colour scheme, and
the preview can answer "light" or "dark" in the style rules of the mail's head.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from flask import Response, make_response, request

from newsletter import db
from newsletter.delivery import ledger
from newsletter.delivery.mail import slots
from newsletter.delivery.mail.messages import Template
from newsletter.desk.guard import bp
from newsletter.desk.times import day_of
from newsletter.errors import NotFound
from newsletter.issues.preview import example_slots
from newsletter.issues.service import find_issue
from newsletter.web.services import services

# No scripts, forms, network or plugins, and an opaque origin, so that even a malformed mail can do no harm.
FRAME_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'"
)
KINDS = {"full": "Full", "metered": "Metered"}
FORMS = {"html": "HTML", "text": "Plain text"}
WIDTHS = {"": "This screen", "600": "600 px", "375": "375 px"}
SCHEMES = {"": "As set here", "light": "Light", "dark": "Dark", "forced": "Forced dark"}
_DARK_QUERY = re.compile(r"\(\s*prefers-color-scheme\s*:\s*dark\s*\)")
# Some mailboxes invert every colour but those of pictures. None publishes how; this is the strongest form.
_FORCED_DARK = (
    "<style>html{background:#fff;filter:invert(1) hue-rotate(180deg)}"
    "img{filter:invert(1) hue-rotate(180deg)}</style>"
)
_ALWAYS_OR_NEVER = {"dark": "(min-width:0)", "light": "(max-width:0)"}


@dataclass(frozen=True)
class PreviewOptions:
    """How the mail is previewed. The fields are the query of the page's address."""

    kind: str = "full"
    form: str = "html"
    width: str = ""
    scheme: str = ""
    zone: str = ""
    hour: int = 6

    def query(self, **changes: str) -> str:
        """Return the query with some fields changed: ``?kind=metered&width=375``."""
        defaults = PreviewOptions().__dict__
        chosen = {**self.__dict__, **changes}
        return "?" + urlencode({name: value for name, value in chosen.items() if value != defaults[name]})


def preview_options(args: Mapping[str, str]) -> PreviewOptions:
    """Return the options in the query; unknown values are ignored."""

    def one_of(name: str, known: Mapping[str, str], otherwise: str) -> str:
        value = args.get(name, otherwise)
        return value if value in known else otherwise

    hour = args.get("hour", "")
    return PreviewOptions(
        kind="full" if services().settings.is_free else one_of("kind", KINDS, "full"),
        form=one_of("form", FORMS, "html"),
        width=one_of("width", WIDTHS, ""),
        scheme=one_of("scheme", SCHEMES, ""),
        zone=args.get("zone", "")[:64],
        hour=int(hour) if hour in map(str, range(24)) else 6,
    )


@bp.get("/issues/<day>/frame")
def frame(day: str) -> Response:
    look = preview_options(request.args)
    site = services()
    with db.reading(site.sessions) as session:
        made = ledger.stored_templates(session, find_issue(session, day_of(day)).id).get(look.kind)
    if made is None:
        raise NotFound("This issue has not been rendered yet.")
    return frame_response(with_scheme(with_example_slots(made).html, look.scheme))


def with_example_slots(made: Template) -> Template:
    """Return the mail with an example value in every Slot."""
    values = example_slots(services().links)
    return replace(
        made,
        html=slots.fill(made.html, values, html=True),
        text=slots.fill(made.text, values, html=False),
    )


def frame_response(html: str) -> Response:
    """Return a response with the policy of frames."""
    answer = make_response(html)
    answer.headers["Content-Security-Policy"] = FRAME_POLICY
    return answer


def with_scheme(html: str, scheme: str) -> str:
    """Return the mail as a light, dark or color-inverting mailbox shows it; unchanged for any other ``scheme``."""
    if scheme == "forced":
        head, mark, body = with_scheme(html, "light").partition("</head>")
        return f"{head}{_FORCED_DARK}{mark}{body}"
    if scheme not in _ALWAYS_OR_NEVER:
        return html
    head, mark, body = html.partition("</head>")
    head = _DARK_QUERY.sub(_ALWAYS_OR_NEVER[scheme], head).replace("light dark", scheme)
    return f"{head}{mark}{body}"
