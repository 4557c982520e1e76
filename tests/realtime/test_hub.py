"""What reaches the listeners of one process: from the confirmed channel, and from the log after every break."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest

from accounts.realtime import hub as module
from accounts.realtime import line, threads
from accounts.realtime.bell import Bell
from accounts.realtime.callers import Proof
from accounts.realtime.hub import CHUNK, Hub
from accounts.realtime.listener import Listener
from accounts.realtime.threads import Threads
from config.kernel.redis import client
from config.launcher.valkey import Valkey
from tests.harness import CopiedDatabase

FAR = 1e12
FIRST = 5_000_000


def listener(user_id: int) -> Listener:
    return Listener(Proof(user_id, uuid.uuid4(), None), 0, FAR, is_behind=False)


def publish(user_id: int, number: int | None = 1) -> None:
    client().publish(f"events:{user_id}", orjson.dumps({"id": number, "kind": "task.created", "payload": {}}))


async def until(holds: Callable[[], Any], seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.01)


class Log:
    """The log's newest numbers, and how often and for how many users it was asked."""

    def __init__(self) -> None:
        self.numbers: dict[int, int] = {}
        self.asked: list[int] = []
        self.judged: list[int] = []
        self.revoked: set[Proof] = set()

    def heads(self, users: list[int]) -> dict[int, int]:
        self.asked.append(len(users))
        return {user: self.numbers[user] for user in users if user in self.numbers}

    def standing(self, proofs: set[Proof]) -> set[Proof]:
        self.judged.append(len(proofs))
        return proofs - self.revoked


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    found = Log()
    monkeypatch.setattr(module, "_heads", found.heads)
    monkeypatch.setattr(module, "standing", found.standing)
    monkeypatch.setattr(module, "CHECK_EVERY_S", 0.1)
    monkeypatch.setattr(module, "BETWEEN_CHUNKS_S", 0.001)
    monkeypatch.setattr(module, "CONFIRMED_WITHIN_S", 60)
    return found


def run(work: Callable[[Hub], Awaitable[None]], *, is_open: bool = True) -> None:
    """`work` with a hub that has its line to Redis, unless that is what is tested."""

    async def all_of_it() -> None:
        hub, first = Hub(), listener(FIRST - 1)
        try:
            await hub.join(first, "first")
            if is_open:
                await until(lambda: hub._line.is_open)
            await work(hub)
        finally:
            await hub.close()

    asyncio.run(all_of_it())


def test_what_is_published_right_after_joining_is_heard(log: Log) -> None:
    async def work(hub: Hub) -> None:
        people = [listener(FIRST + number) for number in range(200)]

        async def arrive(one: Listener) -> None:
            await hub.join(one, "a")
            publish(one.proof.user_id)

        await asyncio.gather(*(arrive(one) for one in people))
        await until(lambda: all(one.waiting for one in people))
        assert [len(one.waiting) for one in people] == [1] * 200

    run(work)


def test_only_the_user_hears_and_with_every_connection(log: Log) -> None:
    async def work(hub: Hub) -> None:
        one, again, stranger = listener(FIRST), listener(FIRST), listener(FIRST + 1)
        for joining in (one, again, stranger):
            await hub.join(joining, "a")
        client().publish(f"events:{FIRST}", b"no json")
        client().publish(f"events:{FIRST}", b"[]")
        publish(FIRST)
        await until(lambda: one.waiting and again.waiting)
        assert not stranger.waiting

    run(work)


def test_who_left_and_came_back_hears_again(log: Log) -> None:
    async def work(hub: Hub) -> None:
        for _ in range(20):
            one = listener(FIRST)
            await hub.join(one, "a")
            publish(FIRST)
            await until(partial(len, one.waiting))
            await hub.leave(one, "a")
        assert (list(hub.listeners), hub.addresses) == ([FIRST - 1], {"first": 1})
        await until(lambda: client().pubsub_numsub(f"events:{FIRST}")[0][1] == 0)

    run(work)


def test_without_redis_joining_does_not_wait_and_the_log_is_read(log: Log, settings: Any, tmp_path: Path) -> None:
    settings.REDIS_URL = f"unix://{tmp_path}/nobody.sock"

    async def work(hub: Hub) -> None:
        behind, current = listener(FIRST), listener(FIRST + 1)
        begin = time.monotonic()
        for one in (behind, current):
            await hub.join(one, "a")
        assert time.monotonic() - begin < 30, "a confirmation would have been awaited for a minute"
        log.numbers = {FIRST: 3}
        await until(lambda: behind.is_behind)
        assert not current.is_behind

    run(work, is_open=False)


