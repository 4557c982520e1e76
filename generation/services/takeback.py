"""Taking a task back from a worker that died or that our own mistake broke."""

from __future__ import annotations

import datetime as dt
import logging

from django.db import transaction

from config.kernel import clock
from generation.locks import task_locked
from generation.models import Attempt, Task
from generation.services.attempt import attempt_end, attempt_open_of
from generation.services.life import Trouble, task_move
from generation.services.route import runs_here
from generation.services.settle import RUNNING, task_stop_due
from generation.states import WORKER_LOST, AttemptState, TaskState

log = logging.getLogger(__name__)

FAULTS = 3
REST_S = 1
BROKEN = Trouble("internal", "Something went wrong on our side. Your credits have been returned.")


def task_take_back(*, task_id: int, lease_owner: str) -> bool:
    """The task that `lease_owner` held has gone on without it; False if it had already.

    Nothing sent, or an engine that died with its worker: PENDING again, charged once; at the third time FAILED, refunded, and an
    alarm is logged. Sent to an engine elsewhere: it stays RUNNING and the engine is asked; without the engine's answer it waits
    for a sign of it until the deadline, and is never sent again. Locks task, wallet, event head.
    """
    with transaction.atomic():
        task = task_locked(task_id)
        if task.status != TaskState.RUNNING or task.lease_owner != lease_owner:
            return False
        attempt = attempt_open_of(task_id)
        if attempt is not None and not runs_here(attempt.engine):
            _leave_to_engine(task, attempt)
            return True
        if attempt is not None:
            attempt_end(attempt, AttemptState.LOST, WORKER_LOST)
        if not task_stop_due(task, lease_owner=lease_owner):
            _again(task)
    return True


def attempt_fault(attempt: Attempt, *, ask_again_at: dt.datetime) -> None:
    """Our own side could not make sense of what an engine elsewhere said: it is asked again; at the third time the task is
    FAILED, refunded, and an alarm is logged. Work of a task that has ended is given up at once. Locks task, wallet, event head."""
    with transaction.atomic():
        task = task_locked(attempt.task_id)
        if task.status == TaskState.RUNNING and task.faults + 1 < FAULTS:
            Task.objects.filter(pk=task.pk).update(faults=task.faults + 1)
            Attempt.objects.filter(pk=attempt.pk, state=AttemptState.RUNNING).update(next_poll_at=ask_again_at)
            return
        log.critical("ALARM what engine %s says of task %s is beyond us; it is given up", attempt.engine.name, task.uuid)
        task_move(task_id=task.pk, to=TaskState.FAILED, allowed=RUNNING, trouble=BROKEN, is_fault=True)
        attempt_end(attempt, AttemptState.LOST, WORKER_LOST)


def _leave_to_engine(task: Task, attempt: Attempt) -> None:
    Task.objects.filter(pk=task.pk).update(lease_owner="", lease_until=None)
    Attempt.objects.filter(pk=attempt.pk, state=AttemptState.RUNNING).update(next_poll_at=clock.real_now())


def _again(task: Task) -> None:
    if task.faults + 1 >= FAULTS:
        log.critical("ALARM task %s was broken by our own side %s times; it is given up and refunded", task.uuid, FAULTS)
        task_move(task_id=task.pk, to=TaskState.FAILED, allowed=RUNNING, trouble=BROKEN, is_fault=True)
    else:
        after = clock.real_now() + dt.timedelta(seconds=REST_S)
        task_move(task_id=task.pk, to=TaskState.PENDING, run_after=after, is_fault=True)
