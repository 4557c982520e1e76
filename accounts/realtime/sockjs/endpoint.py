"""A SockJS endpoint as plain ASGI: greeting, info, WebSocket, and the transports that live without it.

Source: the SockJS protocol 0.3.3; what clients expect of it, in upstreams/realtime.md §2–§5.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import orjson

from accounts.realtime.cutting import Stalled, Watch
from accounts.realtime.sockjs.connections import Connections
from accounts.realtime.sockjs.http import TEXT, Exchange, Headers, Receive, Scope, Send, origin_allowed
from accounts.realtime.sockjs.receiving import receive_on
from accounts.realtime.sockjs.sending import send_to
from accounts.realtime.sockjs.session import Opening, Sessions
from accounts.realtime.sockjs.transports import PAGE, RECEIVING, SENDING, Iframe
from accounts.realtime.sockjs.websocket import Socket
from accounts.web.client import asgi_client

SESSION_PATH = re.compile(r"/([^/.]{1,250})/([^/.]{1,250})/([a-z_]{1,20})")
IFRAME_PATH = re.compile(r"/iframe[0-9a-zA-Z.-]*\.html")
RESPONSE_LIMIT_BYTES = 128 * 1024
Door = Callable[[], Awaitable[None]]
connections = Connections()
"""Of this process, whatever the endpoint."""


@dataclass(frozen=True, slots=True)
class Found:
    """The doors of a path by their method; `preflighted`: another page's browser asks first with OPTIONS."""

    doors: Mapping[str, Door]
    preflighted: str = ""


class Endpoint:
    """Everything under one base path. `opening` begins what a connection carries; `needs_cookie`: a balancer keeps clients
    apart by `JSESSIONID`; a streamed response ends after `response_limit_bytes` and the client opens the next;
    `client_url`: the script of the iframe page, which does not exist without one."""

    def __init__(
        self,
        base: str,
        opening: Opening,
        *,
        has_websocket: bool = True,
        needs_cookie: bool = False,
        response_limit_bytes: int = RESPONSE_LIMIT_BYTES,
        client_url: str = "",
    ) -> None:
        self._base, self._opening = base, opening
        self._has_websocket, self._needs_cookie, self._limit_bytes = has_websocket, needs_cookie, response_limit_bytes
        self._iframe = Iframe.around(client_url) if client_url else None
        self._sessions = Sessions(opening, connections)

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
        address = asgi_client(scope, headers.get("x-forwarded-for", ""))
        if scope["type"] == "websocket":
            await self._socket(path, scope, receive, send, headers, address)
            return
        try:
            await self._answer(path, Exchange(scope, receive, send, headers, needs_cookie=self._needs_cookie), address)
        except Stalled:
            return

    async def _socket(self, path: str, scope: Scope, receive: Receive, send: Send, headers: Headers, address: str) -> None:
        await receive()
        found = SESSION_PATH.fullmatch(path)
        is_framed = found is not None and found[3] == "websocket"
        is_known = self._has_websocket and (is_framed or path in ("", "/", "/websocket"))
        if not is_known or not origin_allowed(headers.get("origin"), headers) or not connections.has_room(address):
            await send({"type": "websocket.close", "code": 1008})
            return
        socket, watch = Socket(receive, send, is_framed=is_framed), Watch(send)
        connections.enter(socket.outbox, address)
        try:
            await socket.serve(scope, self._opening, address)
        finally:
            connections.leave(socket.outbox)
            watch.end()

    # Plain HTTP.

    async def _answer(self, path: str, exchange: Exchange, address: str) -> None:
        found = self._found(path, exchange, address)
        if found is None:
            await exchange.plain(404, b"", {})
        elif exchange.method in found.doors:
            await found.doors[exchange.method]()
        elif exchange.method == "OPTIONS" and found.preflighted:
            await exchange.preflight(found.preflighted)
        else:
            allowed = ["OPTIONS"] if found.preflighted else []
            await exchange.plain(405, b"", {"allow": ", ".join([*allowed, *found.doors])})

    def _found(self, path: str, exchange: Exchange, address: str) -> Found | None:
        """What stands at `path`; None for nothing."""
        session = SESSION_PATH.fullmatch(path)
        if path in ("", "/"):
            return Found(_read_by(lambda: _greet(exchange)))
        if path == "/info":
            return Found(_read_by(lambda: self._inform(exchange)), preflighted="GET")
        if self._iframe is not None and IFRAME_PATH.fullmatch(path):
            iframe = self._iframe
            return Found(_read_by(lambda: _show_iframe(exchange, iframe)))
        if path == "/websocket" or (session and session[3] == "websocket"):
            return Found({"GET": lambda: _want_upgrade(exchange)}) if self._has_websocket else None
        return self._found_session(session[2], session[3], exchange, address) if session else None

    def _found_session(self, name: str, kind: str, exchange: Exchange, address: str) -> Found | None:
        if kind in RECEIVING:
            transport = RECEIVING[kind]
            limit_bytes = self._limit_bytes if transport.is_stream else 0
            door = {transport.method: lambda: receive_on(exchange, self._sessions, name, transport, limit_bytes, address)}
            return Found(door, preflighted=transport.method)
        if kind in SENDING:
            return Found({"POST": lambda: send_to(exchange, self._sessions.get(name), kind)}, preflighted="POST")
        return None

    async def _inform(self, exchange: Exchange) -> None:
        body = {
            "websocket": self._has_websocket,
            "origins": ["*:*"],
            "cookie_needed": self._needs_cookie,
            "entropy": secrets.randbits(32),
        }
        await exchange.plain(200, orjson.dumps(body), exchange.own("application/json; charset=UTF-8"))


def _read_by(door: Door) -> dict[str, Door]:
    """A page is read by GET; HEAD gets the same without the body, which the server leaves away."""
    return {"GET": door, "HEAD": door}


async def _greet(exchange: Exchange) -> None:
    await exchange.plain(200, b"Welcome to SockJS!\n", {"content-type": TEXT})


async def _want_upgrade(exchange: Exchange) -> None:
    await exchange.plain(400, b'Can "Upgrade" only to "WebSocket".', {"content-type": TEXT})


async def _show_iframe(exchange: Exchange, iframe: Iframe) -> None:
    headers = {**exchange.cached(), "etag": iframe.etag}
    known = {tag.strip().removeprefix("W/") for tag in exchange.headers.get("if-none-match", "").split(",")}
    if iframe.etag in known or "*" in known:
        await exchange.plain(304, b"", headers)
    else:
        await exchange.plain(200, iframe.body, {**headers, "content-type": PAGE, "x-content-type-options": "nosniff"})
