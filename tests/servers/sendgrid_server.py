"""A real HTTP server that speaks SendGrid's v3 mail/send, keeps what it took, and misbehaves on demand."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "SG.test-key"
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[a-z]{2,}")

# Asked for each call with its number from 1 and its body. None: behave. A number: answer with that status, nothing taken.
# (status, headers, errors): the same with header lines and an error list. "accept-then-…" takes the mail first.
Fault = Callable[[int, dict[str, Any]], "int | str | tuple[int, dict[str, str], list[dict[str, str]]] | None"]


@dataclass
class SendGridServer:
    """``with SendGridServer() as server``. ``mails`` are as the reader would have them, in order."""

    fault: Fault = lambda number, body: None
    mails: list[dict[str, Any]] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    hang: float = 2.0  # seconds
    keeps_open: bool = False  # connections, after an answer
    connections: int = 0
    scopes: tuple[str, ...] = ("mail.send", "sender_verification_eligible")  # of the key

    def __enter__(self) -> SendGridServer:
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.kept = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def hang_up(self) -> None:
        """Close every connection that is kept open."""
        for connection in self._server.open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        time.sleep(0.05)  # until the other side's kernel knows

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def lets_in(self, key: str) -> bool:
        return key == KEY

    def refuse(self, body: dict[str, Any]) -> list[dict[str, str]]:
        """What is wrong with this body; empty when it may be taken."""
        return refusals(body)

    def reached(self, point: str, key: str) -> None:
        """Told "before-acceptance" (the call is here, nothing is taken), "after-acceptance" (taken, unanswered) and "answered"."""

    def number(self, body: dict[str, Any]) -> int:
        with self._lock:
            self.bodies.append(body)
            return len(self.bodies)

    def take(self, body: dict[str, Any], message_id: str) -> None:
        """Keep one mail for each reader, substitutions made."""
        contents = {c["type"]: c["value"] for c in body["content"]}
        for n, one in enumerate(body["personalizations"]):

            def filled(text: str, one: dict[str, Any] = one) -> str:
                for mark, value in one.get("substitutions", {}).items():
                    text = text.replace(mark, value)
                return text

            mail = {
                "reference": one.get("custom_args", {}).get("reference", ""),
                "to": one["to"][0]["email"],
                "subject": filled(one.get("subject", body.get("subject", ""))),
                "html": filled(contents["text/html"]),
                "text": filled(contents["text/plain"]),
                "headers": {**body.get("headers", {}), **one.get("headers", {})},
                "sender": "{} <{}>".format(body["from"].get("name", ""), body["from"]["email"]),
                "sg_message_id": f"{message_id}.filter.{n}",
            }
            with self._lock:
                self.mails.append(mail)


def refusals(body: dict[str, Any]) -> list[dict[str, str]]:
    """What the real one says of a body it does not like (400), by its documented rules."""
    readers = body.get("personalizations") or []
    if not 1 <= len(readers) <= 1000:
        return [{"field": "personalizations", "message": "1 to 1000 personalizations"}]
    found = []
    seen: set[str] = set()
    for n, one in enumerate(readers):
        address = one["to"][0]["email"]
        if not _ADDRESS.fullmatch(address):
            found.append(
                {
                    "field": f"personalizations.{n}.to.0.email",
                    "message": f"Does not contain a valid address: {address}.",
                }
            )
        if address.lower() in seen:
            found.append(
                {
                    "field": "personalizations",
                    "message": "Each unique email address should only be included once.",
                }
            )
        seen.add(address.lower())
        if sum(len(str(v)) for v in one.get("substitutions", {}).values()) > 10_000:
            found.append({"field": f"personalizations.{n}.substitutions", "message": "too long"})
    if [c["type"] for c in body.get("content", [])] != ["text/plain", "text/html"]:
        found.append({"field": "content", "message": "text/plain first, then text/html"})
    if not body.get("subject"):
        found.append({"field": "subject", "message": "The subject is required."})
    return found


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    kept: SendGridServer

    def __init__(self, *values: Any) -> None:
        super().__init__(*values)
        self.open: list[socket.socket] = []

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who hangs up on us, or whom we hung up on, is part of the test."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.kept.connections += 1
        self.server.open.append(self.connection)

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        key = (self.headers["Authorization"] or "").removeprefix("Bearer ")
        if self.path != "/v3/scopes":
            return self._answer(404, errors=[{"message": "not found"}])
        if not self.server.kept.lets_in(key):
            return self._answer(401, errors=[{"message": "The provided authorization grant is invalid"}])
        body = json.dumps({"scopes": self.server.kept.scopes}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        return None

    def do_POST(self) -> None:
        kept = self.server.kept
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path != "/v3/mail/send":
            return self._answer(404, errors=[{"message": "not found"}])
        key = (self.headers["Authorization"] or "").removeprefix("Bearer ")
        if not kept.lets_in(key):
            return self._answer(401, errors=[{"message": "The provided authorization grant is invalid"}])
        number = kept.number(body)
        message_id = f"id{number:06d}"
        kept.reached("before-acceptance", key)
        said = kept.fault(number, body)
        if isinstance(said, str) and said.startswith("accept-then-"):
            if errors := kept.refuse(body):
                return self._answer(400, errors=errors)
            kept.take(body, message_id)
            kept.reached("after-acceptance", key)
            return self._misbehave(said.removeprefix("accept-then-"), message_id)
        if isinstance(said, str):
            return self._misbehave(said, message_id)
        if isinstance(said, tuple):
            return self._answer(said[0], headers=said[1], errors=said[2])
        if said is not None:
            return self._answer(said, errors=[{"message": "as the test asked"}])
        if errors := kept.refuse(body):
            return self._answer(400, errors=errors)
        kept.take(body, message_id)
        kept.reached("after-acceptance", key)
        self._answer(202, headers={"X-Message-Id": message_id})
        return kept.reached("answered", key)

    def _misbehave(self, how: str, message_id: str) -> None:
        if how == "hang":
            time.sleep(self.server.kept.hang)
        elif how == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif how == "close":
            pass
        elif how == "half":
            self.wfile.write(b"HTTP/1.1 2")
        elif how == "202-and-half":
            self.wfile.write(b"HTTP/1.1 202 Accep")
        elif how == "half-body":
            self.wfile.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 100\r\n\r\n{")
        elif how == "garbage":
            self.wfile.write(b"\x00\x01 what\r\n\r\n")
        elif how == "no-id":
            return self._answer(202)
        elif how == "no-requests-left":
            return self._answer(
                202, headers={"X-Message-Id": message_id, "X-RateLimit-Remaining": "0", "Retry-After": "7"}
            )
        elif how.isdigit():
            return self._answer(int(how), errors=[{"message": "as the test asked"}])
        else:
            raise AssertionError(f"unknown fault {how}")
        self.close_connection = True
        self.connection.close()
        return None

    def _answer(
        self,
        status: int,
        *,
        headers: dict[str, str] | None = None,
        errors: list[dict[str, str]] | None = None,
    ) -> None:
        raw = json.dumps({"errors": errors}).encode() if errors else b""
        self.send_response(status)
        for name, value in {
            **(headers or {}),
            "Content-Length": str(len(raw)),
            **({} if self.server.kept.keeps_open else {"Connection": "close"}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(raw)
        self.close_connection = not self.server.kept.keeps_open
