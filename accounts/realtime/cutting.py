"""Clients that take nothing: a polite close waits until they have taken everything, which may be never."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from django.conf import settings

LOOK_EVERY_S = 5.0
HELD_MAX_BYTES = 4 * 1024 * 1024
PIECES_MAX = 16_384


class Stalled(Exception):
    """The client took nothing for too long; its connection has been cut."""


async def send_in_time(send: Callable[[MutableMapping[str, Any]], Awaitable[None]], event: MutableMapping[str, Any]) -> None:
    """`event` is on its way. Raises Stalled, the connection cut, when there was no room for it for `REALTIME_STALLED_S`."""
    try:
        async with asyncio.timeout(settings.REALTIME_STALLED_S):
            await send(event)
    except TimeoutError:
        cut(send)
        raise Stalled() from None


def cut(send: Any) -> None:
    """The connection under an ASGI `send` is gone at once, with what it still held. A server that hides its connections (not
    uvicorn) closes it in its own way."""
    transport = _transport(send)
    if transport is not None:
        transport.abort()


class Watch:
    """Looks every few seconds at what the server holds for the client of a WebSocket, until the connection is gone: answers to pings,
    for which no `send` waits, and the pieces of a message that never ends. Too much of either cuts it."""

    __slots__ = ("_ends_at", "_owner")

    def __init__(self, send: Any) -> None:
        self._owner: Any = getattr(send, "__self__", None)
        self._ends_at: float | None = None
        if _transport(send) is not None:
            self._look_later()

    def end(self) -> None:
        """Nothing more is sent: what the client has not taken `REALTIME_STALLED_S` from now is lost."""
        self._ends_at = self._ends_at or asyncio.get_running_loop().time() + settings.REALTIME_STALLED_S

    def _look_later(self) -> None:
        asyncio.get_running_loop().call_later(min(LOOK_EVERY_S, settings.REALTIME_STALLED_S), self._look)

    def _look(self) -> None:
        transport = self._owner.transport
        held_bytes = transport.get_write_buffer_size()
        if transport.is_closing():
            if not held_bytes:
                return
            self.end()
        if self._is_enough(held_bytes):
            transport.abort()
        else:
            self._look_later()

    def _is_enough(self, held_bytes: int) -> bool:
        if held_bytes > HELD_MAX_BYTES or len(getattr(self._owner, "frames", ())) > PIECES_MAX:
            return True
        return bool(held_bytes) and self._ends_at is not None and asyncio.get_running_loop().time() >= self._ends_at


def _transport(send: Any) -> Any:
    """uvicorn's `send` is a method of the object that owns the connection."""
    return getattr(getattr(send, "__self__", None), "transport", None)
