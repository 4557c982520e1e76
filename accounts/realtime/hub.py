"""One Redis subscription a process: from channel `events:<user>` to every open stream of that user."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import orjson
import redis.asyncio as aioredis
from django.conf import settings
from django.db import connections
from redis.exceptions import RedisError

from accounts.realtime.callers import standing
from accounts.realtime.listener import Listener, Message

logger = logging.getLogger(__name__)
Result = TypeVar("Result")
CHECK_EVERY_S = 3.0
LONGEST_PAUSE_S = 5.0
YIELD_EVERY = 32
USER_MAX = 500
ADDRESS_MAX = 2000
_threads = ThreadPoolExecutor(4, thread_name_prefix="stream-db")


async def in_thread(work: Callable[..., Result], *arguments: Any) -> Result:
    """`work`'s result from a thread whose database connection is given back at once: a waiting stream holds none."""

    def run() -> Result:
        try:
            return work(*arguments)
        finally:
            connections.close_all()

    return await asyncio.get_running_loop().run_in_executor(_threads, run)


class Hub:
    """The open streams of this process. It works from the first stream on; Redis may come and go meanwhile."""

    def __init__(self) -> None:
        self.listeners: dict[int, set[Listener]] = {}
        self.addresses: dict[str, int] = {}
        self._redis: aioredis.Redis | None = None
        self._pubsub: Any = None
        self._tasks: list[asyncio.Task[None]] = []

    def has_room(self, user_id: int, address: str) -> bool:
        """True when the user and the address may open one more stream here."""
        return len(self.listeners.get(user_id, ())) < USER_MAX and self.addresses.get(address, 0) < ADDRESS_MAX

    async def join(self, listener: Listener, address: str) -> None:
        """`listener` hears of its user's events from now on."""
        user_id = listener.proof.user_id
        is_first = user_id not in self.listeners
        self.listeners.setdefault(user_id, set()).add(listener)
        self.addresses[address] = self.addresses.get(address, 0) + 1
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._judge())]
        if is_first and self._pubsub is not None:
            await self._tell("subscribe", user_id)

    async def leave(self, listener: Listener, address: str) -> None:
        """`listener` hears nothing more; with the last one the subscription ends."""
        user_id = listener.proof.user_id
        self.addresses[address] -= 1
        if not self.addresses[address]:
            del self.addresses[address]
        remaining = self.listeners[user_id]
        remaining.discard(listener)
        if not remaining:
            del self.listeners[user_id]
            await self._tell("unsubscribe", user_id)

    async def _tell(self, command: str, user_id: int) -> None:
        try:
            if self._pubsub is not None:
                await getattr(self._pubsub, command)(f"events:{user_id}")
        except (RedisError, OSError):
            logger.warning("Redis does not answer; streams read the log until it does")

    async def close(self) -> None:
        """The subscription and the checks have ended, and every stream with them."""
        for listener in self._everybody():
            listener.end()
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _listen(self) -> None:
        """Messages reach their listeners; after every break the channels are joined again and everybody reads the log."""
        pause_s = 0.1
        while True:
            try:
                await self._subscribe_all()
                pause_s = 0.1
                await self._pump()
            except (RedisError, OSError) as error:
                logger.warning("streams lost Redis (%s); the log is read until it is back", type(error).__name__)
            finally:
                await self._drop()
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    async def _subscribe_all(self) -> None:
        self._redis = aioredis.Redis.from_url(settings.REDIS_URL, socket_timeout=None, socket_connect_timeout=2, health_check_interval=15)
        self._pubsub = self._redis.pubsub(ignore_subscribe_messages=True)
        await self._pubsub.subscribe(*(f"events:{user_id}" for user_id in self.listeners), "events:0")
        for listener in self._everybody():
            listener.catch_up()

    async def _pump(self) -> None:
        count = 0
        async for message in self._pubsub.listen():
            self._deliver(message)
            count += 1
            if count % YIELD_EVERY == 0:
                await asyncio.sleep(0)  # a queue that is never empty would starve the writers

    def _deliver(self, message: dict[str, Any]) -> None:
        try:
            body = orjson.loads(message["data"])
            event = Message(body["id"], body["kind"], body["payload"])
            user_id = int(message["channel"].rpartition(b":")[2])
        except (ValueError, KeyError, TypeError):
            logger.error("a message on an event channel makes no sense")
            return
        for listener in self.listeners.get(user_id, ()):
            listener.offer(event)

    async def _drop(self) -> None:
        pubsub, client, self._pubsub, self._redis = self._pubsub, self._redis, None, None
        for closable in (pubsub, client):
            try:
                if closable is not None:
                    await closable.aclose()
            except (RedisError, OSError):
                pass

    async def _judge(self) -> None:
        """Every few seconds: streams whose session was revoked or whose time is over end; without Redis everybody reads the log."""
        while True:
            await asyncio.sleep(CHECK_EVERY_S)
            try:
                await self._judge_once()
            except Exception:
                logger.exception("the proofs of open streams could not be judged; tried again in %s s", CHECK_EVERY_S)

    async def _judge_once(self) -> None:
        everybody = self._everybody()
        holding = await in_thread(standing, {listener.proof for listener in everybody})
        now = time.monotonic()
        for listener in everybody:
            if listener.proof not in holding or now > listener.until:
                listener.end()
            elif self._pubsub is None:
                listener.catch_up()

    def _everybody(self) -> list[Listener]:
        return [listener for found in self.listeners.values() for listener in found]
