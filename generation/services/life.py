"""The one function that changes a task's state: state, money, event and webhook in one transaction, no network inside."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Case, F, Value, When
from django.db.models.functions import Coalesce

from accounts.services.event import event_append
from config.kernel import clock
from generation.dispatch import task_wake
from generation.kinds import WRITTEN_PARAMS
from generation.models import Asset, Task
from generation.services.money import charge, give_back
from generation.services.notice import notice_create
from generation.states import EDGES, ENDED, TaskState

EVENTS = {
    TaskState.RUNNING: "task.started",
    TaskState.SUCCEEDED: "task.completed",
    TaskState.FAILED: "task.failed",
    TaskState.TIMEOUT: "task.failed",
    TaskState.CANCELLED: "task.cancelled",
}
"""A step back to PENDING is told to nobody: the next start is."""
MESSAGE_MAX = 500


@dataclass(frozen=True, slots=True)
class Lease:
    """Who works on a task, at which engine, and until when without a sign of life; the deadline counts from the first start (real time)."""

    owner: str
    until: dt.datetime
    engine_id: int | None
    deadline_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a task ended without success: a code for programs, a text its owner may read."""

    code: str
    message: str


def sources_of(to: TaskState) -> frozenset[TaskState]:
    """The states that lead to `to`."""
    return frozenset(state for state, following in EDGES.items() if to in following)


def task_move(
    *,
    task_id: int,
    to: TaskState,
    allowed: frozenset[TaskState] | None = None,
    lease_owner: str | None = None,
    lease: Lease | None = None,
    output: Asset | None = None,
    trouble: Trouble | None = None,
    run_after: dt.datetime | None = None,
    is_fault: bool = False,
    at: dt.datetime | None = None,
) -> Task | None:
    """The task is `to`, its money is settled, its event logged, its webhook queued; or None: somebody else was faster.

    `allowed` narrows the old states (default: every state that leads to `to`); with `lease_owner` only the holder of the
    lease moves it. SUCCEEDED captures a hold and keeps `output`, FAILED, TIMEOUT and CANCELLED give everything back, once.
    An erased owner's words leave it with its end.
    `run_after` (real time) puts a step back to PENDING off, `is_fault` counts it as our own. `at` is business time.
    Locks the task, the wallet, the event head, in this order; after commit a worker is woken. Source: design "A task's life".
    """
    real_now = clock.real_now()
    old = sources_of(to) if allowed is None else allowed & sources_of(to)
    with transaction.atomic():
        rows = Task.objects.filter(pk=task_id, status__in=old)
        if lease_owner is not None:
            rows = rows.filter(lease_owner=lease_owner)
        if not rows.update(**_changes(to, real_now, lease, output, trouble, run_after, is_fault)):
            return None
        task = Task.objects.select_related("user", "output").get(pk=task_id)
        _settle(task, to, at or clock.now())
        _tell(task, to, at or clock.now())
        if to in ENDED and task.user.erased_at is not None:
            _forget(task)
    return task


def _forget(task: Task) -> None:
    """What its erased owner wrote leaves the task, and what was made of it loses its use."""
    task.params = {name: value for name, value in task.params.items() if name not in WRITTEN_PARAMS}
    Task.objects.filter(pk=task.pk).update(params=task.params)
    Asset.objects.filter(task=task, is_public=False).update(used_at=None)


def _changes(
    to: TaskState,
    real_now: dt.datetime,
    lease: Lease | None,
    output: Asset | None,
    trouble: Trouble | None,
    run_after: dt.datetime | None,
    is_fault: bool,
) -> dict[str, Any]:
    """The columns that change with the state."""
    changes: dict[str, Any] = {"status": to, "updated_at": real_now, "lease_owner": "", "lease_until": None, "run_after": run_after}
    if is_fault:
        changes["faults"] = F("faults") + 1
    if lease is not None:
        changes |= {"lease_owner": lease.owner, "lease_until": lease.until, "engine_id": lease.engine_id}
        changes["deadline_at"] = Case(When(started_at__isnull=True, then=Value(lease.deadline_at)), default=F("deadline_at"))
        changes["started_at"] = Coalesce(F("started_at"), Value(real_now))
    if to in ENDED:
        changes["completed_at"] = real_now
    if output is not None:
        changes |= {"output": output, "output_duration_ms": output.duration_ms, "progress": 100}
    if trouble is not None:
        changes |= {"error_code": trouble.code, "error_message": trouble.message[:MESSAGE_MAX]}
    return changes


def _settle(task: Task, to: TaskState, at: dt.datetime) -> None:
    """The money of an ended task: captured, or given back exactly once."""
    if to is TaskState.SUCCEEDED:
        _capture(task, at)
    elif to in ENDED:
        give_back(task, at)


def _capture(task: Task, at: dt.datetime) -> None:
    if task.hold_id is None:
        return
    amount = capture_amount(task, task.output_duration_ms or 0)
    charge(task, amount, at)
    Task.objects.filter(pk=task.pk).update(cost_credits=amount)
    task.cost_credits = amount


def capture_amount(task: Task, duration_ms: int) -> int:
    """Credits for an output of `duration_ms`: begun seconds at the price they were reserved at, never more than was reserved."""
    reserved_s = int(task.params["reserved_s"])
    return task.cost_credits // reserved_s * min(math.ceil(duration_ms / 1000), reserved_s)


def _tell(task: Task, to: TaskState, at: dt.datetime) -> None:
    """The event, and for an ended task the webhook; after commit a worker looks at the queue where a place became free."""
    if to in ENDED:
        notice_create(task, at=clock.real_now())
    if to in EVENTS:
        payload = {"task_id": str(task.uuid), "kind": task.kind, "status": str(to), "cost": task.cost_credits}
        if task.error_message and to in ENDED:
            payload["error"] = task.error_message
        event_append(user_id=task.user_id, kind=EVENTS[to], payload=payload, at=at)
    if to in ENDED or to is TaskState.PENDING:
        transaction.on_commit(task_wake)
