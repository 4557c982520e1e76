"""Request limits: exact sliding windows in Redis, in real time."""

from __future__ import annotations

import hashlib
import logging
import math
from dataclasses import dataclass

import redis
from django.conf import settings

from config.kernel.errors import TooManyRequests
from config.kernel.redis import client

log = logging.getLogger(__name__)

TAKE = """
local time = redis.call('TIME')
local now_us = time[1] * 1000000 + time[2]
local limit, period_us = tonumber(ARGV[1]), tonumber(ARGV[2]) * 1000000
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now_us - period_us)
local used = redis.call('ZCARD', KEYS[1])
if used < limit then
  redis.call('ZADD', KEYS[1], now_us, now_us .. '-' .. used)
  redis.call('EXPIRE', KEYS[1], ARGV[2])
  used = used + 1
else
  used = limit + 1
end
local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2]
return {used, oldest and math.ceil(oldest + period_us - now_us) or period_us}
"""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of a limit: `remaining` more now, the oldest use falls out of the window in `reset_s` seconds."""

    limit: int
    remaining: int
    reset_s: int


def _key(name: str, subject: str) -> str:
    return f"limit:{name}:{hashlib.sha256(subject.encode()).hexdigest()[:32]}"


def take(name: str, subject: str, limit: int, period_s: int) -> Allowance:
    """One more use of limit `name` by `subject` is counted: at most `limit` within any `period_s` seconds.

    A refusal counts nothing and raises TooManyRequests(retry_after_s). `RATE_LIMITS=off` allows everything;
    so does a silent Redis, because a limit must never stop the work itself (logged).
    """
    if not settings.RATE_LIMITS:
        return Allowance(limit, limit, 0)
    try:
        used, wait_us = client().eval(TAKE, 1, _key(name, subject), limit, period_s)
    except redis.RedisError:
        log.warning("limit %s is not counted: Redis does not answer", name)
        return Allowance(limit, limit, 0)
    reset_s = max(1, math.ceil(int(wait_us) / 1_000_000))
    if used > limit:
        raise TooManyRequests(retry_after_s=reset_s, limit=limit)
    return Allowance(limit, limit - int(used), reset_s)


def forget(name: str, subject: str) -> None:
    """What `subject` used of limit `name` is forgotten; nothing happens while Redis is silent."""
    try:
        client().delete(_key(name, subject))
    except redis.RedisError:
        log.warning("limit %s is not forgotten: Redis does not answer", name)
