"""A SockJS endpoint as plain ASGI: greeting, info, WebSocket, and the transports that live without it.

Source: the SockJS protocol 0.3.3; what clients expect of it, in upstreams/realtime.md §2–§5.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from dataclasses import dataclass
from email.utils import formatdate
from urllib.parse import parse_qs

import orjson
from django.conf import settings

from accounts.realtime.sockjs_session import Opening, Session, Sessions, closed, unpacked
from accounts.realtime.sockjs_websocket import STALLED_S, Receive, Scope, Send, Socket

STREAM_LIMIT = 128 * 1024
BODY_MAX = 256 * 1024
YEAR_S = 31_536_000
SESSION_PATH = re.compile(r"/([^/.]+)/([^/.]+)/([a-z_]+)")
CALLBACK = re.compile(r"[a-zA-Z0-9_.]{1,100}")
TEXT = "text/plain; charset=UTF-8"
SCRIPT = "application/javascript; charset=UTF-8"
NEVER_CACHED = "no-store, no-cache, no-transform, must-revalidate, max-age=0"
Headers = dict[str, str]


@dataclass(frozen=True, slots=True)
class Transport:
    """How one way of receiving dresses frames; `limit_bytes` ends a response, 0 after one frame."""

    method: str
    content_type: str
    limit_bytes: int
    prelude: str = ""
    before: str = ""
    after: str = "\n"
    is_called_back: bool = False

    def dressed(self, frame: str, callback: str) -> bytes:
        """`frame` as it goes over the wire."""
        if not self.is_called_back:
            return f"{self.before}{frame}{self.after}".encode()
        literal = orjson.dumps(frame).decode().replace("<", "\\u003c")
        return f"{self.before.replace('CALLBACK', callback)}{literal}{self.after}".encode()


HTML = """<!doctype html>
<html><head><meta http-equiv="X-UA-Compatible" content="IE=edge" /><meta charset="UTF-8" /></head><body><h2>Don't panic!</h2>
<script>
document.domain = document.domain;
var c = parent.CALLBACK;
c.start();
function p(d) {c.message(d);};
window.onload = c.stop;
</script>"""
RECEIVING = {
    "xhr": Transport("POST", SCRIPT, 0),
    "xhr_streaming": Transport("POST", SCRIPT, STREAM_LIMIT, "h" * 2048 + "\n"),
    "eventsource": Transport("GET", "text/event-stream; charset=UTF-8", STREAM_LIMIT, "\r\n", "data: ", "\r\n\r\n"),
    "htmlfile": Transport(
        "GET", "text/html; charset=UTF-8", STREAM_LIMIT, HTML.ljust(1024) + "\r\n\r\n", "<script>\np(", ");\n</script>\r\n", True
    ),
    "jsonp": Transport("GET", SCRIPT, 0, "", "/**/CALLBACK(", ");\r\n", True),
}
SENDING = {"xhr_send": "POST", "jsonp_send": "POST"}


class TooLarge(Exception):
    """More than a request may carry."""


class Endpoint:
    """Everything under one base path. `opening` begins what a connection carries."""

    def __init__(self, base: str, opening: Opening) -> None:
        self._base, self._opening = base, opening
        self._sessions = Sessions(opening)

    def owns(self, path: str) -> bool:
        """True for the paths that this endpoint answers."""
        return path == self._base or path.startswith(f"{self._base}/")

    async def close(self) -> None:
        """Every session over plain HTTP has ended."""
        await self._sessions.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request or carry one WebSocket."""
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        path = scope["path"].removeprefix(self._base)
        if scope["type"] == "websocket":
            await self._socket(path, scope, receive, send, headers)
        else:
            await Request(scope, receive, send, headers, self._sessions).answer(path)

    async def _socket(self, path: str, scope: Scope, receive: Receive, send: Send, headers: Headers) -> None:
        await receive()
        found = SESSION_PATH.fullmatch(path)
        is_framed = found is not None and found[3] == "websocket"
        if not (is_framed or path in ("", "/", "/websocket")) or not origin_allowed(headers.get("origin"), headers):
            await send({"type": "websocket.close", "code": 1008})
            return
        await Socket(receive, send, is_framed=is_framed).serve(scope, self._opening, _address(scope))


