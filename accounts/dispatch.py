"""The one place of this room that enqueues, after commit. The rows are the queue: a message only says "look"."""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

import redis
from django.db import transaction
from kombu.exceptions import KombuError

log = logging.getLogger(__name__)


def outbox_wake() -> None:
    """After commit a worker looks at the outbox soon."""
    transaction.on_commit(partial(_try, "accounts.outbox"), robust=True)


def webhooks_wake() -> None:
    """After commit a worker looks at the due deliveries soon."""
    transaction.on_commit(partial(_try, "accounts.webhooks"), robust=True)


def password_reset_mail(address: str) -> bool:
    """A worker will write to `address` if it belongs to an account; False when no broker answers."""
    return _try("accounts.password_reset_mail", address)


def _try(name: str, *args: Any) -> bool:
    from config.celery import app  # heavy: a web process pays for it at its first message only

    try:
        app.send_task(name, args=args, retry=False)
    except (redis.RedisError, KombuError, OSError):
        log.warning("%s is not enqueued: the broker does not answer; a sweep will do what can be swept", name)
        return False
    return True
