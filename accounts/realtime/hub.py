"""Every open stream and socket of this process, and how the events of its users reach them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

import orjson
from django.conf import settings
from redis.exceptions import RedisError

from accounts.realtime.bell import Bell
from accounts.realtime.callers import standing
from accounts.realtime.line import Line
from accounts.realtime.listener import Listener, Message
from accounts.realtime.threads import in_thread
from accounts.selectors.event import last_numbers
from config.kernel.sql import domain_errors

logger = logging.getLogger(__name__)
Item = TypeVar("Item")
CHECK_EVERY_S = 3.0
CONFIRMED_WITHIN_S = 2.0
LONGEST_PAUSE_S = 5.0
CHUNK = 500
"""So many people are judged, or compared with the log, in one statement; the loop serves others in between."""
BETWEEN_CHUNKS_S = 0.02


class Hub:
    """The open streams of this process. It works from the first stream on; Redis may come and go meanwhile."""

    def __init__(self) -> None:
        self.listeners: dict[int, set[Listener]] = {}
        self.addresses: dict[str, int] = {}
        self._line = Line(self._deliver, self._compare_soon)
        self._judgement = Bell()
        self._tasks: list[asyncio.Task[None]] = []

    def has_room(self, user_id: int, address: str) -> bool:
        """True when the user and the address may open one more stream here."""
        if len(self.listeners.get(user_id, ())) >= settings.REALTIME_USER_CONNECTIONS:
            return False
        return self.addresses.get(address, 0) < settings.REALTIME_ADDRESS_CONNECTIONS

    async def join(self, listener: Listener, address: str) -> None:
        """`listener` hears of everything that is committed from now on; what was committed before is in the log, which it reads first.

        Without Redis, or when that is slow, it is told to read again later.
        """
        user_id = listener.proof.user_id
        is_first = user_id not in self.listeners
        self.listeners.setdefault(user_id, set()).add(listener)
        self.addresses[address] = self.addresses.get(address, 0) + 1
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._judge())]
        if is_first:
            self._line.wish(user_id, wanted=True)
        try:
            await asyncio.wait_for(self._line.confirmed(user_id), CONFIRMED_WITHIN_S)
        except TimeoutError:
            self._line.once_confirmed(user_id, listener.catch_up)

    async def leave(self, listener: Listener, address: str) -> None:
        """`listener` hears nothing more; with the last one the subscription ends."""
        user_id = listener.proof.user_id
        listener.woken.silence()
        self.addresses[address] -= 1
        if not self.addresses[address]:
            del self.addresses[address]
        remaining = self.listeners[user_id]
        remaining.discard(listener)
        if not remaining:
            del self.listeners[user_id]
            self._line.wish(user_id, wanted=False)

    async def close(self) -> None:
        """The subscription and the checks have ended, and every stream with them."""
        for listener in self._everybody():
            listener.end()
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._judgement.silence()

    async def _listen(self) -> None:
        """Messages reach their listeners. After a break all channels are joined again, and who missed something reads the log."""
        pause_s = 0.1
        while True:
            begun = time.monotonic()
            try:
                await self._line.run(self.listeners)
            except (RedisError, OSError) as error:
                logger.warning("streams lost Redis (%s); the log is read until it is back", type(error).__name__)
            except Exception:
                logger.exception("the subscription ended by our own fault; it is made anew")
            pause_s = 0.1 if time.monotonic() - begun > LONGEST_PAUSE_S else min(pause_s * 2, LONGEST_PAUSE_S)
            await asyncio.sleep(pause_s)

    def _deliver(self, user_id: int, text: bytes) -> None:
        listeners = self.listeners.get(user_id)
        if not listeners:
            return
        try:
            body = orjson.loads(text)
            event = Message(body["id"], body["kind"], body["payload"])
        except (ValueError, KeyError, TypeError):
            logger.error("a message on an event channel makes no sense")
            return
        for listener in listeners:
            listener.offer(event)

    def _compare_soon(self) -> None:
        """Events may have passed unheard: everybody is compared with the log at once."""
        self._judgement.set()

    async def _judge(self) -> None:
        """Every few seconds streams whose session was revoked, or whose time is over, end. Who may have missed something reads the log."""
        while True:
            is_asked = await self._judgement.within(CHECK_EVERY_S)
            self._judgement.clear()
            try:
                if is_asked or not self._line.is_open:
                    await self._compare()
                await self._judge_once()
            except Exception:
                logger.exception("the proofs of open streams could not be judged; tried again in %s s", CHECK_EVERY_S)
                if is_asked:
                    self._compare_soon()
                await asyncio.sleep(CHECK_EVERY_S)

    async def _compare(self) -> None:
        """Listeners behind the log read it. One statement for many users, so that a thousand who missed nothing read nothing."""
        for users in _chunks(list(self.listeners)):
            for user_id, number in (await in_thread(_heads, users)).items():
                for listener in self.listeners.get(user_id, ()):
                    if number > listener.last:
                        listener.catch_up()
            await asyncio.sleep(BETWEEN_CHUNKS_S)

    async def _judge_once(self) -> None:
        for listeners in _chunks(self._everybody()):
            holding = await in_thread(standing, {listener.proof for listener in listeners})
            now = time.monotonic()
            for listener in listeners:
                if listener.proof not in holding or now > listener.until:
                    listener.end()
            await asyncio.sleep(BETWEEN_CHUNKS_S)

    def _everybody(self) -> list[Listener]:
        return [listener for found in self.listeners.values() for listener in found]


def _heads(users: list[int]) -> dict[int, int]:
    with domain_errors():
        return last_numbers(users)


def _chunks(items: Iterable[Item]) -> Iterator[list[Item]]:
    rest = iter(items)
    while chunk := list(islice(rest, CHUNK)):
        yield chunk


hub = Hub()
"""The one of this process."""