def test_what_is_published_before_redis_was_reached_is_read_from_the_log(log: Log) -> None:
    async def work(hub: Hub) -> None:
        early = listener(FIRST)
        log.numbers = {FIRST: 1}
        await hub.join(early, "a")
        publish(FIRST)
        await until(lambda: early.is_behind or early.waiting)

    run(work, is_open=False)


@pytest.fixture
def mortal(tmp_path: Path, settings: Any) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Starts a Redis that may die, and is the settings' one."""
    valkey = Valkey(tmp_path / "valkey", tmp_path / "v" / "sock", "x", tmp_path / "valkey.log", throw_away=True)
    valkey.create()
    settings.REDIS_URL = valkey.url()
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        command = [str(part) for part in valkey.program(tmp_path).command]
        started.append(subprocess.Popen(command, env={"PATH": os.defpath}, stdout=subprocess.DEVNULL))
        while not valkey.answers():
            time.sleep(0.02)
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_after_a_break_only_who_missed_something_reads_the_log(log: Log, mortal: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_PAUSE_S", 0.2)
    monkeypatch.setattr(module, "CHECK_EVERY_S", 60)
    people = [listener(FIRST + number) for number in range(1000)]
    missed = {one.proof.user_id for one in people[::100]}

    async def work(hub: Hub) -> None:
        redis = mortal()
        await until(lambda: hub._line.is_open)
        await asyncio.gather(*(hub.join(one, "a") for one in people))
        redis.kill()
        redis.wait()
        await until(lambda: not hub._line.is_connected)
        log.numbers = dict.fromkeys(missed, 4)
        log.asked.clear()
        mortal()
        await until(lambda: len(log.asked) >= 3 and {one.proof.user_id for one in people if one.is_behind} >= missed)
        await asyncio.sleep(0.2)
        assert {one.proof.user_id for one in people if one.is_behind} == missed
        assert log.asked == [CHUNK, CHUNK, 1]

    run(work, is_open=False)


def test_redis_that_answers_only_those_who_come_is_not_silent(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "PING_EVERY_S", 1.0)
    monkeypatch.setattr(line, "SILENT_S", 1.5)

    async def work(hub: Hub) -> None:
        for number in range(20):
            await hub.join(listener(FIRST + number), "a")
            await asyncio.sleep(0.15)
            assert hub._line.is_open, number

    run(work)


def test_proofs_are_judged_in_parts_and_only_the_revoked_end(log: Log) -> None:
    people = [listener(FIRST + number) for number in range(CHUNK * 2 + 1)]
    log.revoked = {people[7].proof}
    people[9].until = 0.0

    async def work(hub: Hub) -> None:
        await asyncio.gather(*(hub.join(one, "a") for one in people))
        log.judged.clear()
        await until(lambda: people[7].is_over and people[9].is_over)
        await until(lambda: len(log.judged) >= 3)
        assert max(log.judged) <= CHUNK
        assert sum(one.is_over for one in people) == 2

    run(work)


def test_a_bell_wakes_at_a_ring_or_when_the_time_is_over() -> None:
    async def work() -> None:
        bell, loop = Bell(), asyncio.get_running_loop()
        assert not await bell.within(0.02)
        for pause_s in (300, 100, 200):
            begin = loop.time()
            loop.call_later(0.01, bell.set)
            assert await bell.within(pause_s)
            bell.clear()
            assert loop.time() - begin < 60
        begin = loop.time()
        assert not await bell.within(0.05)
        assert loop.time() - begin > 0.04
        bell.set()
        assert await bell.within(0)

    asyncio.run(work())


def connections_of(database: CopiedDatabase) -> int:
    """How many there are beside the one that asks."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()", [database.name])
        return int(cursor.fetchone()[0])


def backend() -> int:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def test_a_thread_keeps_its_connection_for_a_moment_and_replaces_a_dead_one(
    committed_db: CopiedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "KEPT_S", 3.0)
    monkeypatch.setattr(threads, "TRUSTED_S", 0.0)

    async def work() -> int:
        in_thread = Threads(1)
        first = await in_thread(backend)
        assert await in_thread(backend) == first
        await Threads(1)(_execute, f"SELECT pg_terminate_backend({first})")
        second = await in_thread(backend)
        assert second != first
        with pytest.raises(ZeroDivisionError):
            await in_thread(lambda: 1 // 0)
        assert await in_thread(backend) == second
        return second

    before = connections_of(committed_db)
    asyncio.run(work())
    assert connections_of(committed_db) > before
    deadline = time.monotonic() + 30
    while connections_of(committed_db) > before:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _execute(statement: str) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(statement)
