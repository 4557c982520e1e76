"""One HTTP request to a SockJS endpoint: its body within limits, and answers with the headers that the protocol wants.

Source: the SockJS protocol 0.3.3; what clients expect of it, in upstreams/realtime.md §3–§5.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from email.utils import formatdate
from typing import Any

from django.conf import settings

from accounts.realtime.cutting import send_in_time
from config.kernel.ids import request_id

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = dict[str, str]
YEAR_S = 31_536_000
BODY_WITHIN_S = 30.0
TEXT = "text/plain; charset=UTF-8"
NEVER_CACHED = "no-store, no-cache, no-transform, must-revalidate, max-age=0"
COOKIE = re.compile(r"(?:^|;)\s*JSESSIONID=([A-Za-z0-9._~!:/+-]{1,200})\s*(?:;|$)")


class BadBody(Exception):
    """The body is more than a request may carry (413), or did not come in time (408)."""

    def __init__(self, status: int, text: bytes) -> None:
        super().__init__(status, text)
        self.status, self.text = status, text


def origin_allowed(origin: str | None, headers: Headers) -> bool:
    """Our own pages, the listed ones, and whatever is no browser."""
    if origin is None or settings.CORS_ALLOW_ALL_ORIGINS or origin in settings.CORS_ALLOWED_ORIGINS:
        return True
    return origin.partition("://")[2] == headers.get("host")


class Exchange:
    """A request and its answer. Nothing waits for a client longer than `REALTIME_STALLED_S`."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, headers: Headers, *, needs_cookie: bool) -> None:
        self.headers = headers
        self.method: str = scope["method"]
        self.query: str = scope.get("query_string", b"").decode("latin-1")
        self.receive, self._send, self._needs_cookie = receive, send, needs_cookie

    async def body(self) -> bytes:
        """The whole body. Raises BadBody."""
        try:
            async with asyncio.timeout(BODY_WITHIN_S):
                return await self._collected()
        except TimeoutError:
            raise BadBody(408, b"The body did not come.") from None

    async def _collected(self) -> bytes:
        body = bytearray()
        while True:
            event = await self.receive()
            body += event.get("body", b"")
            if len(body) > settings.REALTIME_BODY_BYTES:
                raise BadBody(413, b"Payload too large.")
            if not event.get("more_body"):
                return bytes(body)

    # Answering.

    async def start(self, status: int, headers: Headers) -> None:
        """The answer begins. Raises Stalled."""
        called = {"x-request-id": request_id(self.headers.get("x-request-id", "")), **headers}
        encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in called.items()]
        await send_in_time(self._send, {"type": "http.response.start", "status": status, "headers": encoded})

    async def write(self, body: bytes) -> None:
        """`body` goes out as a chunk of its own. Raises Stalled."""
        if body:
            await send_in_time(self._send, {"type": "http.response.body", "body": body, "more_body": True})

    async def end(self, body: bytes = b"") -> None:
        """The answer is complete. Raises Stalled."""
        await send_in_time(self._send, {"type": "http.response.body", "body": body, "more_body": False})

    async def plain(self, status: int, body: bytes, headers: Headers) -> None:
        """A whole answer. Raises Stalled."""
        length = {} if status in (204, 304) else {"content-length": str(len(body))}
        await self.start(status, {**headers, **length})
        await self.end(body)

    # Headers.

    def own(self, content_type: str) -> Headers:
        """Of an answer that belongs to one client: never cached, never buffered on its way."""
        kept = {"cache-control": NEVER_CACHED, "x-accel-buffering": "no", "x-content-type-options": "nosniff"}
        return {"content-type": content_type, **kept, **self._cors()}

    def session(self, content_type: str) -> Headers:
        """Of an answer on a session's own URLs: with the balancer's cookie where one is needed."""
        if not self._needs_cookie:
            return self.own(content_type)
        found = COOKIE.search(self.headers.get("cookie", ""))
        return {**self.own(content_type), "set-cookie": f"JSESSIONID={found[1] if found else 'dummy'}; Path=/"}

    def cached(self) -> Headers:
        """Of an answer that holds for a year."""
        return {"cache-control": f"max-age={YEAR_S}, public", "expires": formatdate(time.time() + YEAR_S, usegmt=True)}

    async def preflight(self, method: str) -> None:
        """The browser may send `method` from where it stands, for a year."""
        more = {**self.cached(), "access-control-allow-methods": f"OPTIONS, {method}", "access-control-max-age": str(YEAR_S)}
        wished = self.headers.get("access-control-request-headers")
        if wished and len(wished) < 1000:
            more["access-control-allow-headers"] = wished
        await self.plain(204, b"", {**self._cors(), **more})

    def _cors(self) -> Headers:
        """The origin is echoed where it is allowed. Authority comes from the token in CONNECT, never from a cookie."""
        origin = self.headers.get("origin")
        if origin is None:
            return {"access-control-allow-origin": "*", "vary": "Origin"}
        if not origin_allowed(origin, self.headers):
            return {"vary": "Origin"}
        return {"access-control-allow-origin": origin, "access-control-allow-credentials": "true", "vary": "Origin"}
