"""Asking engines elsewhere how their work goes: each attempt when its time has come, by whoever claims the question."""

from __future__ import annotations

import datetime as dt
import logging
import tempfile
from pathlib import Path

from django.conf import settings

from config.kernel import clock
from generation import storage
from generation.engines.base import Engine, EngineStatus, Temporary
from generation.engines.registry import adapter_of
from generation.models import Attempt, Task
from generation.services.attempt import attempt_end
from generation.services.life import task_move
from generation.services.settle import OVERDUE, attempt_settle, attempt_stopped
from generation.services.takeback import attempt_fault
from generation.services.watch import progress_tell
from generation.states import ENDED, AttemptState, TaskState

log = logging.getLogger(__name__)

TURN_S = 120
"""How long whoever claimed the question has for it, the fetching of the output included."""
LOST_GRACE_S = 60
"""An engine may not know its own work yet for this long after it took it."""
LATE_EVERY_S = 60
LATE_FOR_S = 24 * 3600
"""How often, and for how long after the task ended, an engine is asked for a late output."""
STEPS_S = ((30, 2.5), (120, 7.0), (10**9, 20.0))
"""Age of an attempt (below, seconds) → seconds between two questions. Source: upstreams/generation.md §1, polling."""


def poll_time(sent_at: dt.datetime) -> dt.datetime:
    """When an attempt that was sent at `sent_at` is asked about next: soon while it is young, seldom when it is old."""
    now = clock.real_now()
    age_s = (now - sent_at).total_seconds()
    return now + dt.timedelta(seconds=next(step for below, step in STEPS_S if age_s < below))


def poll_claim(attempt_id: int) -> Attempt | None:
    """The right to ask about this attempt for two minutes; None when its time has not come or somebody else asks."""
    now = clock.real_now()
    due = Attempt.objects.filter(pk=attempt_id, state=AttemptState.RUNNING, next_poll_at__lte=now)
    if not due.update(next_poll_at=now + dt.timedelta(seconds=TURN_S)):
        return None
    return Attempt.objects.select_related("engine", "task").get(pk=attempt_id)


def poll_now(attempt_id: int) -> None:
    """The attempt's time has come."""
    Attempt.objects.filter(pk=attempt_id, state=AttemptState.RUNNING).update(next_poll_at=clock.real_now())


def attempt_ask(attempt_id: int) -> None:
    """The engine was asked about the attempt if it was time, and what it said has become true. Call it outside transactions.

    Past the task's deadline the engine is told to stop, and the task is TIMEOUT whatever it answers; an engine that cannot be
    reached then is asked for as long again, before the task is TIMEOUT without its word. Work that goes on upstream stays under
    watch for a day: its output may come late. What our own side cannot understand three times ends the task, refunded.
    """
    attempt = poll_claim(attempt_id)
    if attempt is None:
        return
    try:
        _ask(attempt)
    except Exception:
        log.exception("what engine %s says of attempt %s is beyond us", attempt.engine.name, attempt.pk)
        attempt_fault(attempt, ask_again_at=poll_time(attempt.sent_at))


def _ask(attempt: Attempt) -> None:
    adapter = adapter_of(attempt.engine)
    status = engine_word(adapter, attempt)
    if status is not None and status.state not in ("queued", "running"):
        settle(attempt, status)
    elif attempt.task.status in ENDED:
        _watch_late(attempt)
    elif not _cancelled(attempt, adapter) and not _overdue(attempt, adapter, is_silent=status is None):
        _note_progress(attempt, status)


def engine_word(adapter: Engine, attempt: Attempt) -> EngineStatus | None:
    """What the engine says of the attempt; None when it cannot be reached. Unknown work counts as running for the first minute."""
    try:
        status = adapter.poll(attempt.upstream_id)
    except Temporary as error:
        log.warning("engine %s did not say how attempt %s goes: %s", attempt.engine.name, attempt.pk, error)
        return None
    young = (clock.real_now() - attempt.sent_at).total_seconds() < LOST_GRACE_S
    return EngineStatus("running", 0) if status.state == "lost" and young else status


def settle(attempt: Attempt, status: EngineStatus) -> None:
    """What the engine said in the end has become true, its output fetched."""
    with tempfile.TemporaryDirectory(dir=storage.work_folder()) as folder:
        attempt_settle(task=attempt.task, attempt=attempt, status=status, workdir=Path(folder))


def attempt_stop(task_id: int) -> None:
    """The engine that has the task was asked to stop, because its owner wishes it; if it confirms, the task is CANCELLED.

    An engine that cannot stop, or cannot be reached, goes on: the task ends as it ends. Call it outside transactions.
    """
    running = Attempt.objects.select_related("engine", "task").filter(task_id=task_id, state=AttemptState.RUNNING)
    attempt = running.exclude(upstream_id="").order_by("-number").first()
    if attempt is not None and attempt.task.cancel_requested_at is not None and _stopped(adapter_of(attempt.engine), attempt):
        attempt_stopped(task=attempt.task, attempt=attempt)


def _stopped(adapter: Engine, attempt: Attempt) -> bool:
    try:
        return adapter.cancel(attempt.upstream_id)
    except Temporary as error:
        log.warning("engine %s did not answer whether attempt %s stops: %s", attempt.engine.name, attempt.pk, error)
        return False


def _cancelled(attempt: Attempt, adapter: Engine) -> bool:
    """Whether the owner's wish to stop has come true; the engine is asked each time, because a message may be lost."""
    if attempt.task.cancel_requested_at is None or not _stopped(adapter, attempt):
        return False
    attempt_stopped(task=attempt.task, attempt=attempt)
    return True


def _overdue(attempt: Attempt, adapter: Engine, *, is_silent: bool) -> bool:
    """Whether the task's deadline has passed; if so it is ended, unless the engine's word may still come."""
    late_s = (clock.real_now() - attempt.task.deadline_at).total_seconds()
    if late_s <= 0 or (is_silent and late_s < settings.TASK_DEADLINE_S):
        return False
    if _stopped(adapter, attempt):
        attempt_stopped(task=attempt.task, attempt=attempt)
        return True
    task_move(task_id=attempt.task_id, to=TaskState.TIMEOUT, trouble=OVERDUE)
    _watch_late(attempt)
    return True


def _watch_late(attempt: Attempt) -> None:
    """The engine is asked again in a minute, for a day after it was sent; then nobody waits for it any more."""
    now = clock.real_now()
    if (now - attempt.sent_at).total_seconds() > LATE_FOR_S:
        attempt_end(attempt, AttemptState.LOST, "never came")
    else:
        Attempt.objects.filter(pk=attempt.pk, state=AttemptState.RUNNING).update(next_poll_at=now + dt.timedelta(seconds=LATE_EVERY_S))


def _note_progress(attempt: Attempt, status: EngineStatus | None) -> None:
    Attempt.objects.filter(pk=attempt.pk, state=AttemptState.RUNNING).update(next_poll_at=poll_time(attempt.sent_at))
    if status is not None and status.progress > attempt.task.progress:
        percent = min(status.progress, 99.9)
        rows = Task.objects.filter(pk=attempt.task_id, status=TaskState.RUNNING, progress__lt=percent)
        if rows.update(progress=percent, updated_at=clock.real_now()):
            progress_tell(attempt.task, percent)
