"""A real SMTP server (aiosmtpd) that keeps what it took and misbehaves on demand."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

# Asked at each point with the address (empty where there is none yet). None: behave.
# "550 words": reply so. "drop": hang up. "hang" (rcpt): say nothing for long. "take-and-drop": (dot) take the mail, then hang up. "take-and-hang": … then say nothing.
Fault = Callable[[str, str], str | None]


@dataclass
class SmtpServer:
    """``with SmtpServer() as server``. ``mails`` are (address, bytes) in the order in which they were taken."""

    fault: Fault = lambda point, address: None
    pipelining: bool = False
    certificate: ssl.SSLContext | None = None
    from_the_start: bool = False
    password: str = ""
    mails: list[tuple[str, bytes]] = field(default_factory=list)
    senders: list[str] = field(default_factory=list)  # of the envelopes of ``mails``
    connections: int = 0
    encrypted: int = 0
    port: int = 0

    def __enter__(self) -> SmtpServer:
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self._controller = _Controller(self)
        self._controller.start()
        self.connections = 0  # the controller's own look
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()

    def let_in(self, session: Session, data: Any) -> AuthResult:
        return AuthResult(success=data.password.decode() == self.password, handled=False)

    async def dot(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """What becomes of a whole mail."""
        to = envelope.rcpt_tos[0]
        said = self.fault("dot", to)
        if said is None or said.startswith("take-and"):
            self.mails.append((to, envelope.original_content or b""))
            self.senders.append(envelope.mail_from or "")
        if said in ("drop", "take-and-drop"):
            server.transport.abort()
        elif said == "take-and-hang":
            await asyncio.sleep(30)
        elif said:
            return said
        return f"250 2.0.0 Ok: queued as Q{len(self.mails):06d}"

    @property
    def url(self) -> str:
        return f"{'smtps' if self.from_the_start else 'smtp'}://127.0.0.1:{self.port}"


class _Controller(Controller):
    def __init__(self, server: SmtpServer) -> None:
        self._kept = server
        super().__init__(
            _Handler(server),
            hostname="127.0.0.1",
            port=server.port,
            ssl_context=server.certificate if server.from_the_start else None,
        )

    def factory(self) -> SMTP:
        kept = self._kept
        more: dict[str, Any] = {}
        if kept.password:
            more = {"authenticator": self._let_in, "auth_required": True, "auth_require_tls": False}
        if kept.certificate and not kept.from_the_start:
            more["tls_context"] = kept.certificate
        return _Server(kept, self.handler, **more)

    def _let_in(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        return self._kept.let_in(session, data)


class _Server(SMTP):
    def __init__(self, kept: SmtpServer, handler: Any, **more: Any) -> None:
        self._kept = kept
        super().__init__(handler, enable_SMTPUTF8=False, **more)

    def connection_made(self, transport: Any) -> None:
        self._kept.connections += 1
        if transport.get_extra_info("sslcontext") is not None:
            self._kept.encrypted += 1
        said = self._kept.fault("greeting", "")
        if said == "drop":
            transport.abort()
        elif said:
            transport.write(f"{said}\r\n".encode())
            transport.close()
        else:
            super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        with contextlib.suppress(AttributeError, AssertionError):  # never greeted
            super().connection_lost(error)


class _Handler:
    def __init__(self, kept: SmtpServer) -> None:
        self._kept = kept

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [responses[0], "250-PIPELINING", *responses[1:]] if self._kept.pipelining else responses

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if said := self._say(server, "mail", address):
            return said
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if said := self._say(server, "rcpt", address):
            if said == "hang":
                await asyncio.sleep(5)
            return said
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        return await self._kept.dot(server, session, envelope)

    def _say(self, server: SMTP, point: str, address: str) -> str | None:
        said = self._kept.fault(point, address)
        if said == "drop":
            server.transport.abort()
            return "421 bye"
        return said
