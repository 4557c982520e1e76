"""The process's one Redis client."""

from __future__ import annotations

from functools import cache

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry


@cache
def client() -> redis.Redis:
    """The pooled client of `REDIS_URL`: answers are bytes; a dead server raises `redis.RedisError` within two seconds.

    A connection that the server dropped is replaced once, silently. Safe in threads and after a fork.
    """
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=2.0,
        socket_connect_timeout=1.0,
        max_connections=200,
        retry=Retry(NoBackoff(), 1),
    )
