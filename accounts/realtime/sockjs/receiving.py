"""The requests through which a SockJS session receives: polls and streams."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qs

from accounts.realtime.sockjs.http import TEXT, BadBody, Exchange
from accounts.realtime.sockjs.session import Session, Sessions, closed
from accounts.realtime.sockjs.transports import CALLBACK, Transport


async def receive_on(exchange: Exchange, sessions: Sessions, name: str, transport: Transport, limit_bytes: int, address: str) -> None:
    """The request receives for the session `name` until it carried `limit_bytes`; 0: one frame. Raises Stalled."""
    callback = _callback(exchange) if transport.is_called_back else ""
    if transport.is_called_back and CALLBACK.fullmatch(callback) is None:
        text = b'invalid "callback" parameter' if callback else b'"callback" parameter required'
        await exchange.plain(500, text, exchange.session(TEXT))
        return
    try:
        await exchange.body()
    except BadBody as error:
        await exchange.plain(error.status, error.text, exchange.session(TEXT))
        return
    session = sessions.get_or_open(name, address)
    if session is None:
        await exchange.plain(503, b"Too many sessions.", {**exchange.session(TEXT), "retry-after": "5"})
        return
    await exchange.start(200, {**exchange.session(transport.content_type), "x-content-type-options": "nosniff"})
    await exchange.write(transport.opening(callback))
    if await session.claim():
        await _hold(exchange, sessions, name, session, transport, callback, limit_bytes)
    else:
        await exchange.write(transport.dressed(closed(2010, "Another connection still open"), callback))
    await exchange.end()


def _callback(exchange: Exchange) -> str:
    query = parse_qs(exchange.query)
    return next(iter(query.get("c") or query.get("callback") or [""]))


async def _hold(
    exchange: Exchange, sessions: Sessions, name: str, session: Session, transport: Transport, callback: str, limit_bytes: int
) -> None:
    """This request is the session's receiver until its share is sent, or the client is gone. Raises Stalled."""
    gone = asyncio.ensure_future(_until_gone(exchange))
    stream = asyncio.ensure_future(_stream(exchange, session, transport, callback, limit_bytes))
    is_delivered = False
    try:
        await asyncio.wait({gone, stream}, return_when=asyncio.FIRST_COMPLETED)
        is_delivered = stream.done() and stream.exception() is None
    finally:
        if not is_delivered:
            session.interrupt()
        for task in (gone, stream):
            task.cancel()
        results = await asyncio.gather(gone, stream, return_exceptions=True)
        sessions.leave(name, session)
    if isinstance(results[1], Exception):
        raise results[1]


async def _until_gone(exchange: Exchange) -> None:
    while (await exchange.receive())["type"] != "http.disconnect":
        pass


async def _stream(exchange: Exchange, session: Session, transport: Transport, callback: str, limit_bytes: int) -> None:
    sent = 0
    while True:
        frame = await session.next_frame()
        chunk = transport.dressed(frame, callback)
        await exchange.write(chunk)
        sent += len(chunk)
        if frame[0] == "c" or sent >= limit_bytes:
            return
