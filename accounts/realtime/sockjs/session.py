"""SockJS sessions that live in several requests: one receiver at a time, and a few seconds of life without any."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Protocol

from django.conf import settings

from accounts.realtime.outbox import Outbox
from accounts.realtime.sockjs.connections import Connections

HANDOVER_S = 0.1
INTERRUPTED = (1002, "Connection interrupted")
SENDERS_MAX = 16
TEXTS_MAX = 2000
"""In one message of a client: each is heard for itself, and nobody else is meanwhile."""


class Talker(Protocol):
    """What a connection carries."""

    async def hear(self, text: str) -> None: ...
    async def stop(self) -> None: ...


Opening = Callable[[Outbox, str], Talker]
"""Begins a conversation that is told through the box, for the client at the address."""


class Crowded(Exception):
    """More requests than a client ever has wait to send for one session."""


def packed(texts: list[str]) -> str:
    """Messages as one frame; ASCII, so that nothing in them is any proxy's or browser's business."""
    return "a" + json.dumps(texts, separators=(",", ":"))


def closed(code: int, reason: str) -> str:
    """The frame that ends a session."""
    return "c" + json.dumps([code, reason], separators=(",", ":"))


def unpacked(text: str) -> list[str]:
    """The messages in what a client sent. Raises ValueError for anything but an array of texts, not too many, or one text."""
    try:
        found = json.loads(text) if text else []
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if isinstance(found, str):
        return [found]
    if not isinstance(found, list) or len(found) > TEXTS_MAX or not all(isinstance(one, str) for one in found):
        raise ValueError("not an array of texts")
    return found


class Session:
    """One client over polling or streaming. It has a receiver, or a few seconds to find one."""

    def __init__(self, opening: Opening, address: str) -> None:
        self.outbox = Outbox()
        self.talker = opening(self.outbox, address)
        self.timer: asyncio.TimerHandle | None = None
        self.ends_at: float | None = None
        self._order = asyncio.Lock()
        self._senders = 0
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
        while self.outbox.take():
            pass
        self.outbox.close(*INTERRUPTED)

    async def hear(self, texts: list[str]) -> None:
        """The client said `texts`, after everything that it said in earlier requests. Raises Crowded."""
        if self._senders >= SENDERS_MAX:
            raise Crowded()
        self._senders += 1
        try:
            async with self._order:
                for text in texts:
                    await self.talker.hear(text)
        finally:
            self._senders -= 1

    async def next_frame(self) -> str:
        """What the receiver sends next; a beat when nothing happened for long."""
        if self._is_new:
            self._is_new = False
            return "o"
        if not await self.outbox.woken.within(settings.REALTIME_BEAT_S):
            return "h"
        if texts := self.outbox.take():
            return packed(texts)
        return closed(*self.outbox.closing) if self.outbox.closing else "h"


class Sessions:
    """The sessions of one endpoint by their id."""

    def __init__(self, opening: Opening, connections: Connections) -> None:
        self._opening, self._connections = opening, connections
        self._known: dict[str, Session] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def get(self, name: str) -> Session | None:
        """The session `name`, if it lives."""
        return self._known.get(name)

    def get_or_open(self, name: str, address: str) -> Session | None:
        """The session `name`, new if need be; None when there is no room for a new one."""
        session = self._known.get(name)
        if session is None and self._connections.has_room(address):
            session = self._known[name] = Session(self._opening, address)
            self._connections.enter(session.outbox, address)
            self._await_receiver(name, session)
        return session

    def leave(self, name: str, session: Session) -> None:
        """Its receiver is gone: unless another comes the session ends soon."""
        session.release()
        self._await_receiver(name, session)

    def _await_receiver(self, name: str, session: Session) -> None:
        """An open session lives on with every receiver; one that is over does not, however often its end is asked for."""
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + settings.REALTIME_SESSION_LIFE_S
        if session.outbox.closing is not None:
            ends_at = session.ends_at = session.ends_at or ends_at
        session.timer = loop.call_at(ends_at, self._expire, name, session)

    def _expire(self, name: str, session: Session) -> None:
        if self._known.get(name) is not session:
            return
        del self._known[name]
        self._connections.leave(session.outbox)
        task = asyncio.get_running_loop().create_task(session.talker.stop())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def close(self) -> None:
        """Every session has ended."""
        for name, session in list(self._known.items()):
            self._expire(name, session)
        await asyncio.gather(*self._ending, return_exceptions=True)
