"""For each registered email provider: the real thing behind it, and what arrived there. One function and one line for a new one."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from pathlib import Path

from newsletter import clock
from newsletter.delivery import providers
from newsletter.delivery.providers.protocol import EmailProvider
from newsletter.settings import Settings
from tests.servers.event_signing import Signer, body_of, word
from tests.servers.sendgrid_server import KEY, SendGridServer
from tests.servers.smtp_server import SmtpServer

MakeSettings = Callable[..., Settings]


@dataclass(frozen=True)
class Arrived:
    """One mail as the far side has it. ``reference`` as the far side would name it back to us."""

    reference: str
    to: str
    subject: str
    html: str
    text: str
    headers: Mapping[str, str]
    sender: str  # the From line


@dataclass(frozen=True)
class Reports:
    """How the far side reports events: the settings that verify them, and its signed post about the mail of a reference."""

    settings: Settings
    delivered: Callable[
        [str, datetime], tuple[bytes, dict[str, str]]
    ]  # (reference, moment) → body and header lines


@dataclass(frozen=True)
class Harness:
    """``provider`` talks to a real far side; ``arrived`` is what that has; ``unreachable`` talks to nobody.

    ``whole_or_nothing`` says of a provider that a Message cannot be half submitted; ``reports`` is None when it has no webhook.
    """

    provider: EmailProvider
    arrived: Callable[[], list[Arrived]]
    unreachable: EmailProvider
    whole_or_nothing: bool = False
    reports: Reports | None = None


def make(settings: Settings) -> EmailProvider:
    return providers.make(settings, now=clock.system)


def closed_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def parsed(raw: bytes, to: str = "") -> Arrived:
    """A mail from its bytes."""
    mail = message_from_bytes(raw, policy=policy.default)

    def body(kind: str) -> str:
        part = mail.get_body((kind,))
        return str(part.get_content()) if part else ""

    local = str(mail["Message-ID"]).strip("<>").partition("@")[0]
    headers = {k: str(v) for k, v in mail.items()}
    return Arrived(
        local.replace(".", ":"),
        to or str(mail["To"]),
        headers["Subject"],
        body("html"),
        body("plain"),
        headers,
        headers["From"],
    )


@contextmanager
def outbox(make_settings: MakeSettings, tmp_path: Path) -> Iterator[Harness]:
    folder = tmp_path / "outbox"
    blocked = tmp_path / "a-file"
    blocked.write_text("not a folder")
    yield Harness(
        make(make_settings(MAIL_PROVIDER="outbox", OUTBOX_DIR=folder)),
        lambda: [parsed(p.read_bytes()) for p in folder.glob("*.eml")],
        make(make_settings(MAIL_PROVIDER="outbox", OUTBOX_DIR=blocked / "below")),
        whole_or_nothing=True,
    )


@contextmanager
def smtp(make_settings: MakeSettings, tmp_path: Path) -> Iterator[Harness]:
    with SmtpServer() as server:
        yield Harness(
            make(make_settings(MAIL_PROVIDER="smtp", SMTP_URL=server.url)),
            lambda: [parsed(raw, to) for to, raw in server.mails],
            make(make_settings(MAIL_PROVIDER="smtp", SMTP_URL=f"smtp://127.0.0.1:{closed_port()}")),
        )


@contextmanager
def sendgrid(make_settings: MakeSettings, tmp_path: Path) -> Iterator[Harness]:
    signer = Signer()
    fixed = {"MAIL_PROVIDER": "sendgrid", "SENDGRID_API_KEY": KEY, "SENDGRID_WEBHOOK_KEY": signer.public}

    def delivered(reference: str, at: datetime) -> tuple[bytes, dict[str, str]]:
        body = body_of([word("e1", "delivered", reference, at=at)])
        return body, signer.headers(body, at=at)

    with SendGridServer() as server:
        yield Harness(
            make(make_settings(**fixed, SENDGRID_HOST=server.url)),
            lambda: [Arrived(**{k: v for k, v in m.items() if k != "sg_message_id"}) for m in server.mails],
            make(make_settings(**fixed, SENDGRID_HOST=f"http://127.0.0.1:{closed_port()}")),
            reports=Reports(make_settings(**fixed), delivered),
        )


HARNESSES: dict[str, Callable[[MakeSettings, Path], AbstractContextManager[Harness]]] = {
    "outbox": outbox,
    "sendgrid": sendgrid,
    "smtp": smtp,
}
