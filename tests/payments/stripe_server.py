"""A local server that speaks Stripe's Checkout as its documents say (docs.stripe.com, API 2026-10-28).

Form bodies with brackets, bearer keys, `Idempotency-Key` (replay, conflict, concurrent use), the states of a session, and
signed events. Tests turn its knobs: answers that are lost, and what happens before an answer goes out.
"""

from __future__ import annotations

import json
import re
import threading
import time
import uuid
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

import stripe

HALF_HOUR_S, DAY_S = 1800, 86_400
SESSION = re.compile(r"^/v1/checkout/sessions/(cs_test_\w+)(/expire)?$")


class Refusal(Exception):
    """An error in Stripe's words."""

    def __init__(self, status: int, message: str, *, kind: str = "invalid_request_error", param: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"type": kind, "message": message, "param": param}}


def nested(form: str) -> dict[str, Any]:
    """`a[b][0][c]=d` → {"a": {"b": {"0": {"c": "d"}}}}; a key twice is refused as Stripe does."""
    found: dict[str, Any] = {}
    for name, value in parse_qsl(form, keep_blank_values=True):
        parts = [part.rstrip("]") for part in name.split("[")]
        level = found
        for part in parts[:-1]:
            level = level.setdefault(part, {})
        if parts[-1] in level:
            raise Refusal(400, f"Received {name} twice.")
        level[parts[-1]] = value
    return found


class StripeServer:
    """The account: its sessions, the answers it keeps, and the webhook secret."""

    def __init__(self, *, secret_key: str = "sk_test_local", webhook_secret: str = "whsec_local") -> None:
        self.secret_key, self.webhook_secret = secret_key, webhook_secret
        self.sessions: dict[str, dict[str, Any]] = {}
        self.kept: dict[str, tuple[str, int, dict[str, Any]]] = {}
        self.running: set[str] = set()
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.before_answer: Callable[[dict[str, Any]], None] = lambda _session: None
        self.fail_next: list[int] = []
        self.lock = threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                server.answer(self, "POST", self.rfile.read(length).decode())

            def do_GET(self) -> None:
                server.answer(self, "GET", "")

            def log_message(self, *_: Any) -> None:
                return

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.thread = threading.Thread(target=self.http.serve_forever, daemon=True)
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

    # the wire

    def answer(self, handler: BaseHTTPRequestHandler, method: str, body: str) -> None:
        """One request, answered as Stripe answers."""
        self.requests.append((method, handler.path, dict(handler.headers.items())))
        try:
            status, found = self._answer(method, handler.path, body, handler.headers)
        except Refusal as error:
            status, found = error.status, error.body
        if self.fail_next:
            status, found = self.fail_next.pop(0), {"error": {"type": "api_error", "message": "lost"}}
        data = json.dumps(found).encode()
        handler.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(data)), "Request-Id": "req_local"}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(data)

    def _answer(self, method: str, path: str, body: str, headers: Any) -> tuple[int, dict[str, Any]]:
        if headers.get("Authorization") != f"Bearer {self.secret_key}":
            raise Refusal(401, "Invalid API Key provided")
        key = headers.get("Idempotency-Key") if method == "POST" else None
        if key is None:
            return 200, self._act(method, path, body)
        return self._once(key, path, body)

    def _once(self, key: str, path: str, body: str) -> tuple[int, dict[str, Any]]:
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
            found = self._act("POST", path, body)
            self.kept[key] = (path + body, 200, found)
            return 200, found
        finally:
            self.running.discard(key)

    def _act(self, method: str, path: str, body: str) -> dict[str, Any]:
        if (method, path) == ("POST", "/v1/checkout/sessions"):
            return self._create(nested(body))
        match = SESSION.match(path)
        session = self.sessions.get(match[1]) if match else None
        if match is None or session is None:
            raise Refusal(404, "No such checkout.session")
        if match[2] and method == "POST":
            if session["status"] != "open":
                raise Refusal(400, 'Only Checkout Sessions with a status in ["open"] can be expired.')
            session.update(status="expired", url=None)
        return dict(session)

    def _create(self, asked: dict[str, Any]) -> dict[str, Any]:
        if "payment_method_types" in asked:
            raise Refusal(400, "payment_method_types is no longer supported", param="payment_method_types")
        if asked.get("mode") != "payment" or not asked.get("success_url", "").startswith("http"):
            raise Refusal(400, "Missing required param", param="success_url")
        price = asked["line_items"]["0"]["price_data"]
        if price["currency"] != price["currency"].lower() or not price["product_data"]["name"]:
            raise Refusal(400, "Invalid price_data", param="line_items[0][price_data]")
        amount = int(price["unit_amount"]) * int(asked["line_items"]["0"]["quantity"])
        now = int(time.time())
        expires_at = int(asked.get("expires_at", now + DAY_S))
        if amount <= 0 or not now + HALF_HOUR_S <= expires_at <= now + DAY_S:
            raise Refusal(400, "The `expires_at` timestamp must be 30 minutes to 24 hours from now.", param="expires_at")
        number = f"cs_test_{uuid.uuid4().hex}"
        session = {
            "id": number,
            "object": "checkout.session",
            "mode": "payment",
            "status": "open",
            "payment_status": "unpaid",
            "payment_intent": None,
            "amount_total": amount,
            "currency": price["currency"],
            "url": f"https://checkout.stripe.com/c/pay/{number}",
            "client_reference_id": asked.get("client_reference_id"),
            "metadata": asked.get("metadata", {}),
            "created": now,
            "expires_at": expires_at,
            "livemode": False,
            "payment_method_types": ["card"],
        }
        self.sessions[number] = session
        self.before_answer(session)
        return dict(session)

    # what payers and time do

    def pay(self, number: str, *, later: bool = False) -> dict[str, Any]:
        """The payer submits; `later` money is still on its way."""
        return self._change(
            number, status="complete", payment_status="unpaid" if later else "paid", payment_intent=f"pi_{number[8:]}", url=None
        )

    def money_comes(self, number: str) -> dict[str, Any]:
        """Money that was on its way is there."""
        return self._change(number, payment_status="paid")

    def time_passes(self, number: str) -> dict[str, Any]:
        """The session's time is over."""
        return self._change(number, status="expired", url=None)

    def _change(self, number: str, **what: Any) -> dict[str, Any]:
        self.sessions[number].update(what)
        return self.sessions[number]

    def event(
        self, kind: str, session: dict[str, Any], *, number: str = "", secret: str = "", age_s: int = 0, created: int | None = None
    ) -> tuple[bytes, dict[str, str]]:
        """A signed event about a session: body and headers."""
        event = {
            "id": number or f"evt_{uuid.uuid4().hex}",
            "object": "event",
            "api_version": "2026-10-28.endive",
            "type": kind,
            "created": created if created is not None else int(time.time()),
            "livemode": False,
            "data": {"object": session},
        }
        body = json.dumps(event)
        header = stripe.WebhookSignature.generate_signature_header(body, secret or self.webhook_secret, int(time.time()) - age_s)
        return body.encode(), {"stripe-signature": header, "content-type": "application/json"}
