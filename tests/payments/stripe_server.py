"""A local server that speaks Stripe's protocol as its documents say (docs.stripe.com, API 2026-10-28).

Form bodies with brackets, bearer keys, `Idempotency-Key` (replay, conflict, concurrent use), what the account allows, and signed
events. Tests turn its knobs: answers that are lost or turned away, and what happens before an answer goes out.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import urlsplit

import stripe

from tests.harness import CrowdServer
from tests.payments.stripe_account import Refusal, StripeAccount, nested


class StripeServer(StripeAccount):
    """The account behind HTTP: the answers it keeps, and the webhook secret."""

    def __init__(self, *, secret_key: str = "sk_test_local", webhook_secret: str = "whsec_local") -> None:
        super().__init__()
        self.secret_key, self.webhook_secret = secret_key, webhook_secret
        self.kept: dict[str, tuple[str, int, dict[str, Any]]] = {}
        self.running: set[str] = set()
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.fail_next: list[int] = []
        """Statuses of the next answers, after the work was done: the true answer is lost."""
        self.turn_away_next: list[int] = []
        """Statuses of the next answers, before any work."""
        self.hang_up_next = 0
        """So many next connections are cut after the work was done."""
        self.create_hangs_up = 0
        """The same, of calls that make something."""
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                server.answer(self, "POST", self.rfile.read(length).decode())

            def do_GET(self) -> None:
                server.answer(self, "GET", "")

            def log_message(self, *_: Any) -> None:
                return

        self.http = CrowdServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    @property
    def base(self) -> str:
        """The address for `STRIPE_API_BASE`."""
        return f"http://127.0.0.1:{self.http.server_port}"

    def close(self) -> None:
        """The server is gone."""
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()

    def forget_keys(self) -> None:
        """A day is over: Stripe knows no idempotency key any more."""
        self.kept.clear()

    # the wire

    def answer(self, handler: BaseHTTPRequestHandler, method: str, body: str) -> None:
        """One request, answered as Stripe answers."""
        self.requests.append((method, handler.path, dict(handler.headers.items())))
        try:
            status, found = self._answer(method, handler.path, body, handler.headers)
        except Refusal as error:
            status, found = error.status, error.body
        if self._hangs_up(method):
            handler.close_connection = True
            return
        if self.fail_next:
            status, found = self.fail_next.pop(0), {"error": {"type": "api_error", "message": "lost"}}
        data = json.dumps(found).encode()
        handler.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(data)), "Request-Id": "req_local"}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(data)

    def _hangs_up(self, method: str) -> bool:
        if method == "POST" and self.create_hangs_up:
            self.create_hangs_up -= 1
            return True
        if self.hang_up_next:
            self.hang_up_next -= 1
            return True
        return False

    def _answer(self, method: str, path: str, body: str, headers: Any) -> tuple[int, dict[str, Any]]:
        if self.turn_away_next:
            raise Refusal(self.turn_away_next.pop(0), "Not now.", kind="rate_limit_error")
        if headers.get("Authorization") != f"Bearer {self.secret_key}":
            raise Refusal(401, "Invalid API Key provided")
        key = headers.get("Idempotency-Key") if method == "POST" else None
        if key is None:
            address = urlsplit(path)
            return 200, self.act(method, address.path, nested(address.query))
        return self._once(key, path, body)

    def _once(self, key: str, path: str, body: str) -> tuple[int, dict[str, Any]]:
        """What the first request with this key was answered; a refusal of its parameters is not kept."""
        with self.lock:
            if key in self.running:
                raise Refusal(409, "There is another in-progress request using this key.", kind="idempotency_error")
            if key in self.kept:
                asked, status, found = self.kept[key]
                if asked != path + body:
                    raise Refusal(400, "Keys for idempotent requests can only be used with the same parameters.", kind="idempotency_error")
                return status, found
            self.running.add(key)
        try:
            found = self.act("POST", path, nested(body))
            self.kept[key] = (path + body, 200, found)
            return 200, found
        finally:
            self.running.discard(key)

    # what it tells

    def event(
        self,
        kind: str,
        thing: dict[str, Any],
        *,
        number: str = "",
        secret: str = "",
        age_s: int = 0,
        created: int | None = None,
        before: dict[str, Any] | None = None,
        **more: Any,
    ) -> tuple[bytes, dict[str, str]]:
        """A signed event about a thing: body and headers. `before` are its previous attributes, `more` other fields of the event."""
        event = {
            "id": number or f"evt_{uuid.uuid4().hex}",
            "object": "event",
            "api_version": "2026-10-28.endive",
            "type": kind,
            "created": created if created is not None else int(time.time()),
            "livemode": False,
            "data": {"object": thing} | ({"previous_attributes": before} if before else {}),
        }
        body = json.dumps(event | more)
        header = stripe.WebhookSignature.generate_signature_header(body, secret or self.webhook_secret, int(time.time()) - age_s)
        return body.encode(), {"stripe-signature": header, "content-type": "application/json"}
