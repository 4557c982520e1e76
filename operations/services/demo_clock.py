"""The business clock of demo mode: the offset stands in the database, Redis tells it to every process."""

from __future__ import annotations

import datetime as dt
import logging
import time

import redis
from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import F

from accounts.models import Installation
from config.kernel import clock
from config.kernel.errors import InvalidInput, NotFound
from config.kernel.redis import client

logger = logging.getLogger(__name__)
REDIS_KEY = "demo:clock_offset_s"
ADVANCE_MOST_S = 10 * 366 * 86_400
SILENCE_S = 1.0
_last_known_s = 0
_ask_again_at = 0.0


def clock_install() -> None:
    """Business time of this process follows the demo's clock from now on; outside demo mode nothing happens."""
    if settings.DEMO:
        clock.offset_source_set(clock_offset)


def clock_offset() -> dt.timedelta:
    """How far business time is ahead. One question to Redis, so that every process sees a move at once; no statement.

    While Redis is silent the last known offset holds; an emptied Redis is filled from the database.
    """
    global _last_known_s, _ask_again_at
    if time.monotonic() >= _ask_again_at:
        try:
            found = client().get(REDIS_KEY)
            _last_known_s = int(found) if isinstance(found, bytes) else _restore()  # the client answers bytes
        except (redis.RedisError, DatabaseError):
            _ask_again_at = time.monotonic() + SILENCE_S
    return dt.timedelta(seconds=_last_known_s)


def _restore() -> int:
    """The offset out of the database, told to Redis unless somebody was faster."""
    if _is_in_transaction_that_broke():
        return _last_known_s
    offset_s = Installation.objects.values_list("clock_offset_s", flat=True).first() or 0
    client().set(REDIS_KEY, offset_s, nx=True)
    return offset_s


def _is_in_transaction_that_broke() -> bool:
    return bool(transaction.get_connection().needs_rollback)


def clock_advance(*, advance_s: int) -> dt.timedelta:
    """Business time of the whole demo is later by `advance_s` seconds (1 s to 10 years together); the new offset.

    Locks the installation's row. Raises InvalidInput, NotFound (this is no demo).
    """
    if not settings.DEMO:
        raise NotFound()
    if isinstance(advance_s, bool) or not isinstance(advance_s, int) or advance_s < 1:
        raise InvalidInput.field("advance_s", "must be a whole number of seconds, at least 1")
    with transaction.atomic():
        within = Installation.objects.filter(is_demo=True, clock_offset_s__lte=ADVANCE_MOST_S - advance_s)
        if not within.update(clock_offset_s=F("clock_offset_s") + advance_s):
            raise InvalidInput.field("advance_s", "the clock cannot go further than ten years")
        offset_s = Installation.objects.values_list("clock_offset_s", flat=True).get()
        transaction.on_commit(lambda: _tell(offset_s))
    return dt.timedelta(seconds=offset_s)


def _tell(offset_s: int) -> None:
    global _last_known_s
    _last_known_s = offset_s
    try:
        client().set(REDIS_KEY, offset_s)
    except redis.RedisError:
        logger.warning("Redis does not answer: other processes learn of the moved clock later")
