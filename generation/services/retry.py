"""Retrying: a new task at today's price, linked to the old one."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from config.kernel.principal import Principal
from generation.exceptions import TaskNotFound, TaskNotRetryable
from generation.kinds import asked_params
from generation.models import Task
from generation.services.task_create import CreatedTask, IdempotencyKey, task_create
from generation.states import RETRYABLE


def task_retry(
    *,
    principal: Principal,
    task_uuid: UUID,
    idempotency: IdempotencyKey | None = None,
    at: dt.datetime | None = None,
) -> CreatedTask:
    """A new PENDING task with the parameters of the caller's FAILED, TIMEOUT or CANCELLED one, priced and paid as of today.

    Raises TaskNotFound, TaskNotRetryable, and whatever `task_create` raises; then nothing moved.
    """
    old = Task.objects.filter(user_id=principal.user_id, uuid=task_uuid).first()
    if old is None:
        raise TaskNotFound()
    if old.status not in RETRYABLE:
        raise TaskNotRetryable()
    return task_create(
        principal=principal,
        kind=old.kind,
        offer=old.offer,
        alias=old.alias,
        params=asked_params(old.params),
        webhook_url=old.webhook_url,
        idempotency=idempotency,
        retry_of_id=old.pk,
        at=at,
    )
