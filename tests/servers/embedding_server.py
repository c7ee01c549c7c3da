"""A real HTTP server that speaks OpenAI's ``/embeddings``: one direction for each known word. It fails on demand."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

WIDTH = 8


def meaning(text: str, meanings: dict[str, int]) -> list[float]:
    """The directions of the known words in ``text``."""
    row = [0.0] * WIDTH
    for word, place in meanings.items():
        if word in text.lower():
            row[place] = 1.0
    return row


@dataclass
class EmbeddingServer:
    """``fault(number)`` says what is wrong with the answer to that request, from 1: "" for nothing, else a status or a word."""

    meanings: dict[str, int]
    fault: Callable[[int], str] = lambda number: ""
    asked: list[dict[str, Any]] = field(default_factory=list)

    def __enter__(self) -> EmbeddingServer:
        kept = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                kept.asked.append({"path": self.path, "key": self.headers["Authorization"], **body})
                kept.reply(self, kept.fault(len(kept.asked)), body)

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
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def reply(self, request: BaseHTTPRequestHandler, fault: str, body: dict[str, Any]) -> None:
        data = [
            {"object": "embedding", "index": i, "embedding": meaning(text, self.meanings)}
            for i, text in enumerate(body["input"])
        ]
        if fault == "one missing":
            data.pop()
        elif fault == "another width":
            data[-1]["embedding"] = [1.0]
        elif fault == "no number":
            data[-1]["embedding"] = [float("nan")] * WIDTH
        elif fault == "backwards":
            data.reverse()
        elif fault == "no list":
            data = "no"  # type: ignore[assignment]
        elif fault == "hang":
            time.sleep(1.0)
        status = int(fault) if fault.isdigit() else 200
        answer = {
            "object": "list",
            "data": data,
            "model": body["model"],
            "usage": {"prompt_tokens": 1, "total_tokens": 1},
        }
        sent = json.dumps(answer if status == 200 else {"error": {"message": "no"}}).encode()
        if fault == "cut off":
            sent = sent[: len(sent) // 2]
        try:
            request.send_response(status)
            request.send_header("Content-Type", "application/json")
            request.send_header("retry-after-ms", "1")
            request.send_header("Content-Length", str(len(sent)))
            request.end_headers()
            request.wfile.write(sent)
        except OSError:
            pass  # the asker has left
