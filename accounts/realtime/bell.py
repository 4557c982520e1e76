"""What one task waits for. Cheaper than `asyncio.Event` beside `wait_for`: no task and no timer for each wait."""

from __future__ import annotations

import asyncio


class Bell:
    """Rung until it is cleared; at most one task waits for it."""

    __slots__ = ("_is_rung", "_timer", "_waiter")

    def __init__(self) -> None:
        self._is_rung = False
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def set(self) -> None:
        """Who waits goes on."""
        self._is_rung = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def clear(self) -> None:
        """The next wait waits."""
        self._is_rung = False

    def is_set(self) -> bool:
        """True from `set` to `clear`."""
        return self._is_rung

    async def wait(self) -> None:
        """Until it is rung."""
        while not self._is_rung:
            await self._pause()

    async def within(self, seconds: float) -> bool:
        """True as soon as it is rung, False when the time is over; seldom a moment early, so look at the clock."""
        if self._is_rung:
            return True
        loop = asyncio.get_running_loop()
        due = loop.time() + seconds
        while not self._is_rung and loop.time() < due:
            # A timer that is due before this wait ends stays: it is asked for again when it fires, not at every ring.
            if self._timer is None or self._timer.when() > due:
                self._arm(loop, due)
            await self._pause()
        return self._is_rung

    async def _pause(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _arm(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_at(due, self._fire)

    def _fire(self) -> None:
        self._timer = None
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def silence(self) -> None:
        """Its timer is gone; nobody waits any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
