"""The one place that enqueues work, after commit. The database is the queue: a message only says "look".

A lost message costs time and never a task, so a silent broker is logged and swallowed: the sweeps find what waits.
"""

from __future__ import annotations

import logging
import time
from typing import Any

import redis
from kombu.exceptions import KombuError

from config.kernel.redis import client

log = logging.getLogger(__name__)

GUARD = "generation:woken"
GUARD_MS = 5_000
"""How long a wake-up that nobody took silences the next ones."""
SILENCE_S = 1.0
"""After a failure nobody waits for the broker again for this long."""
_silent_until = 0.0


def task_wake() -> None:
    """A worker will look at the queue soon. While an untaken wake-up is under way this is one Redis command and no message."""
    if time.monotonic() < _silent_until:
        return
    try:
        if client().set(GUARD, b"1", nx=True, px=GUARD_MS):
            _send("generation.work")
    except (redis.RedisError, KombuError, OSError):
        _silence()


def _silence() -> None:
    global _silent_until
    _silent_until = time.monotonic() + SILENCE_S
    log.warning("no worker was woken: the broker does not answer; the sweep will find the task")


def task_announce(channel: str, message: bytes) -> None:
    """Who listens on `channel` hears `message`, and a worker will look at the queue soon: one round trip for both."""
    if time.monotonic() < _silent_until:
        return
    try:
        pipe = client().pipeline(transaction=False)
        pipe.publish(channel, message)
        pipe.set(GUARD, b"1", nx=True, px=GUARD_MS)
        if pipe.execute()[1]:
            _send("generation.work")
    except (redis.RedisError, KombuError, OSError):
        _silence()


def wake_taken() -> None:
    """The next `task_wake` sends a message again. Called before a worker's every look at the queue, so that no wake-up is lost."""
    try:
        client().delete(GUARD)
    except redis.RedisError:
        log.warning("the wake-up is not cleared: Redis does not answer; it expires by itself")


def attempt_poll(attempt_id: int) -> None:
    """A worker will ask the attempt's engine soon."""
    _try("generation.poll", attempt_id)


def task_stop(task_id: int) -> None:
    """A worker will ask the task's engine to stop soon."""
    _try("generation.stop", task_id)


def _try(name: str, *args: Any) -> None:
    try:
        _send(name, *args)
    except (redis.RedisError, KombuError, OSError):
        log.warning("%s is not enqueued: the broker does not answer; the sweep will do it", name)


def _send(name: str, *args: Any) -> None:
    from config.celery import app  # heavy: a web process pays for it at its first message only

    app.send_task(name, args=args, retry=False)
