"""Claiming: a worker takes the next task on a lease that it renews while it lives."""

from __future__ import annotations

import datetime as dt
import os
import socket

from django.conf import settings
from django.db import transaction

from config.kernel import clock
from config.kernel.ids import secret_token
from config.kernel.sql import fetch_one
from generation.models import Task
from generation.services.life import Lease, Trouble, task_move
from generation.states import TaskState

LEASE_S = 30
FIRST = 1
"""The priority of tasks that stand before others."""
RETIRED = Trouble("model_retired", "This model has been retired.")


def owner_name() -> str:
    """A new name of a lease's holder: unlike any other, and it tells an operator where to look."""
    return f"{socket.gethostname()[:24]}:{os.getpid()}:{secret_token(size_bytes=9)}"


def task_claim(owner: str) -> Task | None:
    """The next task, RUNNING and leased to `owner` for 30 s; None when nothing may start now.

    Members first, then oldest; within the user's limit of running tasks and the engines' concurrency. A task whose alias
    has no engine left ends on the way, refunded. Takes the claim's turn, then locks as `task_move` does.
    """
    while True:
        with transaction.atomic():
            row = fetch_one("select * from generation_task_next(%s::int, %s::timestamptz)", (_user_limit(), clock.real_now()))
            if row is None:
                return None
            if row.engine_id is not None:
                return task_move(task_id=row.task_id, to=TaskState.RUNNING, lease=lease_of(owner, row.engine_id))
            task_move(task_id=row.task_id, to=TaskState.FAILED, allowed=frozenset({TaskState.PENDING}), trouble=RETIRED)


def queue_age() -> int:
    """Whoever has waited `QUEUE_PATIENCE_S` stands among the first from now on, before those who came later. Returns how many.

    So nobody waits for ever behind a stream of members. Real time; no locks beyond the tasks' own.
    """
    patience = dt.timedelta(seconds=settings.QUEUE_PATIENCE_S)
    waiting = Task.objects.filter(status=TaskState.PENDING, priority=0, created_at__lt=clock.real_now() - patience)
    return waiting.update(priority=FIRST)


def lease_of(owner: str, engine_id: int) -> Lease:
    """A lease that begins now."""
    now = clock.real_now()
    return Lease(owner, now + dt.timedelta(seconds=LEASE_S), engine_id, now + dt.timedelta(seconds=settings.TASK_DEADLINE_S))


def lease_renew(*, task_id: int, owner: str) -> bool:
    """The lease lasts 30 s from now; False when it is no longer the owner's."""
    until = clock.real_now() + dt.timedelta(seconds=LEASE_S)
    rows = Task.objects.filter(pk=task_id, status=TaskState.RUNNING, lease_owner=owner)
    return rows.update(lease_until=until) == 1


def lease_hand_over(*, task_id: int, owner: str) -> bool:
    """The task stays RUNNING without a worker: an engine elsewhere has it, and is asked by whoever's turn it is."""
    rows = Task.objects.filter(pk=task_id, status=TaskState.RUNNING, lease_owner=owner)
    return rows.update(lease_owner="", lease_until=None) == 1


def _user_limit() -> int:
    return settings.USER_RUNNING_LIMIT if settings.RATE_LIMITS else 0
