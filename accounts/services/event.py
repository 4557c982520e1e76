"""The event log: what happened to a user, in order, in the transaction that made it happen."""

from __future__ import annotations

import datetime as dt
import logging
from functools import partial
from typing import Any

import orjson
import redis
from django.db import transaction
from django.utils.module_loading import import_string

from accounts.dispatch import outbox_wake
from config import reactions
from config.kernel import clock
from config.kernel.redis import client
from config.kernel.sql import fetch_one

logger = logging.getLogger(__name__)


def event_append(*, user_id: int, kind: str, payload: dict[str, Any], at: dt.datetime | None = None) -> int:
    """The event stands in the user's log, its `NOW` reactions have run, its `LATER` ones are in the outbox.

    Call it inside the transaction of the change, after that has locked its wallets. Locks the user's head row.
    Returns the event's number. Sockets and streams are told after commit. Raises KeyError for an undeclared kind.
    """
    later, now = reactions.LATER[kind], reactions.NOW[kind]
    with transaction.atomic():
        body = orjson.dumps(payload).decode()
        row = fetch_one(
            "SELECT accounts_event_append(%s::bigint, %s::text, %s::jsonb, %s::timestamptz, %s::text[]) AS number",
            (user_id, kind, body, at or clock.now(), list(later)),
        )
        number: int = row.number
        for name in now:
            import_string(name)(user_id=user_id, number=number, payload=payload)
        event_announce(user_id, number, kind, payload)
        if later:
            outbox_wake()
    return number


def later_of(kind: str) -> list[str]:
    """The later reactions of `kind`, for database functions that append the event themselves."""
    return list(reactions.LATER[kind])


def announcement(user_id: int, number: int, kind: str, payload: dict[str, Any]) -> tuple[str, bytes]:
    """The channel and the message by which sockets and streams hear of a user's event."""
    return f"events:{user_id}", orjson.dumps({"id": number, "kind": kind, "payload": payload})


def event_announce(user_id: int, number: int, kind: str, payload: dict[str, Any]) -> None:
    """After commit, who listens on `events:<user_id>` hears of the event. A silent Redis is no failure: the log is the truth."""
    transaction.on_commit(partial(_publish, *announcement(user_id, number, kind, payload)), robust=True)


def _publish(channel: str, message: bytes) -> None:
    try:
        client().publish(channel, message)
    except redis.RedisError:
        logger.warning("an event was not announced on %s: Redis does not answer", channel)
