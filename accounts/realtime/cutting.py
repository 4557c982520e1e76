"""Clients that take nothing: a polite close waits until they have taken everything, which may be never."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from django.conf import settings


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


def cut_if_stuck(send: Any, seconds: float) -> None:
    """A connection on which nothing more is sent is cut when the client has not taken everything `seconds` from now."""
    transport = _transport(send)
    if transport is not None and transport.get_write_buffer_size():
        asyncio.get_running_loop().call_later(seconds, _judge, transport)


def _judge(transport: asyncio.Transport) -> None:
    if transport.get_write_buffer_size():
        transport.abort()


def _transport(send: Any) -> Any:
    """uvicorn's `send` is a method of the object that owns the connection; asked only about connections that end."""
    return getattr(getattr(send, "__self__", None), "transport", None)
