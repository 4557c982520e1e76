"""WebSocket, with SockJS's frames around the texts or without: the connection is the session."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from django.conf import settings

from accounts.realtime.cutting import send_in_time
from accounts.realtime.outbox import GOING_AWAY, Outbox
from accounts.realtime.sockjs.http import Receive, Scope, Send
from accounts.realtime.sockjs.session import Opening, closed, packed, unpacked

PROTOCOLS = ("v12.stomp", "v11.stomp", "v10.stomp")


class Socket:
    """One open WebSocket."""

    def __init__(self, receive: Receive, send: Send, *, is_framed: bool) -> None:
        self._receive, self._send, self._is_framed = receive, send, is_framed
        self.outbox = Outbox()

    async def serve(self, scope: Scope, opening: Opening, address: str) -> None:
        """The client talks until it or we have enough."""
        offered = scope.get("subprotocols") or ()
        chosen = None if self._is_framed else next((name for name in PROTOCOLS if name in offered), None)
        await self._send({"type": "websocket.accept", "subprotocol": chosen})
        talker = opening(self.outbox, address)
        reader, writer = asyncio.ensure_future(self._read(talker.hear)), asyncio.ensure_future(self._write())
        try:
            await asyncio.wait({reader, writer}, return_when=asyncio.FIRST_COMPLETED)
            if reader.done() and not writer.done() and self.outbox.closing is not None:
                await asyncio.wait({writer}, timeout=settings.REALTIME_STALLED_S)
        finally:
            reader.cancel()
            writer.cancel()
            await asyncio.gather(reader, writer, return_exceptions=True)
            await talker.stop()

    async def _read(self, hear: Callable[[str], Awaitable[None]]) -> None:
        """Until the client is gone (the box stays as it is) or broke the rules (the box is closed, and is still emptied)."""
        while True:
            event = await self._receive()
            if event["type"] == "websocket.disconnect":
                return
            text = event.get("text")
            if text is None:
                self.outbox.close(1003, "Text only")
                return
            if len(text) > settings.REALTIME_MESSAGE_BYTES:
                self.outbox.close(1009, "Message too large")
                return
            try:
                found = unpacked(text) if self._is_framed else [text]
            except ValueError:
                self.outbox.close(1002, "Broken JSON encoding")
                return
            for one in found:
                await hear(one)

    async def _write(self) -> None:
        if self._is_framed:
            await self._out("o")
        while True:
            texts = self.outbox.take()
            if texts:
                for frame in [packed(texts)] if self._is_framed else texts:
                    await self._out(frame)
            elif self.outbox.closing is not None:
                await self._end(*self.outbox.closing)
                return
            else:
                await self._wait()

    async def _wait(self) -> None:
        if not await self.outbox.woken.within(settings.REALTIME_BEAT_S) and self._is_framed:
            await self._out("h")

    async def _out(self, text: str) -> None:
        await send_in_time(self._send, {"type": "websocket.send", "text": text})

    async def _end(self, code: int, reason: str) -> None:
        if self._is_framed:
            await self._out(closed(code, reason))
        is_clean = self._is_framed or (code, reason) == GOING_AWAY
        await send_in_time(self._send, {"type": "websocket.close", "code": 1000 if is_clean else code, "reason": reason})
