"""A server of `/v1/moderations` next door: it answers as the protocol's first one does, or as badly as a test wants."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.harness import CrowdServer

CATEGORIES = (
    "harassment", "harassment/threatening", "sexual", "hate", "hate/threatening", "illicit", "illicit/violent",
    "self-harm/intent", "self-harm/instructions", "self-harm", "sexual/minors", "violence", "violence/graphic",
)  # fmt: skip


class ModeratorServer:
    """`mode` says how it answers: verdict, slow, trickle, broken, huge, empty, odd, or a status as a number. `asked` is what it was sent."""

    def __init__(self, flags: dict[str, tuple[str, ...]] | None = None) -> None:
        self.flags = flags or {"gore": ("violence", "violence/graphic")}
        self.mode: str | int = "verdict"
        self.asked: list[tuple[dict[str, str], dict[str, Any]]] = []
        self._over = threading.Event()
        moderator = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                moderator.asked.append(({name.lower(): value for name, value in self.headers.items()}, body))
                try:
                    moderator._answer(self, body)
                except OSError:
                    return  # whoever asked hung up

            def log_message(self, *_: Any) -> None:
                """Nothing: the tests' output is theirs."""

        self._server = CrowdServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1/moderations"

    def close(self) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)

    def _answer(self, handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        if isinstance(self.mode, int):
            return self._send(handler, self.mode, b'{"error": {"message": "The server is overloaded.", "type": "server_error"}}')
        if self.mode == "slow":
            self._over.wait(10)
        elif self.mode == "trickle":
            return self._trickle(handler)
        answers = {
            "broken": b'{"results": [{"flagged": tr',
            "empty": b'{"id": "modr-1", "model": "m", "results": []}',
            "odd": b'{"results": [{"flagged": "no", "categories": []}]}',
            "list": b"[1]",
            "huge": b'{"results": [' + b" " * 3_000_000 + b"]}",
        }
        return self._send(handler, 200, answers.get(str(self.mode)) or self._verdict(body))

    def _verdict(self, body: dict[str, Any]) -> bytes:
        found = {category for word, categories in self.flags.items() if word in body["input"] for category in categories}
        result = {
            "flagged": bool(found),
            "categories": {name: name in found for name in CATEGORIES},
            "category_scores": {name: 0.98 if name in found else 1.2e-05 for name in CATEGORIES},
            "category_applied_input_types": {name: ["text"] for name in CATEGORIES},
        }
        return json.dumps({"id": "modr-970d409ef3bef3b70c73d8232df86e7d", "model": body["model"], "results": [result]}, indent=2).encode()

    def _send(self, handler: BaseHTTPRequestHandler, status: int, content: bytes) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    def _trickle(self, handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        until = time.monotonic() + 10
        while time.monotonic() < until and not self._over.wait(0.05):
            handler.wfile.write(b" ")
            handler.wfile.flush()
