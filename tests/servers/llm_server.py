"""A real HTTP server that speaks OpenAI's chat completions and Anthropic's messages, with tool calls, and lies on demand."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from newsletter.summaries.model.judge import CONTROLS

# What the model answers to the request with this number (from 1): a dict is the structured answer; a str is sent as the raw
# arguments of the tool call (cut-off JSON, say); an int is a status; "hang" and "reset" break the connection, "drip" sends
# the answer's head and then a byte now and again.
Answer = dict[str, Any] | str | int


@dataclass
class LlmServer:
    """``with LlmServer(lambda number, body: draft) as server``. ``asked`` keeps the requests' bodies."""

    answer: Callable[[int, dict[str, Any]], Answer]
    asked: list[dict[str, Any]] = field(default_factory=list)
    hang: float = 3.0  # seconds
    usage: int = 900  # tokens that it says the question had
    has_tools: bool = True  # False: a request with tools is refused, as some local servers do
    slow: float = 0.0  # seconds before each answer

    def __enter__(self) -> LlmServer:
        kept = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                kept.asked.append(body)
                if not kept.has_tools and body.get("tools"):
                    kept.refuse(self, 400, "this model does not support tools")
                    return
                time.sleep(kept.slow)
                kept.reply(self, kept.answer(len(kept.asked), body), body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def reply(self, handler: BaseHTTPRequestHandler, answer: Answer, body: dict[str, Any]) -> None:
        if answer == "hang":
            time.sleep(self.hang)
            handler.close_connection = True
            return
        if answer == "reset":
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            handler.connection.close()
            handler.close_connection = True
            return
        if answer == "drip":
            handler.send_response(200)
            handler.send_header("Content-Type", "application/json")
            handler.send_header("Content-Length", "100000")
            handler.end_headers()
            until = time.monotonic() + self.hang
            while time.monotonic() < until:
                try:
                    handler.wfile.write(b" ")
                    handler.wfile.flush()
                except OSError:
                    break
                time.sleep(0.05)
            handler.close_connection = True
            return
        speaks = _message if handler.path.endswith("/messages") else _completion
        status, content = 200, json.dumps(speaks(answer, body)).replace(": 900,", f": {self.usage},")
        if isinstance(answer, int):
            self.refuse(handler, answer, "no")
            return
        self._send(handler, status, content.encode())

    def refuse(self, handler: BaseHTTPRequestHandler, status: int, why: str) -> None:
        """An error in OpenAI's form."""
        error = {"error": {"message": why, "type": "x", "code": None}}
        self._send(handler, status, json.dumps(error).encode())

    def _send(self, handler: BaseHTTPRequestHandler, status: int, raw: bytes) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(raw)))
        if status == 429:
            handler.send_header("Retry-After", "0")
        handler.end_headers()
        handler.wfile.write(raw)


def shape_of(body: dict[str, Any]) -> str:
    """Which answer is asked for: the writer's ``draft`` or ``repairs``, or the judge's ``findings``."""
    asked = json.dumps([body.get("tools"), body["messages"], body.get("system")])
    if "You check sentences" in asked:
        return "findings"
    return "repairs" if "You wrote sentences" in asked else "draft"


def rows_in(body: dict[str, Any], mark: str) -> list[dict[str, Any]]:
    """The JSON lines that the question's last fence of this name holds."""
    text = "\n".join(_texts(body["messages"]))
    fence = text.rsplit(f"<{mark}>\n", 1)[1].split(f"\n</{mark}>", 1)[0]
    return [json.loads(line) for line in fence.splitlines()]


def _texts(messages: list[dict[str, Any]]) -> list[str]:
    found = []
    for message in messages:
        content = message.get("content") or ""
        found += [content] if isinstance(content, str) else [part.get("text", "") for part in content]
    return found


def findings(body: dict[str, Any], refused: Callable[[str], str] = lambda text: "") -> dict[str, Any]:
    """An honest judge's answer: no to the planted sentences and to those that ``refused`` gives a reason for."""
    answer = []
    for row in rows_in(body, "sentences"):
        why = "nothing of it is reported" if row["text"] in CONTROLS else refused(row["text"])
        answer.append({"n": row["n"], "passage": "", "reason": why, "supported": not why})
    return {"findings": answer}


def writer_and_judge(
    draft: dict[str, Any],
    *,
    refused: Callable[[str], str] = lambda text: "",
    repairs: Callable[[list[dict[str, Any]]], list[dict[str, Any]]] = lambda rows: [],
) -> Callable[[int, dict[str, Any]], Answer]:
    """Answers as an honest judge, and as a writer that gives ``draft`` and then ``repairs`` of the refused rows."""

    def answer(number: int, body: dict[str, Any]) -> Answer:
        shape = shape_of(body)
        if shape == "findings":
            return findings(body, refused)
        return {"sentences": repairs(rows_in(body, "refused"))} if shape == "repairs" else draft

    return answer


def _message(answer: Answer, body: dict[str, Any]) -> dict[str, Any]:
    """Anthropic's form. Arguments that are no JSON cannot be said in it: they come as text."""
    call = {"type": "tool_use", "id": "toolu_1", "name": body["tools"][0]["name"], "input": answer}
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": [call if isinstance(answer, dict) else {"type": "text", "text": str(answer)}],
        "stop_reason": "tool_use" if isinstance(answer, dict) else "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 900, "output_tokens": 300},
    }


def _completion(answer: Answer, body: dict[str, Any]) -> dict[str, Any]:
    arguments = answer if isinstance(answer, str) else json.dumps(answer)
    if not body.get("tools"):
        return _choice(body, "stop", {"role": "assistant", "content": arguments})
    if isinstance(answer, str) and not answer.startswith("{"):  # talk instead of a call
        return _choice(body, "stop", {"role": "assistant", "content": answer})
    call = {
        "id": "call_1",
        "type": "function",
        "function": {"name": body["tools"][0]["function"]["name"], "arguments": arguments},
    }
    return _choice(body, "tool_calls", {"role": "assistant", "content": None, "tool_calls": [call]})


def _choice(body: dict[str, Any], reason: str, message: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": "x",
        "object": "chat.completion",
        "created": 1,
        "model": body["model"],
        "choices": [{"index": 0, "finish_reason": reason, "message": message}],
        "usage": {"prompt_tokens": 900, "completion_tokens": 300, "total_tokens": 1200},
    }
