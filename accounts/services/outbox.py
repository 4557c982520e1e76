"""The outbox: every later reaction runs once, by a worker, with back-off; what is given up is told."""

from __future__ import annotations

import datetime as dt
import logging

from django.db import transaction
from django.db.models import F
from django.utils.module_loading import import_string

from accounts.models import Outbox
from config.kernel import clock

logger = logging.getLogger(__name__)

BACKOFF_S = (5, 30, 120, 600, 1800, 3600, 7200, 14_400, 28_800)
"""Seconds to wait after the first, second … failure; one more failure and the reaction is given up."""


def outbox_run(limit: int = 100, *, at: dt.datetime | None = None) -> int:
    """Up to `limit` due reactions have run; returns how many were tried.

    Each row is claimed with SKIP LOCKED and settled in one transaction with what its reaction writes, so a
    reaction that succeeded never runs again. A reaction makes no network call: it writes rows or enqueues.
    Raises nothing: a failure is kept on the row, tried again with back-off, and given up in the end (logged).
    """
    now = at or clock.now()
    tried = 0
    while tried < limit and _run_next(now):
        tried += 1
    return tried


def _run_next(now: dt.datetime) -> bool:
    """The oldest due reaction has run or been put off; False when none is due."""
    with transaction.atomic():
        due = Outbox.objects.filter(done_at__isnull=True, failed_at__isnull=True, next_try_at__lte=now)
        row = due.select_for_update(skip_locked=True, of=("self",)).select_related("event").order_by("next_try_at", "id").first()
        if row is None:
            return False
        error = _react(row)
        if error is None:
            Outbox.objects.filter(pk=row.pk).update(done_at=now, tries=F("tries") + 1)
        else:
            _put_off(row, error, now)
    return True


def _react(row: Outbox) -> Exception | None:
    """What the reaction raised, its writes undone; None after success."""
    try:
        with transaction.atomic():
            event = row.event
            import_string(row.reaction)(user_id=event.user_id, number=event.number, payload=event.payload)
    except Exception as error:
        logger.exception("reaction %s to event %s failed", row.reaction, row.event_id)
        return error
    return None


def _put_off(row: Outbox, error: Exception, now: dt.datetime) -> None:
    given_up = row.tries >= len(BACKOFF_S)
    wait = dt.timedelta(seconds=0 if given_up else BACKOFF_S[row.tries])
    if given_up:
        logger.error("reaction %s to event %s is given up", row.reaction, row.event_id)
    Outbox.objects.filter(pk=row.pk).update(
        tries=F("tries") + 1,
        next_try_at=now + wait,
        failed_at=now if given_up else None,
        error=f"{type(error).__name__}: {error}"[:200],
    )
