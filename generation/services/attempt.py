"""Attempts: one row a try at an engine, written before anything is sent."""

from __future__ import annotations

import datetime as dt

from django.db import transaction

from config.kernel import clock
from generation.models import Attempt, Task
from generation.services.route import engine_judge
from generation.states import AttemptState, TaskState

OPEN = frozenset({AttemptState.SENDING, AttemptState.RUNNING})


def attempt_open(*, task: Task, engine_id: int) -> Attempt | None:
    """The next attempt of a task stands as SENDING, before the call; None when the worker's lease is lost. Locks the task."""
    with transaction.atomic():
        held = Task.objects.select_for_update().filter(pk=task.pk, status=TaskState.RUNNING, lease_owner=task.lease_owner)
        if not held.exists():
            return None
        number = Attempt.objects.filter(task=task).count() + 1
        return Attempt.objects.create(task=task, number=number, engine_id=engine_id, sent_at=clock.real_now())


def attempt_accept(attempt: Attempt, *, upstream_id: str = "", next_poll_at: dt.datetime | None = None) -> bool:
    """The engine took the attempt (as `upstream_id`, to be asked at `next_poll_at`); False if no answer was awaited."""
    rows = Attempt.objects.filter(pk=attempt.pk, state=AttemptState.SENDING)
    return rows.update(state=AttemptState.RUNNING, upstream_id=upstream_id, answered_at=clock.real_now(), next_poll_at=next_poll_at) == 1


def attempt_end(attempt: Attempt, state: AttemptState, verdict: str = "") -> bool:
    """The attempt ended; False if it already had. After commit its engine's health is judged."""
    rows = Attempt.objects.filter(pk=attempt.pk, state__in=OPEN)
    if not rows.update(state=state, verdict=verdict[:200], ended_at=clock.real_now(), next_poll_at=None):
        return False
    transaction.on_commit(lambda: _judge(attempt), robust=True)
    return True


def attempt_open_of(task_id: int) -> Attempt | None:
    """The task's attempt that has not ended, if any."""
    return Attempt.objects.select_related("engine").filter(task_id=task_id, state__in=OPEN).order_by("-number").first()


def _judge(attempt: Attempt) -> None:
    engine_judge(attempt.engine)