def _address(scope: Scope) -> str:
    return str((scope.get("client") or ("", 0))[0])


def origin_allowed(origin: str | None, headers: Headers) -> bool:
    """Our own pages, the listed ones, and whatever is no browser."""
    if origin is None or settings.CORS_ALLOW_ALL_ORIGINS or origin in settings.CORS_ALLOWED_ORIGINS:
        return True
    return origin.partition("://")[2] == headers.get("host")


class Request:
    """One HTTP request under the base."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, headers: Headers, sessions: Sessions) -> None:
        self._scope, self._receive, self._send, self._headers, self._sessions = scope, receive, send, headers, sessions

    async def answer(self, path: str) -> None:
        """Route by what follows the base."""
        found = SESSION_PATH.fullmatch(path)
        if path in ("", "/"):
            await self._for_methods({"GET": self._greet}, has_cors=False)
        elif path == "/info":
            await self._for_methods({"GET": self._info})
        elif path == "/websocket" or (found and found[3] == "websocket"):
            await self._for_methods({"GET": self._not_upgraded}, has_cors=False)
        elif found and found[3] in RECEIVING:
            await self._for_methods({RECEIVING[found[3]].method: lambda: self._receive_on(found[2], RECEIVING[found[3]])})
        elif found and found[3] in SENDING:
            await self._for_methods({SENDING[found[3]]: lambda: self._send_to(found[2], found[3])})
        else:
            await self._plain(404, b"", {})

    async def _for_methods(self, doors: dict[str, object], *, has_cors: bool = True) -> None:
        method = self._scope["method"]
        if method == "OPTIONS" and has_cors:
            await self._preflight(next(iter(doors)))
        elif method in doors:
            await doors[method]()  # type: ignore[operator]
        else:
            await self._plain(405, b"", {"allow": ", ".join([*(["OPTIONS"] if has_cors else []), *doors])})

    async def _greet(self) -> None:
        await self._plain(200, b"Welcome to SockJS!\n", {"content-type": TEXT})

    async def _info(self) -> None:
        body = {"websocket": True, "origins": ["*:*"], "cookie_needed": False, "entropy": secrets.randbits(32)}
        await self._plain(200, orjson.dumps(body), self._own("application/json; charset=UTF-8"))

    async def _not_upgraded(self) -> None:
        await self._plain(400, b'Can "Upgrade" only to "WebSocket".', {"content-type": TEXT})

    async def _preflight(self, method: str) -> None:
        more = {
            "access-control-allow-methods": f"OPTIONS, {method}",
            "access-control-max-age": str(YEAR_S),
            "cache-control": f"max-age={YEAR_S}, public",
            "expires": formatdate(time.time() + YEAR_S, usegmt=True),
        }
        wished = self._headers.get("access-control-request-headers")
        if wished and len(wished) < 1000:
            more["access-control-allow-headers"] = wished
        await self._plain(204, b"", {**self._cors(), **more})

    def _cors(self) -> Headers:
        """The origin is echoed where it is allowed. Authority comes from the token in CONNECT, never from a cookie."""
        origin = self._headers.get("origin")
        if origin is None:
            return {"access-control-allow-origin": "*", "vary": "Origin"}
        if not origin_allowed(origin, self._headers):
            return {"vary": "Origin"}
        return {"access-control-allow-origin": origin, "access-control-allow-credentials": "true", "vary": "Origin"}

    def _own(self, content_type: str) -> Headers:
        return {"content-type": content_type, "cache-control": NEVER_CACHED, "x-accel-buffering": "no", **self._cors()}

    # Receiving.

    async def _receive_on(self, name: str, transport: Transport) -> None:
        callback = ""
        if transport.is_called_back:
            query = parse_qs(self._scope.get("query_string", b"").decode("latin-1"))
            callback = next(iter(query.get("c") or query.get("callback") or [""]))
            if CALLBACK.fullmatch(callback) is None:
                text = b'invalid "callback" parameter' if callback else b'"callback" parameter required'
                await self._plain(500, text, self._own(TEXT))
                return
        try:
            await self._body()
        except TooLarge:
            await self._plain(413, b"Payload too large.", self._own(TEXT))
            return
        session = self._sessions.get_or_open(name, _address(self._scope))
        if session is None:
            await self._plain(503, b"Too many sessions.", self._own(TEXT))
            return
        await self._start(200, {**self._own(transport.content_type), "x-content-type-options": "nosniff"})
        await self._write(transport.prelude.replace("CALLBACK", callback).encode())
        if await session.claim():
            await self._hold(name, session, transport, callback)
        else:
            await self._write(transport.dressed(closed(2010, "Another connection still open"), callback))
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _hold(self, name: str, session: Session, transport: Transport, callback: str) -> None:
        """This request is the session's receiver until its share is sent, or the client is gone."""
        gone = asyncio.ensure_future(self._until_gone())
        stream = asyncio.ensure_future(self._stream(session, transport, callback))
        try:
            await asyncio.wait({gone, stream}, return_when=asyncio.FIRST_COMPLETED)
            if not stream.done() or stream.exception() is not None:
                session.interrupt()
        finally:
            for task in (gone, stream):
                task.cancel()
            await asyncio.gather(gone, stream, return_exceptions=True)
            self._sessions.leave(name, session)

    async def _until_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def _stream(self, session: Session, transport: Transport, callback: str) -> None:
        sent = 0
        while True:
            frame = await session.next_frame()
            chunk = transport.dressed(frame, callback)
            await self._write(chunk)
            sent += len(chunk)
            if frame[0] == "c" or sent >= transport.limit_bytes:
                return

    # Sending.

    async def _send_to(self, name: str, door: str) -> None:
        session = self._sessions.get(name)
        if session is None:
            await self._plain(404, b"", self._own(TEXT))
            return
        try:
            text = (await self._body()).decode()
            found = unpacked(self._form(text) if door == "jsonp_send" else _needed(text))
        except TooLarge:
            await self._plain(413, b"Payload too large.", self._own(TEXT))
            return
        except (ValueError, KeyError) as error:
            text = "Payload expected." if isinstance(error, KeyError) else "Broken JSON encoding."
            await self._plain(500, text.encode(), self._own(TEXT))
            return
        async with session.order:
            for one in found:
                await session.talker.hear(one)
        await (self._plain(204, b"", self._own(TEXT)) if door == "xhr_send" else self._plain(200, b"ok", self._own(TEXT)))

    def _form(self, text: str) -> str:
        """What an old form carries in its field `d`, or the plain body. Raises KeyError when there is nothing."""
        if "urlencoded" in self._headers.get("content-type", ""):
            text = next(iter(parse_qs(text, max_num_fields=10).get("d", [""])))
        return _needed(text)

    async def _body(self) -> bytes:
        """The whole body. Raises TooLarge."""
        body = b""
        while True:
            event = await self._receive()
            chunk: bytes = event.get("body", b"")
            if len(body) + len(chunk) > BODY_MAX:
                raise TooLarge()
            body += chunk
            if not event.get("more_body"):
                return body

    # Answering.

    async def _start(self, status: int, headers: Headers) -> None:
        encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": encoded})

    async def _write(self, body: bytes) -> None:
        if body:
            async with asyncio.timeout(STALLED_S):
                await self._send({"type": "http.response.body", "body": body, "more_body": True})

    async def _plain(self, status: int, body: bytes, headers: Headers) -> None:
        length = {} if status == 204 else {"content-length": str(len(body))}
        await self._start(status, {**headers, **length})
        await self._send({"type": "http.response.body", "body": body})


def _needed(text: str) -> str:
    """`text`. Raises KeyError when there is none."""
    if not text:
        raise KeyError("payload")
    return text
