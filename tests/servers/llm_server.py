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

    def __enter__(self) -> LlmServer:
        kept = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                kept.asked.append(body)
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
            status, content = answer, json.dumps({"error": {"message": "no", "type": "x", "code": None}})
        raw = content.encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(raw)))
        if status == 429:
            handler.send_header("Retry-After", "0")
        handler.end_headers()
        handler.wfile.write(raw)


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
    call = {
        "id": "call_1",
        "type": "function",
        "function": {"name": body["tools"][0]["function"]["name"], "arguments": arguments},
    }
    return {
        "id": "x",
        "object": "chat.completion",
        "created": 1,
        "model": body["model"],
        "choices": [
            {
                "index": 0,
                "finish_reason": "tool_calls",
                "message": {"role": "assistant", "content": None, "tool_calls": [call]},
            }
        ],
        "usage": {"prompt_tokens": 900, "completion_tokens": 300, "total_tokens": 1200},
    }
