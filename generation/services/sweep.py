"""The sweeps: whatever a lost message, a dead worker or a silent engine left lying is found here and goes on."""

from __future__ import annotations

import datetime as dt
import logging
import shutil
from collections.abc import Callable
from typing import Any

from config.kernel import clock
from generation import storage
from generation.dispatch import attempt_poll, task_wake
from generation.models import Attempt, Task
from generation.selectors.queue import can_start, oldest_waiting_s
from generation.services.attempt import attempt_open_of
from generation.services.claim import queue_age
from generation.services.life import Trouble, task_move
from generation.services.moderation import hits_expire
from generation.services.route import runs_here
from generation.services.settle import OVERDUE
from generation.services.takeback import task_take_back
from generation.states import AttemptState, TaskState

log = logging.getLogger(__name__)

BATCH = 200
ALARM_S = 600
"""A queue whose oldest task could start but waits longer than this is an alarm: no worker takes it."""
QUEUE_LIFE = dt.timedelta(hours=24)
WORK_LIFE_S = 24 * 3600
WAITED_TOO_LONG = Trouble("queue_timeout", "No engine became free in time. Your credits have been returned.")


def sweep_tasks() -> None:
    """Everything that lies still goes on: leases taken back, deadlines kept, engines asked, patience rewarded, workers woken.

    Safe to run twice at once. What cannot be helped is logged and stops nothing else.
    """
    for step in (leases_take_back, deadlines_keep, polls_enqueue, queue_age, queue_wake):
        _safely(step)


def sweep_slowly() -> None:
    """What may wait an hour: tasks that waited for a day, old hits of moderation, work folders of dead workers."""
    for step in (queue_expire, hits_expire, work_sweep):
        _safely(step)


def _safely(step: Callable[..., Any], **given: Any) -> Any:
    """What the step returned, None if it failed: one sick task must not keep the others waiting."""
    try:
        return step(**given)
    except Exception:
        log.exception("ALARM the sweep %s failed (%s)", step.__name__, given)
        return None


def leases_take_back() -> int:
    """Every task whose lease expired goes on without its worker. Returns how many."""
    expired = Task.objects.filter(status=TaskState.RUNNING, lease_until__lt=clock.real_now()).order_by("lease_until")
    taken = 0
    for task_id, owner in list(expired.values_list("pk", "lease_owner")[:BATCH]):
        if _safely(task_take_back, task_id=task_id, lease_owner=owner):
            log.warning("the lease of task %s expired: taken back from %s", task_id, owner)
            taken += 1
    return taken


def deadlines_keep() -> int:
    """A task past its deadline that nothing works on and no engine can be asked about is TIMEOUT, refunded. Returns how many.

    A worker ends its own task; an engine elsewhere is asked first (`attempt_ask`).
    """
    overdue = Task.objects.filter(status=TaskState.RUNNING, lease_until__isnull=True, deadline_at__lt=clock.real_now())
    ended = 0
    for task_id in list(overdue.order_by("deadline_at").values_list("pk", flat=True)[:BATCH]):
        attempt = attempt_open_of(task_id)
        if attempt is None or not attempt.upstream_id or runs_here(attempt.engine):
            ended += _safely(task_move, task_id=task_id, to=TaskState.TIMEOUT, trouble=OVERDUE) is not None
    return ended


def queue_expire() -> int:
    """A task that waited for a day is FAILED, refunded. Returns how many."""
    waiting = Task.objects.filter(status=TaskState.PENDING, created_at__lt=clock.real_now() - QUEUE_LIFE)
    ended = 0
    for task_id in list(waiting.order_by("pk").values_list("pk", flat=True)[:BATCH]):
        to = {"to": TaskState.FAILED, "allowed": frozenset({TaskState.PENDING}), "trouble": WAITED_TOO_LONG}
        ended += _safely(task_move, task_id=task_id, **to) is not None
    if ended:
        log.critical("ALARM %s tasks waited for a day and were given up", ended)
    return ended


def polls_enqueue() -> int:
    """Every attempt whose engine is to be asked now is in a worker's hands. Returns how many."""
    due = Attempt.objects.filter(state=AttemptState.RUNNING, next_poll_at__lte=clock.real_now()).exclude(upstream_id="")
    ids = list(due.order_by("next_poll_at").values_list("pk", flat=True)[:BATCH])
    for attempt_id in ids:
        attempt_poll(attempt_id)
    return len(ids)


def queue_wake() -> None:
    """A worker is woken if a task could start; operators are told if it could for ten minutes and nobody came."""
    if not can_start():
        return
    waited_s = oldest_waiting_s()
    if waited_s > ALARM_S:
        log.critical("ALARM the oldest task that could start waits for %d s: is a worker running?", waited_s)
    task_wake()


def work_sweep() -> int:
    """Work folders that dead workers left a day ago are gone. Returns how many."""
    gone = 0
    for folder in storage.work_folder().iterdir():
        if folder.stat().st_mtime < clock.real_now().timestamp() - WORK_LIFE_S:
            shutil.rmtree(folder, ignore_errors=True)
            gone += 1
    return gone
