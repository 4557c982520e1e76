"""A process that is asked to end first says so to its clients: the server's own way would cut streams without a word."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Awaitable, Callable
from types import FrameType
from typing import Any

_farewells: set[asyncio.Task[None]] = set()


def say_goodbye_first(goodbye: Callable[[], Awaitable[None]]) -> None:
    """From now on the first SIGTERM or SIGINT runs `goodbye`, and then reaches the server that listens for it; the second
    reaches it at once. Call it in the loop of a server that has its handlers in place (uvicorn, before its lifespan starts)."""
    if threading.current_thread() is not threading.main_thread():
        return
    for number in (signal.SIGTERM, signal.SIGINT):
        handler = signal.getsignal(number)
        if callable(handler) and handler is not signal.default_int_handler:
            signal.signal(number, _Chained(asyncio.get_running_loop(), goodbye, handler))


class _Chained:
    """A handler of a signal in front of another."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, goodbye: Callable[[], Awaitable[None]], handler: Callable[[int, FrameType | None], Any]
    ) -> None:
        self._loop, self._goodbye, self._handler = loop, goodbye, handler
        self._is_asked = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self._is_asked:
            self._handler(number, frame)
            return
        self._is_asked = True
        self._loop.call_soon_threadsafe(self._begin, number)

    def _begin(self, number: int) -> None:
        task = self._loop.create_task(self._say(number))
        _farewells.add(task)
        task.add_done_callback(_farewells.discard)

    async def _say(self, number: int) -> None:
        try:
            await self._goodbye()
        finally:
            self._handler(number, None)
