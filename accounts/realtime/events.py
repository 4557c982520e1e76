"""`GET /api/v1/events`: a user's events as server-sent events, resumable by `Last-Event-ID`. Plain ASGI.

Every contract's token opens it, a personal key with scope `tasks`, or the page's own session. Events arrive as
`id: <number>`, `event: <kind>`, `data: <json>`; progress has no id. Source: contracts/README.md, design "Events".
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

import orjson
from django.conf import settings

from accounts.realtime.callers import Caller, Proof, caller_of, host_is_ours
from accounts.realtime.cutting import send_in_time
from accounts.realtime.hub import hub
from accounts.realtime.listener import Listener
from accounts.realtime.threads import in_thread
from accounts.selectors.event import last_number
from accounts.web.client import asgi_client
from config.kernel.errors import DatabaseUnavailable, DomainError, InvalidInput, MethodNotAllowed, TooManyRequests
from config.kernel.ids import request_id
from config.kernel.sql import domain_errors

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = dict[str, str]
HEARTBEAT_S = 15.0
STATUS = {
    "not_signed_in": 401,
    "token_expired": 401,
    "user_banned": 403,
    "not_allowed": 403,
    "wrong_method": 405,
    "invalid_input": 400,
    "too_many_requests": 429,
    "database": 503,
}


async def events(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one request: a stream until the client, its token or its session ends, or a refusal as JSON."""
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    extra = {"x-request-id": request_id(headers.get("x-request-id", "")), **_cross_origin(headers.get("origin"))}
    if scope["method"] == "OPTIONS":
        await _plain(send, 204, b"", {**extra, **_preflight(headers)})
        return
    address = asgi_client(scope, headers.get("x-forwarded-for", ""))
    try:
        listener = await _admit(scope, headers, address)
    except DomainError as error:
        await _refuse(send, error, extra)
        return
    await _serve(listener, address, receive, send, extra)


async def _admit(scope: Scope, headers: Headers, address: str) -> Listener:
    """The listener that this request may have. Raises DomainError."""
    if not host_is_ours(headers.get("host", ""), settings.ALLOWED_HOSTS):
        raise InvalidInput.field("host", "This host is not served here.")
    if scope["method"] != "GET":
        raise MethodNotAllowed(allowed=["GET"])
    wish = _wish(scope, headers)
    caller, newest = await in_thread(_prove, headers)
    user_id = caller.principal.user_id
    if not hub.has_room(user_id, address):
        raise TooManyRequests(retry_after_s=30)
    return Listener(Proof.of(caller.principal), newest if wish is None else min(wish, newest), caller.until, is_behind=True)


def _prove(headers: Headers) -> tuple[Caller, int]:
    with domain_errors():
        caller = caller_of(headers)
        return caller, last_number(caller.principal.user_id)


def _wish(scope: Scope, headers: Headers) -> int | None:
    """The last number that the client says it has; the query serves clients that cannot set the header. Raises InvalidInput."""
    query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
    text = headers.get("last-event-id") or query.get("last_event_id", [""])[0]
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise InvalidInput.field("Last-Event-ID", "The number of an event is a whole number.")
    return int(text)


async def _serve(listener: Listener, address: str, receive: Receive, send: Send, extra: Headers) -> None:
    await hub.join(listener, address)
    gone = asyncio.ensure_future(_until_gone(receive))
    stream = asyncio.ensure_future(_stream(listener, send, extra))
    try:
        await asyncio.wait({gone, stream}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (gone, stream):
            task.cancel()
        await asyncio.gather(gone, stream, return_exceptions=True)
        await hub.leave(listener, address)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _stream(listener: Listener, send: Send, extra: Headers) -> None:
    """Events go out as they come; a comment keeps the line open. Ends with the listener's proof."""
    start = {
        "content-type": "text/event-stream; charset=utf-8",
        "cache-control": "no-store, no-transform",
        "x-accel-buffering": "no",
        **extra,
    }
    await send({"type": "http.response.start", "status": 200, "headers": _encoded(start)})
    await _write(send, f"retry: 2000\nid: {listener.last}\n\n".encode())  # who is cut off before the first event knows where to go on
    while not listener.is_over and time.monotonic() < listener.until:
        chunk = await _next_chunk(listener)
        if chunk:
            await _write(send, chunk)
            continue
        listener.woken.clear()
        if listener.is_behind or listener.waiting or listener.is_over:
            continue
        if not await listener.woken.within(min(HEARTBEAT_S, max(0.0, listener.until - time.monotonic()))):
            await _write(send, b": beat\n\n")
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _next_chunk(listener: Listener) -> bytes:
    """What can be sent at once; from the log when something was missed. A silent database is asked again a second later."""
    if not listener.is_behind:
        return b"".join(message.frame() for message in listener.take())
    try:
        return b"".join(message.frame() for message in await in_thread(_read, listener))
    except DatabaseUnavailable:
        await asyncio.sleep(1)
        listener.catch_up()
        return b""


def _read(listener: Listener) -> list[Any]:
    with domain_errors():
        return listener.read()


async def _write(send: Send, body: bytes) -> None:
    await send_in_time(send, {"type": "http.response.body", "body": body, "more_body": True})


async def _refuse(send: Send, error: DomainError, extra: Headers) -> None:
    """The refusal in the shape that `/api/v1/` has where no contract rules: the union of both."""
    status = STATUS.get(error.code, 500)
    now_ms, called = int(time.time() * 1000), extra["x-request-id"]
    body = {"code": status, "message": error.message, "data": None, "timestamp": now_ms, "requestId": called}
    more = dict(extra)
    if isinstance(error, MethodNotAllowed):
        more["allow"] = ", ".join(error.params["allowed"])
    if isinstance(error, TooManyRequests):
        more["retry-after"] = str(error.params["retry_after_s"])
    await _plain(send, status, orjson.dumps(body), {"content-type": "application/json", "cache-control": "no-store", **more})


async def _plain(send: Send, status: int, body: bytes, headers: Headers) -> None:
    await send({"type": "http.response.start", "status": status, "headers": _encoded({**headers, "content-length": str(len(body))})})
    await send({"type": "http.response.body", "body": body})


def _encoded(headers: Headers) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]


def _cross_origin(origin: str | None) -> Headers:
    """A foreign page may read the stream with a token, never with a cookie: no credentials are allowed."""
    if origin is None or not (settings.CORS_ALLOW_ALL_ORIGINS or origin in settings.CORS_ALLOWED_ORIGINS):
        return {}
    return {"access-control-allow-origin": origin, "access-control-expose-headers": "x-request-id, retry-after", "vary": "Origin"}


def _preflight(headers: Headers) -> Headers:
    if "access-control-request-method" not in headers:
        return {"allow": "GET, OPTIONS"}
    return {
        "access-control-allow-methods": "GET, OPTIONS",
        "access-control-allow-headers": ", ".join(settings.CORS_ALLOW_HEADERS),
        "access-control-max-age": "86400",
    }
