"""Cancelling: at once while nothing began, otherwise when the engine confirms that it stopped."""

from __future__ import annotations

import datetime as dt
import enum
from functools import partial
from uuid import UUID

from django.db import transaction

from config.kernel import clock
from generation.dispatch import task_stop
from generation.exceptions import TaskNotCancellable, TaskNotFound
from generation.models import Task
from generation.services.life import task_move
from generation.services.settle import STOPPED
from generation.states import TaskState

PENDING = frozenset({TaskState.PENDING})
TURNS = 3


class CancelResult(enum.Enum):
    """DONE: the task is over and refunded. REQUESTED: an engine must confirm that it stopped."""

    DONE = "done"
    REQUESTED = "requested"


def task_cancel(*, user_id: int, task_uuid: UUID, at: dt.datetime | None = None) -> CancelResult:
    """The user's PENDING task is CANCELLED and refunded; a RUNNING one will be when its engine confirms, else it ends normally.

    Raises TaskNotFound, TaskNotCancellable (it has ended). Source: contracts/README "Charging"; design "A task's life".
    """
    task = Task.objects.filter(user_id=user_id, uuid=task_uuid).only("pk").first()
    if task is None:
        raise TaskNotFound()
    return task_end(task_id=task.pk, at=at)


def task_end(*, task_id: int, at: dt.datetime | None = None) -> CancelResult:
    """As `task_cancel`, on the platform's own authority (an operator, an erasure). Raises TaskNotCancellable."""
    for _ in range(TURNS):  # a task may be claimed, or put back, between two looks
        if task_move(task_id=task_id, to=TaskState.CANCELLED, allowed=PENDING, trouble=STOPPED, at=at) is not None:
            return CancelResult.DONE
        if _request(task_id):
            transaction.on_commit(partial(task_stop, task_id), robust=True)
            return CancelResult.REQUESTED
    raise TaskNotCancellable()


def _request(task_id: int) -> bool:
    """The wish stands on the RUNNING task's row, where its worker sees it within half a second; False if it is not RUNNING."""
    now = clock.real_now()
    running = Task.objects.filter(pk=task_id, status=TaskState.RUNNING)
    return running.update(cancel_requested_at=now, updated_at=now) == 1
