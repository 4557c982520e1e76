"""What waits for one connection: bounded, in order, closed once."""

from __future__ import annotations

from collections import deque

from accounts.realtime.bell import Bell

WAITING_MAX = 1000
WAITING_MAX_BYTES = 4 * 1024 * 1024
ROOM = 200
FRAME_BYTES = 64 * 1024
"""What goes out at once: a client that takes this much in its time is not too slow, however much waits for it."""
GOING_AWAY = (3000, "Go away!")
TOO_SLOW = (1013, "Too slow")


class Outbox:
    """Texts on their way to a client. More than it may hold closes it: a slow reader is cut off."""

    __slots__ = ("_size", "_waiting", "closing", "drained", "woken")

    def __init__(self) -> None:
        self.closing: tuple[int, str] | None = None
        self.woken = Bell()
        self.drained = Bell()
        self.drained.set()
        self._waiting: deque[str] = deque()
        self._size = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, text: str) -> None:
        """`text` goes out after everything before it; nothing does once the box is closed."""
        if self.closing is not None:
            return
        self._waiting.append(text)
        self._size += len(text)
        if len(self._waiting) > WAITING_MAX or self._size > WAITING_MAX_BYTES:
            self._waiting.clear()
            self._size = 0
            self.close(*TOO_SLOW)
        if len(self._waiting) > ROOM:
            self.drained.clear()
        self.woken.set()

    def take(self, most: int = ROOM) -> list[str]:
        """Up to `most` texts or a frame's bytes, which then wait no longer; one text at least, if there is any."""
        found: list[str] = []
        size = 0
        while self._waiting and len(found) < most and size < FRAME_BYTES:
            found.append(self._waiting.popleft())
            size += len(found[-1])
        self._size -= size
        if len(self._waiting) <= ROOM:
            self.drained.set()
        if not self._waiting and self.closing is None:
            self.woken.clear()
        return found

    def close(self, code: int, reason: str) -> None:
        """What waits still goes out, then the connection ends; the first reason stands."""
        if self.closing is None:
            self.closing = (code, reason)
        self.woken.set()
        self.drained.set()
