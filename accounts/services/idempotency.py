"""`Idempotency-Key`: the first answer of a paying request, again."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from accounts.models import Idempotency
from config.kernel import clock
from config.kernel.sql import call

LOCK_S = 60
"""How long a first request may run before another may claim its key (seconds)."""
KEEP = dt.timedelta(hours=48)


@dataclass(frozen=True, slots=True)
class Replay:
    """The kept answer of the first request: HTTP status, body bytes, and what it made."""

    status: int
    body: bytes
    reference: str


def idempotency_claim(*, user_id: int, key: str, input_hash: bytes, lock_s: int = LOCK_S) -> Replay | None:
    """The key is claimed for `lock_s` seconds (None), or its kept answer is returned.

    Raises IdempotencyConflict (the key stands for another input), IdempotencyRunning (its first request still runs).
    """
    row = call(
        "SELECT status, body, reference FROM accounts_idempotency_claim(%s::bigint, %s::text, %s::bytea, %s::timestamptz, %s::int)",
        (user_id, key, input_hash, clock.real_now(), lock_s),
    )
    return None if row.status is None else Replay(row.status, bytes(row.body or b""), row.reference)


def idempotency_kept(*, user_id: int, key: str, input_hash: bytes) -> Replay | None:
    """The kept answer of the finished first request under this key, None without one for the same input; nothing is claimed."""
    row = Idempotency.objects.filter(user_id=user_id, key=key, input_hash=input_hash, status__isnull=False).first()
    return Replay(row.status or 0, bytes(row.body or b""), row.reference) if row else None


def idempotency_store(*, user_id: int, key: str, status: int, body: bytes, reference: str = "") -> None:
    """The claimed key keeps this answer; a key that was never claimed or is finished stays as it is."""
    Idempotency.objects.filter(user_id=user_id, key=key, status__isnull=True).update(
        status=status, body=body, reference=reference, locked_until=None
    )


def idempotency_release(*, user_id: int, key: str) -> None:
    """A refused request frees its key; a kept answer stays."""
    Idempotency.objects.filter(user_id=user_id, key=key, status__isnull=True).delete()


def idempotency_sweep(*, at: dt.datetime | None = None) -> int:
    """Keys older than 48 hours (real time) are forgotten; returns how many."""
    count, _ = Idempotency.objects.filter(created_at__lt=(at or clock.real_now()) - KEEP).delete()
    return count
