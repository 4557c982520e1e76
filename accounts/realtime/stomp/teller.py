"""What one connection is told: its subscriptions, each from where it was, events in order and steps at their pace."""

from __future__ import annotations

import asyncio
import math
import secrets
import time
from collections.abc import Callable

from django.conf import settings

from accounts.realtime.listener import PAGE, Listener, Message
from accounts.realtime.outbox import TOO_SLOW, Outbox
from accounts.realtime.stomp import messages
from accounts.realtime.stomp.subscriptions import Subscription
from accounts.realtime.threads import in_thread
from accounts.selectors.event import events_after, last_number
from config.kernel.errors import DatabaseUnavailable
from config.kernel.sql import domain_errors

GATHER_S = 0.05
"""So long the rest is held back after the first subscription that came back."""
WITHOUT_RESULTS_S = 1.0
"""The same while nobody listens for results."""
Say = Callable[[str, dict[str, str], bytes], None]
"""Sends a frame: command, headers, body."""


class Teller:
    """Turns a user's events into MESSAGE frames. `at` is the number of the last event that live subscriptions were told."""

    def __init__(self, outbox: Outbox, say: Say) -> None:
        self.name = secrets.token_hex(6)
        self.subscriptions: dict[str, Subscription] = {}
        self.at = 0
        self._outbox, self._say = outbox, say
        self._count = 0
        self._returned_at = self._replay_at = math.inf

    def reply(self, body: bytes, more: dict[str, str]) -> None:
        """`body` is this connection's answer, wherever it listens for answers."""
        for wish in list(self.subscriptions.values()):
            if wish.destination == messages.REPLY:
                self._message(wish, body, self._here(), more)

    def say_due(self) -> None:
        """Steps that came too soon after the one before have their turn."""
        now = time.monotonic()
        for wish in self.subscriptions.values():
            if now >= wish.pace.next_at:
                for one in wish.pace.due(now):
                    self._message(wish, one.body, self._here())

    def next_at(self, otherwise: float) -> float:
        """When the next such step, or the rest for a subscription that came back, is due (monotonic seconds)."""
        return min(self._replay_at, otherwise, *(wish.pace.next_at for wish in self.subscriptions.values()))

    async def room(self) -> None:
        """A client that takes nothing of what waits for it is cut off; its events wait in the listener, which is bounded too."""
        if self._outbox.drained.is_set():
            return
        if not await self._outbox.drained.within(settings.REALTIME_STALLED_S):
            self._outbox.close(*TOO_SLOW)

    async def tell(self, listener: Listener) -> bool:
        """One portion of what the client has not heard; True when there may be more. Raises DatabaseUnavailable."""
        if behind := self._returned(time.monotonic()):
            await self._replay(behind, listener)
            return True
        found = await in_thread(_read, listener) if listener.is_behind else listener.take()
        for message in found:
            await self._pass_on(listener, message, [wish for wish in self.subscriptions.values() if not wish.is_behind])
            self.at = message.number or self.at
        return bool(found) or listener.is_behind

    def _returned(self, now: float) -> list[Subscription]:
        """The subscriptions that came back and have waited long enough for those that the same client is about to send: whoever is
        cut off and knows one number for all has then missed nothing on any. Above all no step is told before a result can be."""
        behind = [wish for wish in self.subscriptions.values() if wish.is_behind]
        if not behind:
            self._returned_at = self._replay_at = math.inf
            return []
        self._returned_at = min(self._returned_at, now)
        has_results = any(wish.destination == messages.RESULT for wish in self.subscriptions.values())
        self._replay_at = self._returned_at + (GATHER_S if has_results else WITHOUT_RESULTS_S)
        return behind if now >= self._replay_at else []

    async def _replay(self, behind: list[Subscription], listener: Listener) -> None:
        """The next page of the log for subscriptions that came back, up to where the others are."""
        first = min(wish.has for wish in behind)
        rows, newest = await in_thread(_page, listener.proof.user_id, first)
        for row in rows:
            if row.number is None or row.number > listener.last:
                break
            await self._pass_on(listener, row, behind)
            for wish in behind:
                wish.has = max(wish.has, row.number)
        else:
            if len(rows) == PAGE:
                return
        for wish in behind:
            wish.has, wish.is_behind = min(wish.has, newest), False

    async def _pass_on(self, listener: Listener, message: Message, wishes: list[Subscription]) -> None:
        """`message` goes to those of `wishes` that are still wanted and do not have it yet.

        Only the last of its parts has its number, so that nobody who is cut off between two of them misses the second.
        """
        if not wishes:
            return
        told = await self._told(listener, message)
        number = message.number
        wanted = [wish for wish in wishes if number is None or number > wish.has]
        for place, one in enumerate(told, 1):
            event_id = self._here() if number is None else number if place == len(told) else number - 1
            for wish in wanted:
                if self.subscriptions.get(wish.name) is wish:
                    self._hand(wish, one, event_id)
        if told:
            await self.room()

    def _hand(self, wish: Subscription, one: messages.Told, event_id: int) -> None:
        now = time.monotonic()
        if wish.destination == one.destination:
            said = wish.pace.judge(one, now) if one.destination == messages.PROGRESS else one
            if said is not None:
                self._message(wish, said.body, event_id)
        elif one.destination == messages.RESULT:
            wish.pace.end(one.task, now)

    async def _told(self, listener: Listener, message: Message) -> list[messages.Told]:
        """What `message` says; a silent database is asked again every second as long as somebody listens."""
        user_id = listener.proof.user_id
        told = messages.told_quickly(user_id, message)
        while told is None:
            try:
                told = await in_thread(_told, user_id, message)
            except DatabaseUnavailable:
                if self._outbox.closing is not None or listener.is_over:
                    return []
                await asyncio.sleep(1)
        return told

    def _here(self) -> int:
        """Up to where everything has been told: what a message says that is no event of the log."""
        return min([self.at, *(wish.has for wish in self.subscriptions.values() if wish.is_behind)])

    def _message(self, subscription: Subscription, body: bytes, event_id: int, more: dict[str, str] | None = None) -> None:
        self._count += 1
        number = f"{self.name}-{self._count}"
        headers = {
            "subscription": subscription.name,
            "message-id": number,
            "destination": subscription.destination,
            "content-type": "application/json",
            "event-id": str(event_id),
            **(more or {}),
        }
        if subscription.ack != "auto":
            headers["ack"] = number
        self._say("MESSAGE", headers, body)


def _read(listener: Listener) -> list[Message]:
    with domain_errors():
        return listener.read()


def _page(user_id: int, number: int) -> tuple[list[Message], int]:
    """The events after `number`, and the number of the newest there is."""
    with domain_errors():
        rows = [Message(row.number, row.kind, row.payload) for row in events_after(user_id=user_id, number=number, limit=PAGE)]
        return rows, rows[-1].number or 0 if rows else last_number(user_id)


def _told(user_id: int, message: Message) -> list[messages.Told]:
    with domain_errors():
        return messages.told(user_id, message)
