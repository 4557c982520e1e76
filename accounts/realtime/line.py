"""The one connection on which a process hears of its users' events: channels `events:<user>` of Redis."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from typing import Any

import redis.asyncio as aioredis
from django.conf import settings
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError

from accounts.realtime.bell import Bell

logger = logging.getLogger(__name__)
YIELD_EVERY = 32
CHANNELS_A_COMMAND = 500
PING_EVERY_S = 5.0
SILENT_S = 15.0
NOBODY = 0
"""A user that does not exist: the connection is never without a subscription."""


class Line:
    """Wishes become SUBSCRIBE and UNSUBSCRIBE, many channels a command. What arrives is handed to `deliver(user, body)`.

    `opened` is called when Redis has confirmed every channel that was wished for when the connection was made.
    """

    def __init__(self, deliver: Callable[[int, bytes], None], opened: Callable[[], None]) -> None:
        self._deliver, self._opened = deliver, opened
        self._bell = Bell()
        self._wishes: dict[int, bool] = {}
        self._said: set[int] = set()
        self._awaited: dict[int, int] = {}
        self._confirmed: set[int] = set()
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._heard_at = 0.0
        self.is_connected = False
        self.is_open = False

    def wish(self, user_id: int, *, wanted: bool) -> None:
        """The user's events are wanted from now on, or no longer."""
        if not self.is_connected:
            return
        if wanted == (user_id in self._said):
            self._wishes.pop(user_id, None)  # what was to be undone has not been said yet
        else:
            self._wishes[user_id] = wanted
            self._bell.set()
        if wanted and user_id in self._said and user_id not in self._awaited:
            self._confirmed.add(user_id)
        if not wanted:
            self._confirmed.discard(user_id)
            self._answer(user_id)

    async def confirmed(self, user_id: int) -> None:
        """What is published for the user from now on arrives; also returns when the connection is lost, or was never made."""
        if user_id in self._confirmed or not self.is_connected:
            return
        if user_id not in self._waiting:
            self._waiting[user_id] = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._waiting[user_id])

    def once_confirmed(self, user_id: int, then: Callable[[], None]) -> None:
        """`then` is called when a wait for `confirmed` that was given up would have ended."""
        if (future := self._waiting.get(user_id)) is not None:
            future.add_done_callback(lambda _: then())

    async def run(self, users: Iterable[int]) -> None:
        """Messages arrive until the connection breaks. Raises RedisError or OSError then; never returns."""
        pool: Any = aioredis.ConnectionPool.from_url(
            settings.REDIS_URL, protocol=2, socket_timeout=None, socket_connect_timeout=2, retry=Retry(NoBackoff(), 0)
        )
        connection: AbstractConnection = pool.make_connection()
        tasks: list[asyncio.Task[None]] = []
        try:
            await connection.connect()  # type: ignore[no-untyped-call]
            self._begin(users)
            tasks = [asyncio.create_task(self._hear(connection)), asyncio.create_task(self._speak(connection))]
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            self._end()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await connection.disconnect(nowait=True)

    def _begin(self, users: Iterable[int]) -> None:
        self._wishes = dict.fromkeys((NOBODY, *users), True)
        self._heard_at = time.monotonic()
        self.is_connected = True
        self._bell.set()

    def _end(self) -> None:
        self.is_connected = self.is_open = False
        for found in (self._wishes, self._said, self._awaited, self._confirmed):
            found.clear()
        for user_id in list(self._waiting):
            self._answer(user_id)
        self._bell.silence()

    async def _speak(self, connection: AbstractConnection) -> None:
        while True:
            await self._bell.within(PING_EVERY_S)
            self._bell.clear()
            silent_s = time.monotonic() - self._heard_at
            if silent_s > SILENT_S:
                raise RedisConnectionError("Redis is silent")
            wishes, self._wishes = self._wishes, {}
            if not wishes and silent_s > PING_EVERY_S / 2:
                await connection.send_command("PING")
            await self._say(connection, "UNSUBSCRIBE", [user for user, wanted in wishes.items() if not wanted])
            await self._say(connection, "SUBSCRIBE", [user for user, wanted in wishes.items() if wanted])

    async def _say(self, connection: AbstractConnection, command: str, users: list[int]) -> None:
        if command == "SUBSCRIBE":
            self._said.update(users)
            self._awaited.update((user, self._awaited.get(user, 0) + 1) for user in users)
        else:
            self._said.difference_update(users)
        for at in range(0, len(users), CHANNELS_A_COMMAND):
            await connection.send_command(command, *(f"events:{user}" for user in users[at : at + CHANNELS_A_COMMAND]))

    async def _hear(self, connection: AbstractConnection) -> None:
        count = 0
        while True:
            answer = await connection.read_response(disable_decoding=True)
            self._heard_at = time.monotonic()
            if count % YIELD_EVERY == 0:
                await asyncio.sleep(0)  # a queue that is never empty would starve the writers
            count += 1
            self._understand(answer)

    def _understand(self, answer: Any) -> None:
        try:
            kind, channel, *rest = answer
            user_id = int(channel[7:]) if kind in (b"message", b"subscribe") else None
        except (TypeError, ValueError):
            logger.error("a message on an event channel makes no sense")
            return
        if kind == b"message" and user_id is not None:
            self._deliver(user_id, rest[0])
        elif user_id is not None:
            self._confirm(user_id)

    def _confirm(self, user_id: int) -> None:
        """Only the answer to the last SUBSCRIBE counts: between two of them there was an UNSUBSCRIBE."""
        self._awaited[user_id] -= 1
        if not self._awaited[user_id]:
            del self._awaited[user_id]
            if user_id in self._said:
                self._confirmed.add(user_id)
                self._answer(user_id)
        if not self.is_open and not self._awaited and not self._wishes:
            self.is_open = True
            self._opened()

    def _answer(self, user_id: int) -> None:
        future = self._waiting.pop(user_id, None)
        if future is not None and not future.done():
            future.set_result(None)
