"""SockJS sessions that live in several requests: one receiver at a time, and a few seconds of life without any."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Protocol

from accounts.realtime.outbox import Outbox

BEAT_S = 25.0
LIFE_S = 5.0
HANDOVER_S = 0.1
INTERRUPTED = (1002, "Connection interrupted")
SESSIONS_MAX = 20_000
ADDRESS_MAX = 2_000


class Talker(Protocol):
    """What a connection carries."""

    async def hear(self, text: str) -> None: ...
    async def stop(self) -> None: ...


Opening = Callable[[Outbox, str], Talker]
"""Begins a conversation that is told through the box, for the client at the address."""


def packed(texts: list[str]) -> str:
    """Messages as one frame; ASCII, so that nothing in them is any proxy's or browser's business."""
    return "a" + json.dumps(texts, separators=(",", ":"))


def closed(code: int, reason: str) -> str:
    """The frame that ends a session."""
    return "c" + json.dumps([code, reason], separators=(",", ":"))


def unpacked(text: str) -> list[str]:
    """The messages in what a client sent. Raises ValueError for anything but an array of texts, or one text."""
    try:
        found = json.loads(text) if text else []
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if isinstance(found, str):
        return [found]
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise ValueError("not an array of texts")
    return found


class Session:
    """One client over polling or streaming. It has a receiver, or a few seconds to find one."""

    def __init__(self, opening: Opening, address: str) -> None:
        self.address = address
        self.outbox = Outbox()
        self.talker = opening(self.outbox, address)
        self.order = asyncio.Lock()
        self.timer: asyncio.TimerHandle | None = None
        self._free = asyncio.Event()
        self._free.set()
        self._is_new = True

    async def claim(self) -> bool:
        """This request is the receiver; False when another one still is, also after a moment."""
        try:
            await asyncio.wait_for(self._free.wait(), HANDOVER_S)
        except TimeoutError:
            return False
        if not self._free.is_set():
            return False
        self._free.clear()
        if self.timer is not None:
            self.timer.cancel()
        return True

    def release(self) -> None:
        """The receiver has ended; another may come."""
        self._free.set()

    def interrupt(self) -> None:
        """The network cut the receiver: nobody knows what arrived, so the session is over."""
        self.outbox.take(len(self.outbox))
        self.outbox.close(*INTERRUPTED)

    async def next_frame(self) -> str:
        """What the receiver sends next; a beat when nothing happened for long."""
        if self._is_new:
            self._is_new = False
            return "o"
        try:
            await asyncio.wait_for(self.outbox.woken.wait(), BEAT_S)
        except TimeoutError:
            return "h"
        if texts := self.outbox.take():
            return packed(texts)
        return closed(*self.outbox.closing) if self.outbox.closing else "h"


class Sessions:
    """The sessions of this process by their id."""

    def __init__(self, opening: Opening) -> None:
        self._opening = opening
        self._known: dict[str, Session] = {}
        self._addresses: dict[str, int] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def get(self, name: str) -> Session | None:
        """The session `name`, if it lives."""
        return self._known.get(name)

    def get_or_open(self, name: str, address: str) -> Session | None:
        """The session `name`, new if need be; None when this process or the address has too many."""
        session = self._known.get(name)
        if session is None:
            if len(self._known) >= SESSIONS_MAX or self._addresses.get(address, 0) >= ADDRESS_MAX:
                return None
            session = self._known[name] = Session(self._opening, address)
            self._addresses[address] = self._addresses.get(address, 0) + 1
        return session

    def leave(self, name: str, session: Session) -> None:
        """Its receiver is gone: unless another comes the session ends soon."""
        session.release()
        session.timer = asyncio.get_running_loop().call_later(LIFE_S, self._expire, name, session)

    def _expire(self, name: str, session: Session) -> None:
        if self._known.get(name) is not session:
            return
        del self._known[name]
        self._addresses[session.address] -= 1
        if not self._addresses[session.address]:
            del self._addresses[session.address]
        task = asyncio.get_running_loop().create_task(session.talker.stop())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def close(self) -> None:
        """Every session has ended."""
        for name, session in list(self._known.items()):
            session.outbox.close(1012, "Service restart")
            self._expire(name, session)
        await asyncio.gather(*self._ending, return_exceptions=True)
