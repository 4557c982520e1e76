"""One open stream: what waits to be sent, in order, and what has to be read from the log again."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from accounts.realtime.bell import Bell
from accounts.realtime.callers import Proof
from accounts.selectors.event import events_after

WAITING_MAX = 500
"""Messages that wait for a slow client; beyond them they are dropped and read from the log when the client is faster."""
PAGE = 200


@dataclass(frozen=True, slots=True)
class Message:
    """One event: its number in the user's log, None for what is not logged (progress)."""

    number: int | None
    kind: str
    payload: Any

    def frame(self) -> bytes:
        """The event as `text/event-stream` writes it."""
        head = f"id: {self.number}\n" if self.number is not None else ""
        return f"{head}event: {self.kind}\ndata: {json.dumps(self.payload, ensure_ascii=False, separators=(',', ':'))}\n\n".encode()


@dataclass(slots=True, eq=False)
class Listener:
    """A client's place in the stream. `last` is the last number it was sent; `is_behind`: the log knows more."""

    proof: Proof
    last: int
    until: float
    is_behind: bool = True
    is_over: bool = False
    waiting: deque[Message] = field(default_factory=deque)
    woken: Bell = field(default_factory=Bell)

    def offer(self, message: Message) -> None:
        """`message` waits for the client, or the client is behind from now on."""
        if len(self.waiting) < WAITING_MAX:
            self.waiting.append(message)
        else:
            self.waiting.clear()
            self.is_behind = True
        self.woken.set()

    def catch_up(self) -> None:
        """Something may have been missed: the log is read again."""
        self.is_behind = True
        self.woken.set()

    def end(self) -> None:
        """The proof holds no longer: the stream ends."""
        self.is_over = True
        self.woken.set()

    def take(self) -> list[Message]:
        """What can be sent now. A gap in the numbers is no message's fault: the log is read instead."""
        found: list[Message] = []
        while self.waiting and not self.is_behind:
            message = self.waiting.popleft()
            if message.number is None:
                found.append(message)
            elif message.number == self.last + 1:
                self.last = message.number
                found.append(message)
            elif message.number > self.last:
                self.is_behind = True
        return found

    def read(self) -> list[Message]:
        """The next page of the log after `last`; behind no more when it is the last page. Synchronous: one statement."""
        self.is_behind = False  # before the read: what happens during it sets it again
        rows = events_after(user_id=self.proof.user_id, number=self.last, limit=PAGE)
        if len(rows) == PAGE:
            self.is_behind = True
        if rows:
            self.last = rows[-1].number
        return [Message(row.number, row.kind, row.payload) for row in rows]
